"""Serve one sandbox application on loopback."""

from __future__ import annotations

import argparse
import errno
import socket
import sys

import uvicorn
from starlette.applications import Starlette

LOOPBACK = "127.0.0.1"


def argument_parser(name: str, what: str, *, port: int | None = None) -> argparse.ArgumentParser:
    """The arguments every sandbox server has; `--port 0` takes a free one; `port` is its default."""
    parser = argparse.ArgumentParser(prog=f"python -m sandbox.{name}", description=what)
    parser.add_argument(
        "--port", type=int, default=port, required=port is None, help="port on 127.0.0.1; 0 takes a free one"
    )
    return parser


def listen(port: int) -> socket.socket:
    """A listening socket on loopback, or a clear sentence and exit 2 when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else small answers wait 40 ms
    try:
        sock.bind((LOOPBACK, port))
    except OSError as error:
        sock.close()
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"port {port} on {LOOPBACK} is in use; choose another with --port", file=sys.stderr)
        raise SystemExit(2) from None
    sock.listen(128)
    return sock


def serve(name: str, app: Starlette, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; print the address once connections are accepted."""
    sock = listen(port)
    print(f"{name} on http://{LOOPBACK}:{sock.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[sock])
