"""Ports of our own: known before anybody listens, and nobody else's while a process is down."""

from __future__ import annotations

import socket
import sys


class Ports:
    """Free ports of one loopback host, ours until `close`.

    A socket that is bound but does not listen keeps a port from everybody who asks for a free one, and from
    outgoing connections; a server that names the port, with SO_REUSEADDR as they all do, still gets it on
    Linux. Elsewhere it would not, so there the port is free again at once.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._held: list[socket.socket] = []

    def take(self) -> int:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self._host, 0))
        port: int = sock.getsockname()[1]
        if sys.platform == "linux":
            self._held.append(sock)
        else:
            sock.close()
        return port

    def close(self) -> None:
        for sock in self._held:
            sock.close()
