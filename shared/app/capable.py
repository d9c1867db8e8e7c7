"""What the EHR of a practice can do, for whoever has to know before the practice's job has asked."""

from __future__ import annotations

from shared.app.records import practice_of, practice_path
from shared.app.world import World
from shared.ports import Capabilities


def capabilities_of(world: World, practice: str) -> Capabilities:
    """As they are kept; else found out now and not kept. Raises RetryableError and BlockedError."""
    path = practice_path(practice)
    document = world.documents.get(path).get(path)
    kept = practice_of(document).capabilities if document else None
    return kept or world.ehr(practice).capabilities()
