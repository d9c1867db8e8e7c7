"""Where EHRs differ, as one table of facts, and the four servers the sandbox can be.

Each profile is one value of Settings; a test may change any fact of it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

JSON_PATCH = "json-patch"
MERGE_PATCH = "merge-patch"

_CHOICES = MappingProxyType(
    {
        "fhir_version": ("4.0.1", "4.3.0", "5.0.0"),
        "statement": ("true", "lies", "bare", "missing"),
        "unknown_parameters": ("refused", "ignored", "nothing found"),
        "slots": ("written", "read", "missing"),
        "versions": ("uuid", "number", "none"),
        "etag": ("weak", "bare", "none"),
        "patches": (JSON_PATCH, MERGE_PATCH),
        "sort_keys": ("_lastUpdated", "_id", "date", "start"),
        "stale_status": (409, 412),
        "unknown_update_status": (400, 404),
        "deleted_status": (200, 204),
        "out_of_hours_status": (409, 422),
    }
)


@dataclass(frozen=True)
class Settings:
    """The facts of one server. Raises ValueError: a fact has another value than it can have."""

    profile: str = "medplum"
    """Which one these facts began as."""

    # --- what it says of itself
    fhir_version: str = "4.0.1"
    statement: str = "true"
    """Of `/metadata`: `lies` promises everything, `bare` names types and no more, `missing` is 404."""
    r5: bool = False
    """True: names of R5: `cancellationReason` (the other is refused), `subject`, `virtualService`."""

    # --- searching
    last_updated_search: bool = True
    """False: `_lastUpdated` is an unknown parameter and sort key."""
    last_updated_needs_actor: bool = False
    """True: with `_lastUpdated`, appointments are found for one actor at a time only, else 400."""
    narrow_search: bool = False
    """True: appointments are found by `_id` or `identifier`, or by somebody and both bounds of `date`."""
    unknown_parameters: str = "refused"
    """Under `handling=strict`: `refused` with 400, `ignored`, or answered with `nothing found`."""
    sort_keys: tuple[str, ...] = ("_lastUpdated", "_id", "date", "start")
    elements: bool = True
    batch: bool = True
    page_rows: int = 20
    """Of a page nobody asked a size for."""
    page_rows_max: int = 100
    relative_next_links: bool = False
    forbidden_types: tuple[str, ...] = ()
    """Whatever is asked of these types is 403."""
    slots: str = "written"
    """Whether Slots can be `written`, only `read`, or are `missing` (404)."""

    # --- writing
    updates: bool = True
    """False: PUT is 405."""
    patches: tuple[str, ...] = (JSON_PATCH,)
    """Forms of PATCH it takes; without any it is 405."""
    deletes: bool = True
    """False: DELETE is 405."""
    if_match_honoured: bool = True
    """False: `If-Match` of PUT and DELETE is read over, the last writer wins."""
    if_match_on_patch: bool = False
    """As above, for PATCH."""
    if_match_required: bool = False
    """True: a write without `If-Match` is 412."""
    stale_status: int = 412
    conditional_create: bool = True
    """False: `If-None-Exist` is read over, a repeated create makes a second row."""
    equal_put_keeps_version: bool = True
    """False: every PUT makes a version."""
    unknown_update_status: int = 400
    """Of a PUT under an id that never was."""
    deleted_status: int = 200
    bodies: bool = True
    """False: writes are answered without a body, with a relative `Location`."""
    versions: str = "uuid"
    """What `meta.versionId` is; `none`: rows written from now on have neither it nor `lastUpdated`."""
    etag: str = "weak"
    """`W/"v"`, a bare `v`, or no header at all."""
    status_in_participants: bool = False
    """True: `status` cannot be written. A cancelled row keeps the one it had; the patients' participants tell
    by a modifier extension."""
    roles: bool = False
    """True: staff name the PractitionerRole of a practitioner in what they make, where there is one."""

    # --- who may come, and how often
    user_agent_required: bool = False
    """True: 403 without a `User-Agent`."""
    requests_per_minute: int = 60_000
    """More are 429; what is left is told in a header. 0: no limit, no header."""

    # --- rules for the sync
    enforces_protection: bool = True
    """False: a row with a note or an invoice is moved and cancelled like any other."""
    flags_protection: bool = True
    """False: the row does not say that it has a note or an invoice; it can only be searched for."""
    occupied_rule: bool = False
    """True: no move of an appointment onto a client appointment of the same practitioner: 409."""
    out_of_hours_status: int = 422
    """Of a move of a client appointment out of its practitioner's hours, for those who have hours."""
    late_visibility_seconds: float = 0.0
    """What staff write is stamped now and seen so much later, as after a long transaction: rows written
    meanwhile, with a later `lastUpdated`, have been read by then."""

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            for each in value if isinstance(value, tuple) else (value,):
                if each not in allowed:
                    raise ValueError(f"'{name}' must be of {', '.join(map(str, allowed))}; it is {each!r}")
        if not 0 < self.page_rows <= self.page_rows_max:
            raise ValueError("'page_rows' must be from 1 to 'page_rows_max'")


MEDPLUM = Settings()
"""Everything, but PATCH does not look at `If-Match`."""

MINIMAL = Settings(
    profile="minimal",
    statement="bare",
    unknown_parameters="ignored",
    sort_keys=("_lastUpdated",),
    elements=False,
    batch=False,
    page_rows=10,
    page_rows_max=10,
    relative_next_links=True,
    slots="missing",
    patches=(),
    if_match_honoured=False,
    conditional_create=False,
    equal_put_keeps_version=False,
    unknown_update_status=404,
    deleted_status=204,
    bodies=False,
    versions="number",
    etag="bare",
    requests_per_minute=0,
)
"""A small framework with somebody's own storage behind it."""

WINDOWED = Settings(
    profile="windowed",
    last_updated_search=False,
    narrow_search=True,
    sort_keys=("date", "start"),
    slots="read",
    patches=(JSON_PATCH,),
    deletes=False,
    if_match_on_patch=True,
    if_match_required=True,
    stale_status=409,
    conditional_create=False,
    unknown_update_status=404,
    versions="number",
    requests_per_minute=0,
)
"""A large vendor's: nothing is found by change, and no write without a version."""

PATCH_ONLY = Settings(
    profile="patch-only",
    fhir_version="4.3.0",
    unknown_parameters="ignored",
    slots="read",
    updates=False,
    patches=(MERGE_PATCH,),
    deletes=False,
    conditional_create=False,
    versions="number",
    roles=True,
    user_agent_required=True,
    requests_per_minute=0,
)
"""A practice system with an interface of its own making: parts of rows are written, rows never."""

PROFILES: Mapping[str, Settings] = MappingProxyType(
    {each.profile: each for each in (MEDPLUM, MINIMAL, WINDOWED, PATCH_ONLY)}
)
