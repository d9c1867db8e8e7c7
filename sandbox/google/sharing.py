"""Who may see a calendar, and on whose list it is: without asking who wants it so."""

from __future__ import annotations

from sandbox.google.errors import Json
from sandbox.google.rules import NONE, Rule
from sandbox.google.store import Calendar, ListEntry, Store

COLOUR: Json = {"colorId": "14", "backgroundColor": "#9fe1e7", "foregroundColor": "#000000"}
"""Of an entry until somebody chooses another."""
OF_PRIMARY: Json = {"selected": True, "defaultReminders": [{"method": "popup", "minutes": 10}]}


class Sharing:
    def __init__(self, store: Store) -> None:
        self._store = store

    def give(self, calendar: Calendar, rule_id: str, role: str) -> Rule:
        """Put a rule on the calendar's list. Its sync tokens expire: who may see what has changed.

        It leaves the lists of those who see it no longer; nobody gets it on theirs by this alone.
        """
        store = self._store
        number = store.next_number()
        rule = calendar.rules.put(rule_id, role, store.etag(number), number)
        calendar.epoch += 1
        for sub in store.accounts:
            if store.role(sub, calendar) is None:
                self.unsubscribe(sub, calendar)
        store.tell(f"acl/{calendar.id}")
        return rule

    def take(self, calendar: Calendar, rule_id: str) -> None:
        """As `give`, of a rule there is."""
        rule = calendar.rules.by_id.get(rule_id)
        if rule is not None and rule.role != NONE:
            self.give(calendar, rule_id, NONE)

    def subscribe(self, sub: str, calendar: Calendar) -> ListEntry:
        """Put the calendar on the account's list; an entry that was there comes back as it was."""
        store, owned = self._store, self._store.lists[sub]
        entry = owned.entries.get(calendar.id)
        if entry is None:
            number = store.next_number()
            own = {**COLOUR, **OF_PRIMARY} if calendar.primary else dict(COLOUR)
            entry = ListEntry(calendar, own, store.etag(number), number, number)
            owned.entries[calendar.id] = entry
            owned.history.add(entry)
            store.tell(f"list/{sub}")
        elif entry.deleted:
            entry.deleted = False
            self.touch(sub, entry)
        return entry

    def unsubscribe(self, sub: str, calendar: Calendar) -> None:
        """Off the account's list, where it stays as deleted."""
        entry = self._store.lists[sub].entries.get(calendar.id)
        if entry is not None and not entry.deleted:
            entry.deleted = True
            self.touch(sub, entry)

    def touch(self, sub: str, entry: ListEntry) -> None:
        """The entry changed."""
        number = self._store.next_number()
        entry.etag = self._store.etag(number)
        self._store.lists[sub].history.touch(entry, number)
        self._store.tell(f"list/{sub}")
