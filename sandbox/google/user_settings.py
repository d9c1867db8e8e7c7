"""The methods of `settings`: what a person chose in the web page. The API only reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.google import fields, paging
from sandbox.google.errors import Json, not_found
from sandbox.google.events import NOTHING
from sandbox.google.history import History
from sandbox.google.store import Store

PAGE_DEFAULT = 100
PAGE_MAX = 250
FLAG = ("true", "false")

DEFAULTS = {
    "autoAddHangouts": "false",
    "dateFieldOrder": "MDY",
    "defaultEventLength": "60",
    "format24HourTime": "false",
    "hideInvitations": "false",
    "hideWeekends": "false",
    "locale": "en",
    "remindOnRespondedEventsOnly": "false",
    "showDeclinedEvents": "true",
    "timezone": "Etc/GMT",
    "useKeyboardShortcuts": "true",
    "weekStart": "0",
}
"""Every setting there is; an account begins with these and its own time zone."""
CHOICES = {"dateFieldOrder": ("MDY", "DMY", "YMD"), "weekStart": ("0", "1", "6")}
"""Of those that are no flags."""


@dataclass(slots=True, eq=False)
class Setting:
    id: str
    value: str
    etag: str
    created: int
    changed: int


@dataclass
class _Chosen:
    """Of one account."""

    by_id: dict[str, Setting] = field(default_factory=dict)
    history: History[Setting] = field(default_factory=History)


class UserSettings:
    """One method per API method, and `choose` for what a person does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._chosen: dict[str, _Chosen] = {}

    def list(self, sub: str, query: Mapping[str, Any] = NOTHING) -> Json:
        store, history = self._store, self._of(sub).history
        size = paging.page_size(query, PAGE_DEFAULT, PAGE_MAX)
        begin = paging.beginning(paging.Listed(f"settings/{sub}", 0, history.last), query)
        tokened = begin.since >= 0
        after = begin.after[0] if begin.after else max(begin.since, 0)
        rows = (history.changed_between if tokened else history.made_between)(after, begin.until)
        page = paging.cut(rows, lambda s: (s.changed if tokened else s.created,), begin, size, store)
        answer = {
            "kind": "calendar#settings",
            "etag": store.etag(history.last),
            **page.token,
            "items": [_shown(setting) for setting in page.rows],
        }
        return fields.answer(answer, "settings", query)

    def get(self, sub: str, setting_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        setting = self._of(sub).by_id.get(setting_id)
        if setting is None:
            raise not_found()
        return fields.answer(_shown(setting), "setting", query)

    def choose(self, sub: str, setting_id: str, value: str) -> None:
        """What a person chooses in the web page. Raises ValueError naming what is wrong."""
        setting = self._of(sub).by_id.get(setting_id)
        if setting is None:
            raise ValueError(f"there is no setting {setting_id!r}; there are: {', '.join(DEFAULTS)}")
        self._check(setting_id, value)
        if value != setting.value:
            number = self._store.next_number()
            setting.value, setting.etag = value, self._store.etag(number)
            self._of(sub).history.touch(setting, number)
            self._store.tell(f"settings/{sub}")

    def _check(self, setting_id: str, value: str) -> None:
        choices = CHOICES.get(setting_id, FLAG if DEFAULTS[setting_id] in FLAG else ())
        fine = {
            "timezone": self._store.knows_zone(value),
            "defaultEventLength": value.isascii() and value.isdecimal() and int(value) > 0,
            "locale": value.replace("_", "").isalpha(),
        }.get(setting_id, value in choices)
        if not fine:
            raise ValueError(f"{value!r} is no value of the setting {setting_id!r}")

    def _of(self, sub: str) -> _Chosen:
        """The account's settings, which begin with the first question for them."""
        if sub not in self._chosen:
            chosen = self._chosen[sub] = _Chosen()
            for name, value in {**DEFAULTS, "timezone": self._store.accounts[sub].time_zone}.items():
                number = self._store.next_number()
                chosen.by_id[name] = Setting(name, value, self._store.etag(number), number, number)
                chosen.history.add(chosen.by_id[name])
        return self._chosen[sub]


def _shown(setting: Setting) -> Json:
    return {
        "kind": "calendar#setting",
        "etag": setting.etag,
        "id": setting.id,
        "value": setting.value,
    }
