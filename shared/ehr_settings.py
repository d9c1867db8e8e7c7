"""What differs between EHRs, from a practice's secret."""

from __future__ import annotations

from shared.adapters.fhir import FhirSettings, ParticipantStatus, Stated
from shared.practices import PracticeSecret
from shared.stated import StatedParticipantStatus


def fhir_settings(secret: PracticeSecret) -> FhirSettings:
    return FhirSettings(
        system=secret.system,
        internal_id_system=secret.internal_id_system,
        time_zone_extension=secret.time_zone_extension,
        protected_extension=secret.protected_extension,
        release=secret.fhir_release,
        participant_status=_participant_status(secret.participant_status),
        stated=Stated(**dict(secret.capabilities)),
    )


def _participant_status(stated: StatedParticipantStatus | None) -> ParticipantStatus | None:
    if stated is None:
        return None
    return ParticipantStatus(stated.extension, _folded(stated.cancelled), _folded(stated.came))


def _folded(values: frozenset[str]) -> frozenset[str]:
    return frozenset(value.casefold() for value in values)
