"""The model of Google Calendar v3: no HTTP, no wall clock, no chance but the one given.

    google = GoogleCalendar(now: Callable[[], datetime], rng: random.Random, settings=Settings())
    google.settings                                              # Settings (store.py), assignable

    google.add_account(email, time_zone, name="", hosted_domain="") -> Account  # .sub; has a primary calendar
    google.change_email(sub, email) -> None
    google.share(calendar_id, sub, role: str | None) -> None     # None takes access away
    google.expire_sync_tokens(calendar_id) -> None               # each answers 410 from now on
    google.all_events(calendar_id) -> list[Json]                 # deleted ones too
    google.role(sub, calendar_id) -> str | None
    google.made_by(calendar_id) -> str                           # the OAuth client

    google.events.list(sub, calendar_id, query={}) -> Json
    google.events.get(sub, calendar_id, event_id, query={}) -> Json
    google.events.instances(sub, calendar_id, event_id, query={}) -> Json
    google.events.insert(sub, calendar_id, body, query={}) -> Json
    google.events.patch(sub, calendar_id, event_id, body, query={}, if_match=None) -> Json
    google.events.update(sub, calendar_id, event_id, body, query={}, if_match=None) -> Json
    google.events.delete(sub, calendar_id, event_id, query={}, if_match=None) -> None

    google.calendars.get(sub, calendar_id, query={}) -> Json
    google.calendars.insert(sub, body, query={}, app="") -> Json     # app: the OAuth client that asks
    google.calendars.patch(sub, calendar_id, body, query={}, if_match=None) -> Json
    google.calendars.update(sub, calendar_id, body, query={}, if_match=None) -> Json
    google.calendars.delete(sub, calendar_id) -> None
    google.calendars.clear(sub, calendar_id) -> None
    google.calendars.transfer(sub, calendar_id, query) -> None           # transferOwnership

    google.calendar_list.list(sub, query={}) -> Json
    google.calendar_list.get(sub, calendar_id, query={}) -> Json
    google.calendar_list.insert(sub, body, query={}) -> Json
    google.calendar_list.patch(sub, calendar_id, body, query={}, if_match=None) -> Json
    google.calendar_list.update(sub, calendar_id, body, query={}, if_match=None) -> Json
    google.calendar_list.delete(sub, calendar_id) -> None

    google.transfers.import_(sub, calendar_id, body, query={}) -> Json   # events.import, .move, .quickAdd
    google.transfers.move(sub, calendar_id, event_id, query, if_match=None) -> Json
    google.transfers.quick_add(sub, calendar_id, query) -> Json

    google.acl.list, .get, .insert, .patch, .update, .delete             # as events, with a rule's id
    google.user_settings.list(sub, query={}), .get(sub, setting_id, query={})
    google.freebusy.query(sub, body, query={}) -> Json

    google.channels.watch(sub, calendar_id, body, query={}, app="") -> Json   # events.watch
    google.channels.watch_acl, .watch_list, .watch_settings              # the same for other collections
    google.channels.stop(sub, body, query={}, app="") -> None
    google.channels.due() -> list[Message]                           # to be sent now (channels.py)

`sub` is an account's; one that was never added is a KeyError. `query` holds Google's own parameters by their
names, as text (`"true"`, `"250"`) or as values (`True`, `250`), repeated ones as a list. Bodies and answers
are Google's own JSON; nothing of an answer is shared with the model. A refusal is ApiError (errors.py):
`status`, `reason`, `message`, `domain`, `location`, `location_type`. It has no lock: calls must not overlap.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sandbox.google import fields
from sandbox.google.acl import AccessRules
from sandbox.google.calendar_list import CalendarLists
from sandbox.google.calendar_resources import CalendarResources
from sandbox.google.channels import Channels
from sandbox.google.errors import Json
from sandbox.google.events import Events
from sandbox.google.freebusy import FreeBusy
from sandbox.google.rules import ROLES, for_user
from sandbox.google.sharing import Sharing
from sandbox.google.store import Account, Calendar, CalendarList, Settings, Store
from sandbox.google.transfers import Transfers
from sandbox.google.user_settings import UserSettings

__all__ = ["Account", "GoogleCalendar", "Settings"]


SCREEN_PAGES_MAX = 1_000
"""Short and empty ones among them."""


class GoogleCalendar:
    def __init__(
        self, now: Callable[[], datetime], rng: random.Random, settings: Settings | None = None
    ) -> None:
        self.store = Store(now, rng, settings or Settings())
        self.events = Events(self.store)
        self.sharing = Sharing(self.store)
        self.calendars = CalendarResources(self.store, self.sharing, self.events)
        self.calendar_list = CalendarLists(self.store, self.sharing)
        self.acl = AccessRules(self.store, self.sharing)
        chance = random.Random()
        chance.setstate(rng.getstate())  # its own: a channel must not change what chance does elsewhere
        self.channels = Channels(self.store, chance)
        self.transfers = Transfers(self.store, self.events)
        self.freebusy = FreeBusy(self.store)
        self.user_settings = UserSettings(self.store)

    @property
    def settings(self) -> Settings:
        return self.store.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.store.settings = settings

    def add_account(self, email: str, time_zone: str, name: str = "", hosted_domain: str = "") -> Account:
        """A new account with its primary calendar, whose id is the e-mail.

        Raises ValueError for an e-mail that is taken or no address, and for an unknown zone.
        """
        self._check_email(email)
        if not self.store.knows_zone(time_zone):
            raise ValueError(f"{time_zone!r} is no time zone Google knows")
        sub = "1" + "".join(self.store.rng.choices("0123456789", k=20))
        account = Account(sub, email, time_zone, name or email, hosted_domain, email)
        self.store.accounts[sub] = account
        self.store.lists[sub] = CalendarList()
        self.calendars.create(account, email, {"summary": email, "timeZone": time_zone}, app="")
        return account

    def change_email(self, sub: str, email: str) -> None:
        """The account goes by another address from now on; its `sub` and its calendars' ids stay.

        Raises ValueError for an e-mail that is taken or no address.
        """
        self._check_email(email)
        before = self.store.accounts[sub]
        for calendar in self.store.calendars.values():
            calendar.rules.rename(before.email, email)
        self.store.accounts[sub] = replace(before, email=email)

    def share(self, calendar_id: str, sub: str, role: str | None) -> None:
        """Give an account a role and a place for it on its list; None takes both away.

        Sync tokens of the calendar expire.
        Raises ValueError for an unknown role, account or calendar, and for its data owner.
        """
        calendar = self.calendar(calendar_id)
        if role is not None and role not in ROLES:
            raise ValueError(f"{role!r} is no role; there are: {', '.join(ROLES)}")
        if sub not in self.store.accounts:
            raise ValueError(f"there is no account with sub {sub!r}")
        if sub == calendar.owner:
            raise ValueError("the data owner's role cannot change")
        rule = for_user(self.store.accounts[sub].email)
        if role is None:
            self.sharing.take(calendar, rule)
        else:
            self.sharing.give(calendar, rule, role)
            self.sharing.subscribe(sub, calendar)

    def expire_sync_tokens(self, calendar_id: str) -> None:
        """Every sync token of the calendar's events answers 410 from now on. ValueError: no such calendar."""
        self.calendar(calendar_id).epoch += 1

    def all_events(self, calendar_id: str) -> list[Json]:
        """Every event with its details, deleted ones too, as the owner sees them. ValueError: no such one."""
        return [fields.copied(stored.resource) for stored in self.calendar(calendar_id).history]

    def on_screen(self, calendar_id: str, start: str, end: str) -> list[Json]:
        """What the owner sees between two instants (RFC 3339): what lives, series as their occurrences."""
        owner, found, page = self.calendar(calendar_id).owner, list[Json](), dict[str, str]()
        between = {"singleEvents": True, "timeMin": start, "timeMax": end, "maxResults": 2500}
        for _ in range(SCREEN_PAGES_MAX):
            answer = self.events.list(owner, calendar_id, {**between, **page})
            found += answer["items"]
            if "nextPageToken" not in answer:
                return found
            page = {"pageToken": answer["nextPageToken"]}
        raise ValueError("more than a screen can show")

    def role(self, sub: str, calendar_id: str) -> str | None:
        """The account's role in a calendar; None when there is no such calendar for it."""
        found = self.store.find(sub, calendar_id)
        return found[1] if found else None

    def made_by(self, calendar_id: str) -> str:
        """The OAuth client that made the calendar; empty when a person did, or there is none."""
        calendar = self.store.calendars.get(calendar_id)
        return calendar.app if calendar else ""

    def _check_email(self, email: str) -> None:
        if "@" not in email:
            raise ValueError(f"{email!r} is no e-mail address")
        named = (account.email for account in self.store.accounts.values())
        if email in self.store.calendars or email in named:
            raise ValueError(f"{email!r} is taken")

    def calendar(self, calendar_id: str) -> Calendar:
        """A calendar, deleted or not. Raises ValueError when there never was one."""
        try:
            return self.store.calendars[calendar_id]
        except KeyError:
            raise ValueError(f"there is no calendar {calendar_id!r}") from None
