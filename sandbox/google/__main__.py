"""`python -m sandbox.google --port N [--now INSTANT] [--seed N] [--redirect-uri URI ...]`."""

from __future__ import annotations

from sandbox.google.clock import instant
from sandbox.google.grants import CLIENT_ID
from sandbox.google.server import application
from sandbox.google.service import Service
from sandbox.serving import argument_parser, serve


def main() -> None:
    parser = argument_parser("google", "A local Google Calendar v3.")
    parser.add_argument("--now", type=instant, help="what its clock shows first (ISO, UTC unless it says so)")
    parser.add_argument("--seed", type=int, default=0, help="the source of all chance (default 0)")
    parser.add_argument(
        "--redirect-uri", action="append", default=[], help="one the OAuth client may use (repeatable)"
    )
    arguments = parser.parse_args()
    service = Service(arguments.now, arguments.seed)
    try:
        for uri in arguments.redirect_uri:
            service.consents.register(CLIENT_ID, uri)
    except ValueError as error:
        parser.error(str(error))
    serve("sandbox google", application(service), arguments.port, arguments.host)


if __name__ == "__main__":
    main()
