"""What comes in from outside, Google's pushes and the EHR's hooks: verified, enqueued, answered.

Both only say "look now". Nothing in them is applied, so a replay costs a look and no more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.app.jobs import BUCKET_SECONDS, CalendarTask, FeedTask, Job, arriving
from shared.core.errors import RetryableError
from shared.core.signing import KeyRing, verify_hook
from shared.core.signing import open_channel_token as calendar_of
from shared.ports import Tasks

ACCEPTED, NO_CONTENT, OK = 202, 204, 200
UNAUTHORIZED, TOO_LARGE, UNAVAILABLE = 401, 413, 503
HOOK_BODY_MAX = 256 * 1024
"""Bytes."""
_OTHER_NOTIFICATIONS = frozenset({"handshake", "heartbeat"})


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


def ehr_hook(
    practice: str, headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], arrivals: Arrivals
) -> int:
    """The status for a hook of an EHR; `secrets` are empty for a practice that is not served.

    Never 4xx for content: senders switch off a hook that is refused. 503 where the task could not be made.
    """
    if len(body) > HOOK_BODY_MAX:
        return TOO_LARGE
    if not verify_hook(headers, body, secrets, arrivals.now):
        return UNAUTHORIZED
    subject = _subject(body)
    if subject in _OTHER_NOTIFICATIONS:
        return OK
    if subject not in (None, "Appointment"):
        return ACCEPTED
    return ACCEPTED if arrivals.enqueue(FeedTask(practice)) else UNAVAILABLE


def _subject(body: bytes) -> str | None:
    """The type of resource it is about, `handshake` or `heartbeat`; None where it does not say."""
    try:
        resource = json.loads(body or b"{}")
    except ValueError:
        return None
    if not isinstance(resource, dict):
        return None
    kind = resource.get("resourceType")
    if kind != "Bundle":
        return kind if isinstance(kind, str) else None
    return _notification(resource)


def _notification(bundle: Mapping[str, object]) -> str | None:
    """`handshake` or `heartbeat` of a Bundle whose first entry is Parameters or SubscriptionStatus."""
    entries = bundle.get("entry")
    first = entries[0] if isinstance(entries, list) and entries else None
    status = first.get("resource") if isinstance(first, dict) else None
    if not isinstance(status, dict):
        return None
    parameters = status.get("parameter")
    named = [each for each in parameters if isinstance(each, dict)] if isinstance(parameters, list) else []
    codes = [status.get("type"), *(each.get("valueCode") for each in named if each.get("name") == "type")]
    return next((code for code in codes if isinstance(code, str) and code in _OTHER_NOTIFICATIONS), None)
