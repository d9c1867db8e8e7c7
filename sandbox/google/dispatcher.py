"""Sends the messages of push channels, in the background of the server's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from sandbox.google.channels import Channels, Message

POLL_SECONDS = 0.02
"""How often it looks whether the time of a waiting message has come."""
ANSWER_SECONDS = 10.0
"""A receiver that takes longer has not answered."""


class Dispatcher:
    """Runs while messages wait; each is sent, retried a bounded number of times, or given up."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._running: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """To be called when a message begins to wait, inside the event loop."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def deliver(self) -> None:
        """Send what is due, and wait for the answers."""
        await asyncio.gather(*self._send_due())

    async def _run(self) -> None:
        while self._channels.waiting:
            self._send_due()
            await asyncio.sleep(POLL_SECONDS)

    def _send_due(self) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self._send(message)) for message in self._channels.due()]
        for task in tasks:
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return tasks

    async def _send(self, message: Message) -> None:
        status = await post(message.channel.address, message.headers())
        self._channels.answered(message, status)


async def post(address: str, headers: Mapping[str, str]) -> int | None:
    """The status of the answer to an empty POST; None when there is none. No redirect is followed."""
    parts = urlsplit(address)
    tls = parts.scheme == "https"
    host = parts.hostname or ""
    where = f"[{host}]" if ":" in host else host  # never the credentials an address may hold
    lines = {
        "Host": where if parts.port is None else f"{where}:{parts.port}",
        "Connection": "close",
        "Content-Length": "0",
        **headers,
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    text = "\r\n".join((f"POST {path} HTTP/1.1", *(f"{n}: {v}" for n, v in lines.items()), "", ""))
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            port = parts.port or (443 if tls else 80)
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            try:
                writer.write(text.encode("ascii"))
                await writer.drain()
                return _status(await reader.readline())
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):  # unreachable, silent, no HTTP
        return None


def _status(line: bytes) -> int:
    """Of an answer's first line. Raises ValueError."""
    version, status, *_ = [*line.split(), b"", b""]
    if not version.startswith(b"HTTP/"):
        raise ValueError("no HTTP")
    return int(status)
