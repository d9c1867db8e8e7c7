"""What staff say about where a session is: at a place, or by video, in each way that EHRs tell it."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.ehr import urls
from sandbox.ehr.desk import Desk, reference_of
from sandbox.ehr.outcome import FhirError, Resource, dicts


class Meetings(Desk):
    """Places and links."""

    def add_location(self, *, name: str, street: str = "", city: str = "", url: str = "") -> Resource:
        """A place of the practice; with `url` a virtual one."""
        location: Resource = {"resourceType": "Location", "status": "active", "name": name}
        if street or city:
            parts = {"line": [street] if street else None, "city": city or None}
            location["address"] = {key: value for key, value in parts.items() if value}
        if url:
            virtual = {"system": urls.LOCATION_TYPE, "code": "vi"}
            location["physicalType"] = {"coding": [virtual]}
            location["telecom"] = [{"system": "url", "value": url}]
        return self._create(location)

    def relocate(self, *, appointment: str, location: str) -> Resource:
        """At that place instead of any other."""
        resource = self._read("Appointment", appointment)
        others = [each for each in resource["participant"] if not reference_of(each).startswith("Location/")]
        return self._update({**resource, "participant": [*others, self._participant("Location", location)]})

    def meet_online(
        self, *, appointment: str, url: str, form: str = "extension", patient_url: str = ""
    ) -> Resource:
        """By video. `form`: one of FORMS. `patient_url`: the client's own link, where the form has two.

        Raises FhirError 422: another form.
        """
        if form not in FORMS:
            raise FhirError(422, "value", "form", f"a link has one of the forms {', '.join(FORMS)}")
        return self._update(FORMS[form](self._read("Appointment", appointment), url, patient_url))


def _as_element(appointment: Resource, url: str, _patient_url: str) -> Resource:
    """R5."""
    return {**appointment, "virtualService": [{"addressUrl": url}]}


def _as_extension(appointment: Resource, url: str, _patient_url: str) -> Resource:
    """R5's element as an extension of R4 (hl7.org/fhir/uv/xver-r5.r4)."""
    address = {"url": "address", "valueUrl": url}
    service = {"url": urls.VIRTUAL_SERVICE, "extension": [address]}
    others = [each for each in dicts(appointment.get("extension")) if each.get("url") != service["url"]]
    return {**appointment, "extension": [*others, service]}


def _as_endpoint(appointment: Resource, url: str, _patient_url: str) -> Resource:
    """A contained Endpoint, named among the supporting information."""
    return _containing(appointment, [_endpoint("link", url)])


def _as_endpoints(appointment: Resource, url: str, patient_url: str) -> Resource:
    """Two of them: the provider's comes first, the client's second."""
    return _containing(appointment, [_endpoint("provider", url), _endpoint("client", patient_url or url)])


def _containing(appointment: Resource, contained: list[Resource]) -> Resource:
    named = [{"reference": f"#{each['id']}"} for each in contained]
    return {**appointment, "contained": contained, "supportingInformation": named}


def _endpoint(name: str, url: str) -> Resource:
    return {
        "resourceType": "Endpoint",
        "id": name,
        "status": "active",
        "connectionType": {"code": "https"},
        "payloadType": [{"text": "video"}],
        "address": url,
    }


FORMS: dict[str, Callable[[Resource, str, str], Resource]] = {
    "extension": _as_extension,
    "element": _as_element,
    "contained": _as_endpoint,
    "contained pair": _as_endpoints,
}
