"""Whether what is sent to a FHIR server is FHIR: R4B's models, and the rules that they leave out.

ValidExchange(exchange)   an `Exchange` that asserts it of every body on its way
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

from shared.adapters.fhir import Answer, Exchange

APPOINTMENT_STATUSES = frozenset(
    {
        "proposed",
        "pending",
        "booked",
        "arrived",
        "fulfilled",
        "cancelled",
        "noshow",
        "entered-in-error",
        "checked-in",
        "waitlist",
    }
)
SLOT_STATUSES = frozenset(["busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error"])
PARTICIPATION = frozenset(["accepted", "declined", "tentative", "needs-action"])
PATCHES = {
    "start",
    "end",
    "minutesDuration",
    "status",
    "cancelationReason",
    "description",
    "comment",
    "extension",
    "identifier",
}
"""What a patch of ours may name."""


def assert_valid(resource: Mapping[str, Any]) -> None:
    """Raises pydantic's ValidationError where it is no resource, AssertionError where it breaks a rule."""
    get_fhir_model_class(resource["resourceType"]).model_validate(dict(resource))
    if resource["resourceType"] == "Appointment":
        _assert_appointment(resource)
    elif resource["resourceType"] == "Slot":
        assert resource["status"] in SLOT_STATUSES
        assert _has_offset(resource["start"])
        assert _has_offset(resource["end"])
    elif resource["resourceType"] == "Bundle":
        for entry in resource["entry"]:
            assert entry["request"]["method"] == "GET"


def assert_valid_body(method: str, body: Any) -> None:
    """As `assert_valid`, of what is sent: a resource, or a patch of either kind."""
    if method == "PATCH":
        names = {each["path"][1:] for each in body} if isinstance(body, list) else set(body)
        assert names <= PATCHES
    else:
        assert_valid(body)


def _assert_appointment(appointment: Mapping[str, Any]) -> None:
    status, has_start = appointment["status"], "start" in appointment
    assert status in APPOINTMENT_STATUSES
    assert all(each.get("actor") or each.get("type") for each in appointment["participant"]), "app-1"
    assert all(each["status"] in PARTICIPATION for each in appointment["participant"])
    assert has_start == ("end" in appointment), "app-2"
    assert has_start or status in ("proposed", "cancelled", "waitlist"), "app-3"
    assert "cancelationReason" not in appointment or status in ("cancelled", "noshow"), "app-4"
    for name in {"start", "end"} & appointment.keys():
        assert _has_offset(appointment[name]), name


def _has_offset(instant: str) -> bool:
    """An instant names its offset, and its seconds."""
    return instant.endswith("Z") or instant[-6] in "+-"


class ValidExchange:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        if body is not None:
            assert_valid_body(method, body)
        answer = self._exchange(method, url, params=params, headers=headers, body=body)
        if method == "PATCH" and answer.status < 300 and isinstance(answer.body, dict):
            assert_valid(answer.body)
        return answer
