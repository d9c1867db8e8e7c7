"""Serve one sandbox application on loopback."""

from __future__ import annotations

import argparse
import errno
import socket
import sys
from ipaddress import ip_address

import uvicorn
from starlette.applications import Starlette

LOOPBACK = "127.0.0.1"


def argument_parser(name: str, what: str, *, port: int | None = None) -> argparse.ArgumentParser:
    """The arguments every sandbox server has; `--port 0` takes a free one; `port` is its default."""
    parser = argparse.ArgumentParser(prog=f"python -m sandbox.{name}", description=what)
    parser.add_argument(
        "--port", type=int, default=port, required=port is None, help="port on the host; 0 takes a free one"
    )
    parser.add_argument(
        "--host", type=_loopback, default=LOOPBACK, help="address of loopback (default: %(default)s)"
    )
    return parser


def _loopback(text: str) -> str:
    """What listens elsewhere than on loopback would be everybody's."""
    try:
        if ip_address(text).is_loopback:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no address of loopback")


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """A listening socket on loopback, or a clear sentence and exit 2 when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else small answers wait 40 ms
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"port {port} on {host} is in use; choose another with --port", file=sys.stderr)
        raise SystemExit(2) from None
    sock.listen(128)
    return sock


def serve(name: str, app: Starlette, port: int, host: str = LOOPBACK) -> None:
    """Serve until SIGTERM or Ctrl-C; print the address once connections are accepted."""
    sock = listen(port, host)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    print(f"{name} on http://{host}:{sock.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[sock])
