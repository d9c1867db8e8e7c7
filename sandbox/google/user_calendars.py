"""What a person does with whole calendars in Google Calendar's web page, on the same model."""

from __future__ import annotations

from sandbox.google.calendar import GoogleCalendar
from sandbox.google.errors import Json
from sandbox.google.rules import EVERYBODY, ROLES


class CalendarUser:
    """One account's owner at the screen, as far as whole calendars go."""

    def __init__(self, google: GoogleCalendar, sub: str) -> None:
        self._google = google
        self._sub = sub

    # --- one's own calendars ----------------------------------------------------------------------------

    def create_calendar(self, summary: str, time_zone: str = "") -> Json:
        """A secondary calendar of one's own, in one's own zone unless another is named."""
        zone = time_zone or self._google.store.accounts[self._sub].time_zone
        return self._google.calendars.insert(self._sub, {"summary": summary, "timeZone": zone})

    def rename_calendar(self, calendar: str, summary: str) -> Json:
        return self._google.calendars.patch(self._sub, calendar, {"summary": summary})

    def delete_calendar(self, calendar: str) -> None:
        self._google.calendars.delete(self._sub, calendar)

    def restore_calendar(self, calendar: str) -> Json:
        """Back from the Bin, for its owner alone. ValueError when it is not there."""
        found = self._google.calendar(calendar)
        if not found.deleted or found.owner != self._sub:
            raise ValueError(f"calendar {calendar!r} is not in the Bin")
        self._google.calendars.restore(found)
        return self._google.calendar_list.get(self._sub, calendar)

    def share_calendar(self, calendar: str, account: str, role: str | None) -> None:
        """Give another account (its `sub`) a role, who accepts; None takes it away."""
        found, _ = self._google.store.open_for("owner", self._sub, calendar)
        self._google.share(found.id, account, role)

    def unshare_calendar(self, calendar: str, account: str) -> None:
        self.share_calendar(calendar, account, None)

    def publish_calendar(self, calendar: str, role: str | None) -> None:
        """Give everybody a role (`reader`, `freeBusyReader`); None takes it back."""
        found, _ = self._google.store.open_for("owner", self._sub, calendar)
        if role is None:
            self._google.sharing.take(found, EVERYBODY)
        elif role in ROLES[:2]:
            self._google.sharing.give(found, EVERYBODY, role)
        else:
            raise ValueError(f"{role!r} is no role for everybody; there are: {', '.join(ROLES[:2])}")

    # --- one's list -------------------------------------------------------------------------------------

    def subscribe(self, calendar: str) -> Json:
        """On the list, whether it was before or not."""
        return self._google.calendar_list.insert(self._sub, {"id": calendar})

    def unsubscribe(self, calendar: str) -> None:
        self._google.calendar_list.delete(self._sub, calendar)

    def hide_calendar(self, calendar: str) -> Json:
        return self._google.calendar_list.patch(self._sub, calendar, {"hidden": True})

    def show_calendar(self, calendar: str) -> Json:
        """No longer hidden, and its box ticked."""
        return self._google.calendar_list.patch(self._sub, calendar, {"hidden": False, "selected": True})

    def color_calendar(self, calendar: str, color: str) -> Json:
        """`color`: an id of the palette."""
        return self._google.calendar_list.patch(self._sub, calendar, {"colorId": color})

    def nickname_calendar(self, calendar: str, summary: str) -> Json:
        """What one calls it on one's own list; an empty name is the calendar's own again."""
        return self._google.calendar_list.patch(self._sub, calendar, {"summaryOverride": summary})

    # --- settings ---------------------------------------------------------------------------------------

    def change_setting(self, setting: str, value: str) -> Json:
        self._google.user_settings.choose(self._sub, setting, value)
        return self._google.user_settings.get(self._sub, setting)
