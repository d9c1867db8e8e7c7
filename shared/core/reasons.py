"""Every reason that a practitioner may meet, in a sentence, and who can mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Remedy(Enum):
    """Who can mend it."""

    ITSELF = "itself"
    """It passes, and is tried again until then."""
    PRACTITIONER = "practitioner"
    STAFF = "staff"
    """In the EHR."""
    WORKSPACE = "workspace"
    """The administrator of the organization that the Google account belongs to."""
    OPERATOR = "operator"
    """Whoever runs the calendar sync, or the EHR."""


@dataclass(frozen=True)
class Reason:
    remedy: Remedy
    sentence: str


_SENTENCES: Mapping[Remedy, Mapping[str, str]] = {
    Remedy.ITSELF: {
        "calendar_being_made": "The calendar is just being made.",
        "calendar_not_found": "Google says that the calendar is gone, and lists it all the same.",
        "connection_contested": "The connection was changed at the same moment.",
        "contested": "It keeps changing on one side while it is brought to the other.",
        "deletion_met_by_id": "It was deleted just now; the next look decides about it.",
        "deletion_not_noted": "It was deleted just now; it is written down first.",
        "connected": "The sync was not started yet.",
        "ehr_answer_unreadable": "The EHR's answer cannot be read.",
        "ehr_identity_unavailable": "The identity with which the EHR is asked is not to be had.",
        "ehr_locked": "The EHR has locked the appointment.",
        "ehr_page_expired": "The EHR no longer knew the list that it was giving.",
        "ehr_rate_limit": "The EHR wants fewer requests.",
        "ehr_stale": "Somebody changed it in the EHR at the same moment.",
        "ehr_token_expired": "The EHR's own sign-in has expired and is being renewed.",
        "ehr_token_unavailable": "The EHR's sign-in is out of order.",
        "ehr_token_unreadable": "The answer of the EHR's sign-in cannot be read.",
        "ehr_unavailable": "The EHR is out of order.",
        "ehr_unreachable": "The EHR does not answer.",
        "event_ids_taken": "The ids that were tried for its event are taken; others are tried.",
        "event_taken_but_not_found": "Google has the event and does not show it yet.",
        "external_calendar_unreadable": "Google does not find this calendar just now; its blocks stay.",
        "google_answer_unreadable": "Google's answer cannot be read.",
        "google_calendar_gone": "Google does not find the calendar.",
        "google_conflict": "Somebody changed it in Google Calendar at the same moment.",
        "google_cursor_lost": "Google wants the whole calendar to be read again.",
        "google_daily_limit": "Google's limit for the day is used up.",
        "google_event_gone": "The event was deleted in Google Calendar at the same moment.",
        "google_forbidden_without_reason": "Google refuses and does not say why.",
        "google_id_taken": "The id for the event is taken; another is tried.",
        "google_precondition": "Google says that it changed at the same moment.",
        "google_rate_limit": "Google wants fewer requests.",
        "google_stale": "Somebody changed it in Google Calendar at the same moment.",
        "google_token": "Google's sign-in is out of order.",
        "google_unavailable": "Google Calendar is out of order.",
        "google_unreachable": "Google Calendar does not answer.",
        "google_use_limit": "The Google account has made or changed too much; it rests for a while.",
        "practice_is_read": "The practice's appointments are just being read.",
        "protection_unknown": "The EHR does not say whether a note or an invoice hangs on it.",
        "review_contested": "Somebody answered the review at the same moment.",
        "removing": "What was synced is just being removed.",
        "stopping": "The sync is just being stopped.",
    },
    Remedy.PRACTITIONER: {
        "calendar_missing": "The calendar of appointments was deleted in Google.",
        "disconnected": "Google Calendar was disconnected.",
        "event_without_start": "The event has no start that can be read.",
        "external_calendar_gone": "This calendar is gone from Google, and so are its blocks.",
        "external_calendars_not_granted": "The box for other calendars was not ticked: connect again.",
        "google_calendar_forbidden": "The account may not read this calendar any more.",
        "google_forbidden": "Google does not let this account do that.",
        "google_invalid": "Google does not take it as it stands.",
        "google_not_watchable": "Google tells of no changes of this calendar: it is looked at now and then.",
        "google_refused": "Google refuses it.",
        "google_scope_missing": "A right that was given is missing: connect again.",
        "lapsed": "The time for which the sync was ordered is over.",
        "not_connected": "No Google account is connected.",
        "off": "The sync is switched off.",
        "paused": "The sync is paused.",
        "reconnect_needed": "Google does not let us in any more: connect again.",
        "too_many_calendars": "More calendars take part than one answer can ask for.",
        "too_many_events": "There are more events than one answer can hold.",
        "series_not_taken_in": "A series that was made in the appointments calendar cannot be read.",
    },
    Remedy.STAFF: {
        "appointment_without_start": "The appointment has no start that can be read.",
        "block_without_event": "A block whose event was not found; it goes when it is not found again.",
        "ehr_exists": "The EHR has such an appointment already.",
        "ehr_gone": "The appointment was deleted in the EHR.",
        "ehr_no_schedule": "The practitioner has no schedule in the EHR that a block could stand in.",
        "ehr_not_taken": "The EHR took it and did not do it.",
        "ehr_protected": "A note or an invoice hangs on it.",
        "ehr_refused": "The EHR refuses it.",
        "ehr_slot_bound": "It was booked into a slot of the EHR, whose times only staff can change.",
        "ehr_status_unknown": "The EHR does not say which state the appointment was in.",
        "ehr_unknown_modifier": "The appointment has a modifier that is not known here.",
        "reassigned": "In the EHR it belongs to somebody else now.",
        "taken": "Somebody made an appointment of what was a block.",
    },
    Remedy.WORKSPACE: {
        "google_calendar_not_enabled": "Google Calendar is switched off for this account.",
    },
    Remedy.OPERATOR: {
        "bug": "Something went wrong on our side; we were told.",
        "ehr_address_wrong": "The EHR's address is wrong.",
        "ehr_authentication_refused": "The EHR does not take our credential.",
        "ehr_cannot_list_changes": "The EHR cannot tell what changed.",
        "ehr_feed_endless": "The EHR's list of changes does not end.",
        "ehr_forbidden": "The EHR does not let us do that.",
        "ehr_link_elsewhere": "The EHR's answer leads to another server.",
        "ehr_redirects": "The EHR has moved.",
        "ehr_search_endless": "A search in the EHR does not end.",
        "ehr_search_refused": "The EHR does not take a search.",
        "ehr_signing_key_unfit": "The key with which we sign in to the EHR does not fit.",
        "ehr_token_endpoint_elsewhere": "The EHR's sign-in is at another server than it was.",
        "ehr_token_endpoint_unknown": "The EHR does not say where its sign-in is.",
        "ehr_token_endpoint_unsafe": "The EHR's sign-in is not encrypted.",
        "ehr_token_endpoint_wrong": "The address of the EHR's sign-in is wrong.",
        "ehr_unauthorized": "The EHR does not take our credential.",
        "ehr_unsupported": "The EHR does not offer that.",
        "ehr_without_versions": "The EHR wants a version with a change, and gave none.",
        "event_ids_exhausted": "Its event was made anew too many times.",
        "failing_jobs": "The last jobs came to no end; the calendar rests and is tried again.",
        "google_api_disabled": "The Calendar API is switched off in our project.",
        "google_calendar_list_endless": "Google's list of calendars does not end.",
        "google_channel_gone": "Google's message service lost us.",
        "google_client_configuration": "Google does not take our own credential.",
        "google_not_restored": "Google did not bring a deleted event back.",
        "google_push_address": "Google does not take the address for its messages.",
        "google_series_endless": "Google's list of a series does not end.",
        "google_unauthorized": "Google does not take our credential.",
        "listing_without_end": "Google's list of events does not end.",
        "no_such_calendar": "The calendar is not known here any more.",
        "practice_not_served": "The practice is not served here.",
        "seal_broken": "What was sealed does not open: a key is missing.",
    },
}
REASONS: Mapping[str, Reason] = {
    code: Reason(remedy, sentence)
    for remedy, sentences in _SENTENCES.items()
    for code, sentence in sentences.items()
}
_PREFIXES: Mapping[str, Reason] = {
    "ehr_refused_": Reason(Remedy.STAFF, "The EHR refuses it, for a reason of its own."),
    "store_": Reason(Remedy.OPERATOR, "Our own store is out of order."),
    "secret": Reason(Remedy.OPERATOR, "A secret of ours is missing or cannot be read."),
    "practice_secret": Reason(Remedy.OPERATOR, "The practice's secret is missing or cannot be read."),
    "tasks_": Reason(Remedy.OPERATOR, "Our own queue is out of order."),
}
UNFORESEEN = Reason(
    Remedy.OPERATOR, "Something that nobody foresaw; whoever runs the sync can find it by its code."
)


def reason_of(code: str) -> Reason:
    """What a code says; one that carries a code of the EHR's, or a service's, by how it begins."""
    begun = (reason for prefix, reason in _PREFIXES.items() if code.startswith(prefix))
    return REASONS.get(code) or next(begun, UNFORESEEN)
