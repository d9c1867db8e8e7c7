"""FHIR's CapabilityStatement: what a server says of itself (hl7.org/fhir/R4/capabilitystatement.html).

No I/O. Read tolerantly; what it does not say is not there, and nothing here is evidence that it is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.fhir.elements import object_of, objects, text_of
from shared.adapters.fhir.patches import JSON_PATCH, MERGE_PATCH
from shared.ports import Writes


class Statement:
    def __init__(self, body: object = None) -> None:
        """`body`: the resource; of anything else nothing is said."""
        raw = object_of(body)
        said = raw if raw.get("resourceType") == "CapabilityStatement" else {}
        rests = [each for each in objects(said.get("rest")) if each.get("mode", "server") == "server"]
        resources = [resource for rest in rests for resource in objects(rest.get("resource"))]
        self._resources = {text_of(resource.get("type")): resource for resource in resources}
        formats = said.get("patchFormat")
        self._patch_formats = frozenset(map(text_of, formats)) if isinstance(formats, list) else frozenset()

    def offers(self, resource_type: str, *interactions: str) -> bool:
        """Whether each is said to be there."""
        said = objects(self._of(resource_type).get("interaction"))
        return {text_of(each.get("code")) for each in said}.issuperset(interactions)

    @property
    def writes(self) -> Writes:
        """How appointments are changed: whole, unless only patches are offered.

        Of patches the one with tests in it is the better; where the format is not said it is FHIR's own.
        """
        if self.offers("Appointment", "update") or not self.offers("Appointment", "patch"):
            return Writes.WHOLE
        merges = MERGE_PATCH in self._patch_formats and JSON_PATCH not in self._patch_formats
        return Writes.MERGE_PATCH if merges else Writes.JSON_PATCH

    @property
    def checks_versions(self) -> bool:
        """Whether an update over an older version is said to be refused.

        `versioned` alone says that versions are kept, not that they are compared. Neither is a patch held to
        it: servers that compare on an update read over If-Match on a patch.
        """
        said = self._of("Appointment").get("versioning")
        return said == "versioned-update" and self.writes is Writes.WHOLE

    @property
    def creates_once(self) -> bool:
        return self._of("Appointment").get("conditionalCreate") is True

    def _of(self, resource_type: str) -> Mapping[str, Any]:
        return self._resources.get(resource_type, {})
