"""Who is told when an appointment changes, and the sending: in the background, a few tries, then it is lost.

Everything but the posting itself happens on the server's event loop: nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from sandbox.ehr.fhir import Change
from sandbox.ehr.notifications import (
    Body,
    Content,
    Form,
    Kind,
    Notification,
    Receiver,
    Status,
    body_of,
    headers_of,
)
from sandbox.ehr.outcome import Resource

TRIES = 4
DELIVERIES_MAX = 100_000
"""The oldest are forgotten beyond it."""
UNDER_WAY_MAX = 10_000
"""Notifications beyond it are lost, as dropped ones are."""
LATE_SECONDS = 0.05
"""How often what is visible late is looked for, while there is a receiver."""

Post = Callable[[str, bytes, Mapping[str, str], float], int | None]
"""(url, body, headers, timeout in seconds) → HTTP status, None where no answer came."""
Choice = TypeVar("Choice", bound=Enum)


@dataclass(frozen=True)
class HookSettings:
    """How the sending goes wrong. Raises ValueError: a chance that is none."""

    delay_seconds: float = 0.0
    """Before the first try."""
    drop_chance: float = 0.0
    """0 to 1; a dropped one is never sent."""
    double_chance: float = 0.0
    """0 to 1; sent twice, each with tries of its own."""
    backoff_seconds: float = 1.0
    """Before the second try; twice and four times that before the others."""
    timeout_seconds: float = 5.0

    def __post_init__(self) -> None:
        for name in ("drop_chance", "double_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"'{name}' must be from 0 to 1; it is {getattr(self, name)}")


@dataclass
class _Subscription:
    """A receiver and how far it is. Bundles are sent to an active one only; all others are at once."""

    to: Receiver
    state: str
    events: int = 0

    def as_json(self) -> Resource:
        to = self.to
        shape = {"form": to.form.value, "body": to.body.value}
        bundle = {"content": to.content.value, "status": to.status.value} if to.body is Body.BACKPORT else {}
        return {"id": to.id, "url": to.url, **shape, **bundle, "state": self.state, "events": self.events}


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> int | None:
    with requests.Session() as session:
        session.trust_env = False  # else a proxy or an entry in .netrc comes between
        try:
            return session.post(
                url, data=body, headers=dict(headers), timeout=timeout_seconds, allow_redirects=False
            ).status_code
        except requests.RequestException:
            return None


class Hooks:
    """Receivers, and what was sent to them. Registering and notifying need a running event loop."""

    def __init__(
        self,
        now: Callable[[], datetime],
        rng: random.Random,
        commit_due: Callable[[], None],
        send: Post = post,
    ) -> None:
        """`commit_due`: makes changes visible that are due; `rng` decides what is dropped and doubled."""
        self.settings = HookSettings()
        self._now = now
        self._rng = rng
        self._commit_due = commit_due
        self._post = send
        self._subscriptions: dict[str, _Subscription] = {}
        self._made = 0
        self._newest: dict[str, str] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._deliveries: deque[Resource] = deque(maxlen=DELIVERIES_MAX)
        self._number = 0

    # --- receivers --------------------------------------------------------------------------------------

    def register(
        self,
        *,
        url: str,
        secret: str,
        form: str = "calsync",
        body: str = "id",
        content: str = "id-only",
        status: str = "Parameters",
    ) -> Resource:
        """A receiver of every change of an Appointment from now on. `content` and `status` are of Bundles,
        whose receiver must answer a handshake first. Raises ValueError.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"'url' must be an http or https address; it is {url!r}")
        if not (secret and secret.isascii() and secret.isprintable()):
            raise ValueError("'secret' must be printable ASCII: it may stand in a header")
        to = Receiver(
            f"hook-{self._made + 1}",
            url,
            secret,
            _choice(Form, "form", form),
            _choice(Body, "body", body),
            _choice(Content, "content", content),
            _choice(Status, "status", status),
        )
        self._made += 1
        shakes_hands = to.body is Body.BACKPORT
        subscription = _Subscription(to, "requested" if shakes_hands else "active")
        if not self._subscriptions:
            self._start(self._look_for_late_ones())
        self._subscriptions[to.id] = subscription
        if shakes_hands:
            self._start(self._shake_hands(subscription))
        return subscription.as_json()

    def receivers(self) -> list[Resource]:
        return [subscription.as_json() for subscription in self._subscriptions.values()]

    def clear(self) -> None:
        """No receivers any more; what is under way is not sent."""
        self._subscriptions.clear()
        for task in self._tasks:
            task.cancel()

    def heartbeat(self) -> Resource:
        """Tells every active receiver of Bundles that there is nothing to tell."""
        told = [each for each in self._subscriptions.values() if each.to.body is Body.BACKPORT]
        told = [each for each in told if each.state == "active"]
        for subscription in told:
            heartbeat = Notification(Kind.HEARTBEAT, subscription.events, self._now())
            self._start(self._deliver(subscription, heartbeat))
        return {"sent": len(told)}

    def deliveries(self, since: int) -> list[Resource]:
        """Every try with a number above `since`, oldest first, and what was never tried."""
        return [delivery for delivery in self._deliveries if delivery["number"] > since]

    # --- sending ----------------------------------------------------------------------------------------

    def notify(self, change: Change) -> None:
        """Everybody sees another version of a row."""
        if change.resource_type != "Appointment":
            return
        self._newest[change.reference] = change.version.version_id
        for subscription in self._subscriptions.values():
            if subscription.state == "active":
                self._tell(subscription, change)

    def _tell(self, subscription: _Subscription, change: Change) -> None:
        subscription.events += 1
        event = Notification(Kind.EVENT, subscription.events, self._now(), change)
        chances = self.settings
        if self._rng.random() < chances.drop_chance or len(self._tasks) >= UNDER_WAY_MAX:
            self._write_down(subscription, event, 0, "dropped")
            return
        for _ in range(2 if self._rng.random() < chances.double_chance else 1):
            self._start(self._deliver(subscription, event))

    async def _shake_hands(self, subscription: _Subscription) -> None:
        """Nothing is told before the handshake was answered, and what happens meanwhile is never told."""
        handshake = Notification(Kind.HANDSHAKE, 0, self._now())
        subscription.state = "active" if await self._deliver(subscription, handshake) else "error"

    async def _deliver(self, subscription: _Subscription, notification: Notification) -> bool:
        """Whether a try was answered with success. After the last one it is lost."""
        for attempt in range(1, TRIES + 1):
            await asyncio.sleep(self._wait_seconds(attempt))
            if attempt > 1 and self._is_superseded(notification):
                self._write_down(subscription, notification, attempt, "superseded")
                return False
            if await self._send(subscription, notification, attempt):
                return True
        return False

    def _wait_seconds(self, attempt: int) -> float:
        """Before this try."""
        settings = self.settings
        return settings.delay_seconds if attempt == 1 else settings.backoff_seconds * 2.0 ** (attempt - 2)

    def _is_superseded(self, notification: Notification) -> bool:
        change = notification.change
        return change is not None and self._newest[change.reference] != change.version.version_id

    async def _send(self, subscription: _Subscription, notification: Notification, attempt: int) -> bool:
        to = subscription.to
        body = body_of(notification, to)
        headers = headers_of(notification, to, body, self._now())
        status = await asyncio.to_thread(self._post, to.url, body, headers, self.settings.timeout_seconds)
        delivered = status is not None and 200 <= status < 300
        outcome = "delivered" if delivered else "unreachable" if status is None else "refused"
        sent = {"status": status, "headers": headers, "body": body.decode()}
        self._write_down(subscription, notification, attempt, outcome, **sent)
        return delivered

    def _write_down(
        self, subscription: _Subscription, notification: Notification, attempt: int, outcome: str, **sent: Any
    ) -> None:
        """`attempt`: 0 where there was none."""
        self._number += 1
        change = notification.change
        self._deliveries.append(
            {
                "number": self._number,
                "hook": subscription.to.id,
                "url": subscription.to.url,
                "kind": notification.kind.value,
                "event": notification.event_number,
                "interaction": change.interaction if change else None,
                "reference": change.reference if change else None,
                "version": change.version.version_id if change else None,
                "attempt": attempt,
                "outcome": outcome,
                **sent,
            }
        )

    async def _look_for_late_ones(self) -> None:
        """What staff write may be visible later; then nobody need read for receivers to be told."""
        while self._subscriptions:
            self._commit_due()
            await asyncio.sleep(LATE_SECONDS)

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop itself keeps weak references only
        task.add_done_callback(self._tasks.discard)


def _choice(kind: type[Choice], name: str, value: str) -> Choice:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(each.value for each in kind)
        raise ValueError(f"'{name}' must be one of {known}; it is {value!r}") from None
