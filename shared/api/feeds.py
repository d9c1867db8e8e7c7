"""The link to a practitioner's appointments: made and ended by them, and served to whoever has it."""

from __future__ import annotations

import hashlib
import re
import threading
from base64 import urlsafe_b64encode
from collections import OrderedDict
from datetime import datetime, timedelta

from pydantic import Field

from shared.api.models import Answer, Body, NothingAnswer
from shared.api.problems import ProblemError
from shared.api.routing import Endpoint, Table, Use
from shared.api.wire import Call, Reply
from shared.app import connections
from shared.app.feeds import SECRET_BYTES, Feed, current, feed_text, make, opened, revoke
from shared.app.world import World

FEED = "/feeds/{token}.ics"
_PATH = re.compile(r"/feeds/([a-z2-7]{32}[A-Za-z0-9_-]{43})\.ics")
READS_MAX = 30
"""Of one feed in READS_WITHIN, by one instance: programs read some times an hour."""
READS_WITHIN = timedelta(hours=1)
REMEMBERED_MAX = 10_000
"""Feeds whose reads are counted; those that were read longest ago are forgotten first."""
CACHED_SECONDS = 300


# --- the link -------------------------------------------------------------------------------------------


class FeedBody(Body):
    labels: bool = Field(
        default=False, description="as the events say it, by the connection's label; else each is Busy"
    )


class FeedAnswer(Answer):
    active: bool
    labels: bool
    made_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, feed: Feed | None) -> FeedAnswer:
        if feed is None:
            return cls(active=False, labels=False, made_at=None, expires_at=None)
        return cls(active=True, labels=feed.labels, made_at=feed.made_at, expires_at=feed.expire_at)


class FeedMadeAnswer(FeedAnswer):
    path: str
    """Of the link, at this same host; shown this once."""


def show_feed(use: Use, _: None) -> FeedAnswer:
    return FeedAnswer.of(current(use.world, use.key))


def make_feed(use: Use, body: FeedBody) -> FeedMadeAnswer:
    connection = connections.load(use.world, use.key)

    def random_text() -> str:
        return urlsafe_b64encode(use.connecting.random_bytes(SECRET_BYTES)).decode().rstrip("=")

    feed, token = make(use.world, connection, random_text, labels=body.labels)
    return FeedMadeAnswer(**FeedAnswer.of(feed).model_dump(), path=FEED.replace("{token}", token))


def end_feed(use: Use, _: None) -> NothingAnswer:
    revoke(use.world, use.key)
    return NothingAnswer()


PATHS: Table = {
    "/feed": {
        "GET": Endpoint(show_feed, problems=()),
        "POST": Endpoint(make_feed, FeedBody, problems=("not_connected",)),
        "DELETE": Endpoint(end_feed, problems=()),
    },
}


# --- what it leads to -----------------------------------------------------------------------------------


class Reads:
    """How often each feed was read of late. Safe between threads; one instance's own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: OrderedDict[str, list[datetime]] = OrderedDict()

    def count(self, key: str, now: datetime) -> None:
        """Raises ProblemError `too_often`."""
        with self._lock:
            recent = [at for at in self._of.pop(key, []) if now - at < READS_WITHIN]
            full = len(recent) >= READS_MAX
            self._of[key] = recent if full else [*recent, now]
            while len(self._of) > REMEMBERED_MAX:
                self._of.popitem(last=False)
        if full:
            wait = max(1, int((recent[0] + READS_WITHIN - now).total_seconds()))
            raise ProblemError("too_often", headers={"Retry-After": str(wait)})


def is_feed(path: str) -> bool:
    return path.startswith("/feeds/")


def serve_feed(world: World, reads: Reads, call: Call) -> Reply:
    """A token that opens nothing is answered as an address where nothing is."""
    if call.method not in ("GET", "HEAD"):
        raise ProblemError("method_not_allowed", headers={"Allow": "GET, HEAD"})
    found = _PATH.fullmatch(call.path)
    opens = opened(world, found[1]) if found else None
    if opens is None:
        raise ProblemError("not_found")
    feed, connection = opens
    reads.count(feed.key, world.clock.now())
    text = feed_text(world, feed, connection)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": f"private, max-age={CACHED_SECONDS}"}
    if _knows(call.headers.get("if-none-match", ""), etag):
        return Reply(304, headers=headers)
    kind = {"Content-Type": "text/calendar; charset=utf-8"}
    return Reply(200, "" if call.method == "HEAD" else text, {**headers, **kind})


def _knows(if_none_match: str, etag: str) -> bool:
    """RFC 9110, section 13.1.2: compared weakly."""
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in known or known == ["*"]
