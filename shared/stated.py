"""What the operator of an EHR states of it, as parts of the secret `practice-{practice}`:

    "capabilities": {"listing": "window", "writes": "merge_patch", "protected_by": "enforced"}
    "participant_status": {"extension": "https://…/appointment-participant-status",
                           "cancelled": ["cancelled", "cancelled (no charge)"], "came": ["attended"]}

What is stated is believed; what is not is found out.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.ports import BlockAs, Listing, ProtectedBy, Writes

Value = Annotated[str, Field(min_length=1)]


class StatedCapabilities(BaseModel):
    """As `shared.ports.Capabilities`; None: to be found out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listing: Listing | None = None
    writes: Writes | None = None
    checks_versions: bool | None = None
    creates_once: bool | None = None
    protected_by: ProtectedBy | None = None
    block_as: BlockAs | None = None


class StatedParticipantStatus(BaseModel):
    """A vendor's word for what became of a client's participation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    extension: Value = Field(description="extension of a participant: a code or text")
    cancelled: frozenset[Value] = Field(description="values with which a client is out, in any case")
    came: frozenset[Value] = Field(default=frozenset(), description="values that make it part of the record")
