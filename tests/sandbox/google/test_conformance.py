"""Every method of Calendar v3, through Google's own client: all that is sent and answered is as Google says.

The checks are in the connection (`checked.py`); what a method does is told by the other tests.
"""

from __future__ import annotations

from typing import Any

from tests.sandbox.google.checked import CheckedHttp
from tests.sandbox.google.conftest import TIMEOUT_SECONDS, Json, Sandbox
from tests.sandbox.google.discovery import methods
from tests.sandbox.google.world import event

RICH = event(
    summary="Tea",
    description="Green",
    location="Room 1",
    colorId="5",
    visibility="private",
    transparency="transparent",
    attendees=[{"email": "berta@example.com", "responseStatus": "accepted"}],
    extendedProperties={"private": {"k": "1"}, "shared": {"s": "2"}},
    reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]},
    source={"title": "Page", "url": "https://example.org/"},
)


def channel(name: str) -> Json:
    return {
        "id": name,
        "type": "web_hook",
        "address": "https://app.example.org/google",
        "token": "t",
        "params": {"ttl": "3600"},
    }


def pages(collection: Any, **arguments: Any) -> list[Json]:
    found: list[Json] = []
    request = collection.list(**arguments)
    while request is not None:
        assert len(found) < 20
        found.append(request.execute())
        request = collection.list_next(request, found[-1])
    return found


def walk_calendars(client: Any, other: str) -> str:
    calendars, entries = client.calendars(), client.calendarList()
    body = {"summary": "Work", "timeZone": "Europe/Berlin", "description": "Plans", "location": "Here"}
    made = str(calendars.insert(body=body).execute()["id"])
    calendars.get(calendarId=made).execute()
    calendars.patch(calendarId=made, body={"description": None}).execute()
    calendars.update(calendarId=made, body={"summary": "Work"}).execute()
    (page, *_) = pages(entries, maxResults=1, showHidden=True, minAccessRole="reader")
    entries.get(calendarId=page["items"][0]["id"]).execute()
    entries.patch(calendarId=made, body={"colorId": "3", "selected": True}).execute()
    rgb = {"backgroundColor": "#0088aa", "foregroundColor": "#ffffff"}
    entries.update(calendarId=made, body={**rgb, "hidden": True}, colorRgbFormat=True).execute()
    entries.watch(body=channel(f"list-{made[:8]}")).execute()
    entries.insert(body={"id": other}).execute()
    entries.delete(calendarId=other).execute()
    return made


def walk_rules(client: Any, calendar: str, email: str) -> None:
    rules = client.acl()
    body = {"role": "reader", "scope": {"type": "user", "value": email}}
    rule = rules.insert(calendarId=calendar, body=body, sendNotifications=False).execute()["id"]
    rules.get(calendarId=calendar, ruleId=rule).execute()
    rules.patch(calendarId=calendar, ruleId=rule, body={"role": "writer"}).execute()
    rules.update(calendarId=calendar, ruleId=rule, body=body).execute()
    rules.watch(calendarId=calendar, body=channel(f"acl-{calendar[:8]}")).execute()
    token = pages(rules, calendarId=calendar, maxResults=1)[-1]["nextSyncToken"]
    rules.delete(calendarId=calendar, ruleId=rule).execute()
    rules.insert(calendarId=calendar, body={"role": "reader", "scope": {"type": "default"}}).execute()
    pages(rules, calendarId=calendar, syncToken=token)


def walk_events(client: Any, calendar: str) -> None:
    events = client.events()
    made = events.insert(calendarId=calendar, body=RICH, sendUpdates="none").execute()["id"]
    events.get(calendarId=calendar, eventId=made, timeZone="UTC").execute()
    events.patch(calendarId=calendar, eventId=made, body={"summary": None}).execute()
    events.update(calendarId=calendar, eventId=made, body=event(status="tentative")).execute()
    imported = {**event(), "iCalUID": "1@example.com", "organizer": {"email": "berta@example.com"}}
    events.import_(calendarId=calendar, body=imported).execute()
    rule = {"start": {"timeZone": "UTC"}, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    events.patch(calendarId=calendar, eventId=made, body=rule).execute()
    instances = events.instances(calendarId=calendar, eventId=made, maxResults=1).execute()["items"]
    events.patch(calendarId=calendar, eventId=instances[0]["id"], body={"summary": "Cake"}).execute()
    events.quickAdd(calendarId=calendar, text="Tea tomorrow 3pm").execute()
    days = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    events.insert(calendarId=calendar, body=days).execute()
    token = pages(events, calendarId=calendar, maxResults=2, showDeleted=True)[-1]["nextSyncToken"]
    events.move(calendarId=calendar, eventId=made, destination="primary").execute()
    pages(events, calendarId=calendar, syncToken=token)
    pages(events, calendarId=calendar, orderBy="startTime", singleEvents=True, q="tea")
    opened = events.watch(calendarId=calendar, body=channel(f"events-{calendar[:8]}")).execute()
    client.channels().stop(body={"id": opened["id"], "resourceId": opened["resourceId"]}).execute()
    events.delete(calendarId="primary", eventId=made).execute()


def walk_the_rest(client: Any, calendar: str) -> None:
    client.colors().get().execute()
    token = pages(client.settings(), maxResults=5)[-1]["nextSyncToken"]
    pages(client.settings(), syncToken=token)
    client.settings().get(setting="timezone").execute()
    client.settings().watch(body=channel(f"settings-{calendar[:8]}")).execute()
    asked = [{"id": "primary"}, {"id": calendar}, {"id": "nobody@example.com"}]
    span = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-04-01T00:00:00Z"}
    client.freebusy().query(body={**span, "items": asked, "timeZone": "Europe/Berlin"}).execute()


def test_every_method_sends_and_answers_what_google_describes(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"], hosted_domain="example.com")
    other = sandbox.account(hosted_domain="example.com")
    sandbox.user(other, "share_calendar", calendar="primary", account=account["sub"], role="reader")
    sandbox.control("POST", "settings", {"administrators": [account["sub"]]})
    http = CheckedHttp(TIMEOUT_SECONDS, strict=True)
    client = sandbox.client(account, http)
    calendar = walk_calendars(client, other["calendar"])
    walk_rules(client, calendar, other["email"])
    walk_events(client, calendar)
    walk_the_rest(client, calendar)
    client.calendars().clear(calendarId="primary").execute()
    client.calendars().transferOwnership(
        calendarId=calendar, newDataOwner=other["email"], useAdminAccess=True
    ).execute()
    client.calendars().delete(calendarId=calendar).execute()
    assert http.seen == set(methods())
