"""What a FHIR server can do: what it says, and canary searches, because statements lie.

Nothing is written to find out: it is a real practice's data. So of what only a write would show, the careful
answer is taken where the server does not say otherwise: a version that may not be checked is compared by us,
a create that may not be conditional is looked for first. An operator who knows better states it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from shared.adapters.fhir.bundles import Page
from shared.adapters.fhir.feed import EPOCH, NEWEST, Params, newest_cursor, of_practitioner, stamps_since
from shared.adapters.fhir.protection import HANGS_ON, search_params
from shared.adapters.fhir.server import Server
from shared.adapters.fhir.statement import Statement
from shared.core.errors import BlockedError, RejectedError
from shared.ports import BlockAs, Capabilities, GoneError, Listing, ProtectedBy

NOBODY = "00000000-0000-4000-8000-000000000000"
"""An id that no resource has."""
FAR_FUTURE = datetime(2999, 1, 1, tzinfo=UTC)
PRACTITIONERS_MAX = 3
"""Of each type: so many are tried until one has appointments."""
UNAUTHORIZED = "ehr_unauthorized"

OF_NOBODY = (
    ("Encounter", "appointment", search_params("appointment", [f"Appointment/{NOBODY}"])),
    *((of, by, search_params(by, [f"Encounter/{NOBODY}"], element, count=1)) for of, by, element in HANGS_ON),
)
"""Type, parameter and the whole search, as they are when it is asked what hangs on an appointment."""


class Discovering(Server):
    def capabilities(self) -> Capabilities:
        """In at most 25 requests, nearly all of them searches for nothing or for one row.

        Raises BlockedError `ehr_unauthorized`; any other refusal of a question is its answer. RetryableError
        passes: half a finding is none.
        """
        said, stated = self._statement(), self._settings.stated
        checks, once = stated.checks_versions, stated.creates_once
        return Capabilities(
            listing=stated.listing or self._listing(),
            writes=stated.writes or said.writes,
            checks_versions=said.checks_versions if checks is None else checks,
            creates_once=said.creates_once if once is None else once,
            protected_by=stated.protected_by or self._protected_by(),
            block_as=stated.block_as or self._block_as(said),
        )

    def _statement(self) -> Statement:
        try:
            answer = self._send("CapabilityStatement.read", "GET", "metadata")
        except (BlockedError, GoneError, RejectedError):  # it says nothing of itself
            return Statement()
        return Statement(answer.body)

    # --- how it tells what changed ---

    def _listing(self) -> Listing:
        if self._lists_changes(()):
            return Listing.PRACTICE
        somebody = of_practitioner(self._somebody())
        return Listing.PRACTITIONER if self._lists_changes(somebody) else Listing.WINDOW

    def _lists_changes(self, who: Params) -> bool:
        """Whether a search by change is understood, in order, and honest: from the far future on it finds
        nothing, and by the newest row's own stamp it finds that row.

        Some servers answer nothing to a parameter that they do not know. Where nothing is there at all, only
        the server's word is left.
        """

        def first_page(params: Params) -> Page:
            return self._page("Appointment.changes", (*who, *params))

        try:
            newest = newest_cursor(first_page(NEWEST)).high_water
            for position in (EPOCH, FAR_FUTURE):
                stamps_since(first_page, position, self._settings)
            near = stamps_since(first_page, newest, self._settings)
        except BlockedError as error:
            if error.reason == UNAUTHORIZED:
                raise
            return False
        return newest == EPOCH or bool(near)

    def _somebody(self) -> str:
        """A practitioner or a role, one that has appointments if such a one is soon found."""
        somebody = list(self._some_practitioners()) or [NOBODY]
        busy = (each for each in somebody if self._one_of("Appointment", of_practitioner(each)))
        return next(busy, somebody[0])

    def _some_practitioners(self) -> Iterator[str]:
        for prefix, resource_type in (("", "Practitioner"), ("PractitionerRole/", "PractitionerRole")):
            page = self._answer_to(resource_type, (("_count", str(PRACTITIONERS_MAX)),))
            for raw in page.resources[:PRACTITIONERS_MAX] if page else ():
                yield f"{prefix}{raw['id']}"

    # --- what else it knows ---

    def _protected_by(self) -> ProtectedBy:
        if self._settings.protected_extension:
            return ProtectedBy.ROW
        finds = all(self._finds_by(*search) for search in OF_NOBODY)
        return ProtectedBy.QUERY if finds else ProtectedBy.NONE

    def _finds_by(self, resource_type: str, name: str, params: Params) -> bool:
        """Whether the parameter is understood: nothing refers to nobody."""
        page = self._answer_to(resource_type, params)
        if page is None or page.resources:
            return False
        return name in {each.partition(":")[0] for each, _ in parse_qsl(urlsplit(page.self_url).query)}

    def _block_as(self, said: Statement) -> BlockAs:
        """Slots belong to schedules: a practice without any has no place for them."""
        offered = said.offers("Slot", "create", "update") and said.offers("Schedule", "search-type")
        return BlockAs.SLOT if offered and self._one_of("Schedule") else BlockAs.APPOINTMENT

    # --- questions ---

    def _one_of(self, resource_type: str, params: Params = ()) -> bool:
        page = self._answer_to(resource_type, (*params, ("_count", "1")))
        return page is not None and bool(page.resources)

    def _answer_to(self, resource_type: str, params: Params) -> Page | None:
        """The first page of a search; None where it is refused."""
        try:
            return self._page(f"{resource_type}.search", params)
        except BlockedError as error:
            if error.reason == UNAUTHORIZED:
                raise
            return None
