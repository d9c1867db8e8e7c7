"""The request that a job sends: Cloud Scheduler's headers, a signed token, no body.

Source: the comments of google.cloud.scheduler.v1's HttpTarget and OidcToken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.exchange import Answer, exchange
from sandbox.oidc import Identity, Issuer

USER_AGENT = "Google-Cloud-Scheduler"
_ZONE = ZoneInfo("America/Los_Angeles")
"""Google was seen to write its instants in this zone whatever that of the job; documented is an offset."""


@dataclass(frozen=True)
class Job:
    name: str
    """Its id alone, without project and location."""
    target: str
    """An http or https URL."""
    identity: Identity


def headers(job: Job, scheduled_at: datetime) -> dict[str, str]:
    """All but the token. A retry looks like the first attempt."""
    return {
        "User-Agent": USER_AGENT,
        "X-CloudScheduler": "true",
        "X-CloudScheduler-JobName": job.name,
        "X-CloudScheduler-ScheduleTime": scheduled_at.astimezone(_ZONE).isoformat(),
    }


def send(scheduled_at: datetime, deadline_seconds: float, *, job: Job, issuer: Issuer) -> Answer:
    """One attempt; every one has a token of its own."""
    authorized = {"Authorization": f"Bearer {issuer.token(job.identity)}", **headers(job, scheduled_at)}
    return exchange("POST", job.target, authorized, b"", deadline_seconds)
