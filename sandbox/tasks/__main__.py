"""`python -m sandbox.tasks --port N [--control-port N] [--data FILE] [--now INSTANT] [--seed N]`."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from pathlib import Path

from sandbox import rpc
from sandbox.google.clock import Clock, instant
from sandbox.oidc import Issuer
from sandbox.serving import argument_parser, listen, serve
from sandbox.tasks.control import application
from sandbox.tasks.delivery import deliver
from sandbox.tasks.journal import Journal
from sandbox.tasks.model import Model
from sandbox.tasks.server import routes
from sandbox.tasks.service import Service


def _arguments() -> argparse.Namespace:
    parser = argument_parser("tasks", "A local Cloud Tasks v2.")
    parser.add_argument(
        "--control-port", type=int, default=0, help="port of the control API (default: a free one)"
    )
    parser.add_argument("--now", type=instant, help="what its clock shows first (ISO, UTC unless it says so)")
    parser.add_argument("--data", type=Path, help="file that keeps queues and tasks over a restart")
    parser.add_argument("--seed", type=int, default=0, help="the source of all chance (default 0)")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    if arguments.port:  # says clearly when it is taken; gRPC would log its inner story
        listen(arguments.port, arguments.host).close()
    clock, issuer = Clock(arguments.now), Issuer()
    try:
        model = Journal(arguments.data, clock.now()).model if arguments.data else Model()
    except (OSError, ValueError) as error:
        sys.exit(f"--data: {error}")
    service = Service(model, functools.partial(deliver, issuer=issuer), clock, arguments.seed)
    server, port = rpc.start(routes(service), arguments.port, arguments.host)
    print(f"sandbox tasks on {arguments.host}:{port}", flush=True)
    service.start()
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C; SIGTERM ends the process in there
        serve(
            "sandbox tasks control",
            application(service, issuer),
            arguments.control_port,
            arguments.host,
        )
    service.close()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()
