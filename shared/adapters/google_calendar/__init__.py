"""Google Calendar v3, as `shared.ports.CalendarService`.

    google_credentials(...) -> Credentials
    GoogleCalendarService(GoogleCalls(credentials), zone=zone)

One service belongs to one thread: the HTTP connection under it must not be shared.
"""

from shared.adapters.google_calendar.calls import API_ENDPOINT, Calls, GoogleCalls, google_credentials
from shared.adapters.google_calendar.errors import translate, translate_refresh
from shared.adapters.google_calendar.events import event_from_json, event_to_json, new_event_to_json
from shared.adapters.google_calendar.pacing import Pacer
from shared.adapters.google_calendar.service import GoogleCalendarService

__all__ = [
    "API_ENDPOINT",
    "Calls",
    "GoogleCalendarService",
    "GoogleCalls",
    "Pacer",
    "event_from_json",
    "event_to_json",
    "google_credentials",
    "new_event_to_json",
    "translate",
    "translate_refresh",
]
