"""`python -m sandbox.firestore --port N`: serve until SIGTERM or Ctrl-C. What was stored is gone then."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from sandbox.firestore.database import Database
from sandbox.firestore.server import Firestore, start
from sandbox.serving import argument_parser, listen

STOP_SECONDS = 0.5


def main() -> None:
    arguments = argument_parser("firestore", __doc__).parse_args()
    if arguments.port:  # says clearly when it is taken; gRPC would log its inner story
        listen(arguments.port, arguments.host).close()
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server, bound = start(Firestore(Database()), arguments.port, arguments.host)
    print(f"sandbox firestore on {arguments.host}:{bound}", flush=True)
    stopped.wait()
    server.stop(STOP_SECONDS).wait()


if __name__ == "__main__":
    main()
