"""What comes in from outside, Google's pushes and the EHR's hooks: verified, enqueued, answered.

Both only say "look now". Nothing in them is applied, so a replay costs a look and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.app.hook_secret import HookTrust
from shared.app.jobs import BUCKET_SECONDS, CalendarTask, FeedTask, Job, RowsTask, arriving
from shared.app.notification import Means, Told, told_by
from shared.core.errors import RejectedError, RetryableError
from shared.core.signing import KeyRing, verify_hook
from shared.core.signing import open_channel_token as calendar_of
from shared.ports import Tasks

ACCEPTED, NO_CONTENT, OK = 202, 204, 200
UNAUTHORIZED, TOO_LARGE, UNAVAILABLE = 401, 413, 503
HOOK_BODY_MAX = 256 * 1024
"""Bytes."""


@dataclass(frozen=True)
class Arrivals:
    """Where what arrives now goes."""

    tasks: Tasks
    now: datetime
    bucket_seconds: float = BUCKET_SECONDS

    def enqueue(self, job: Job) -> bool:
        """False: the task could not be made."""
        try:
            self.tasks.enqueue(arriving(job, self.now, self.bucket_seconds))
        except RetryableError:
            return False
        return True


def google_push(headers: Mapping[str, str], keys: KeyRing, arrivals: Arrivals) -> int:
    """The status for a push; `headers` by lower-case names.

    One that does not verify gets the same answer as one that does and makes no task: whoever guesses learns
    nothing. Only where the task could not be made Google is asked to come again: it does so on 500, 502, 503
    and 504 alone.
    """
    channel, token = headers.get("x-goog-channel-id", ""), headers.get("x-goog-channel-token", "")
    calendar_key = calendar_of(token, channel, keys, arrivals.now)
    if calendar_key is None or headers.get("x-goog-resource-state") == "sync":
        return NO_CONTENT
    return NO_CONTENT if arrivals.enqueue(CalendarTask(calendar_key)) else UNAVAILABLE


class Topic(Protocol):
    """The messages of a service that signs with keys of its own, and speaks for whoever may write there."""

    def __call__(self, body: bytes, topics: frozenset[str]) -> bytes | None:
        """What is told; None: it was about the subscription itself, and is done with.

        Raises RejectedError where it is of none of these topics or does not verify, and RetryableError.
        """


def ehr_hook(
    practice: str,
    headers: Mapping[str, str],
    body: bytes,
    trust: HookTrust,
    topic: Topic,
    arrivals: Arrivals,
) -> int:
    """The status for a hook of an EHR; `trust` is empty for a practice that is not served.

    Never 4xx for content: senders switch off a hook that is refused. 503 where the task could not be made.
    Raises RetryableError where it cannot be known whether a topic's message is to be believed.
    """
    if len(body) > HOOK_BODY_MAX:
        return TOO_LARGE
    if verify_hook(headers, body, trust.secrets, arrivals.now):
        return _look(practice, told_by(body, headers.get("x-medplum-deleted-resource", "")), arrivals)
    if not trust.topics:
        return UNAUTHORIZED
    try:
        message = topic(body, trust.topics)
    except RejectedError:
        return UNAUTHORIZED
    return OK if message is None else _look(practice, told_by(message), arrivals)


def _look(practice: str, told: Told, arrivals: Arrivals) -> int:
    """A task for each appointment that is named, or one that reads all changes."""
    if told.means is Means.GREETING:
        return OK
    if told.means is Means.NOTHING:
        return ACCEPTED
    jobs: list[Job] = [RowsTask(practice, (each,)) for each in told.ids] or [FeedTask(practice, hooked=True)]
    return ACCEPTED if all(map(arrivals.enqueue, jobs)) else UNAVAILABLE
