"""An EHR that speaks FHIR R4 or R4B, as `shared.ports.Ehr`.

    FhirEhr(HttpExchange(base_url, bearer(token)), FhirSettings(system="https://calsync.example"))

One of it belongs to one thread: the HTTP session under it must not be shared.
"""

from shared.adapters.fhir.appointments import appointment_from_json
from shared.adapters.fhir.bodies import patched
from shared.adapters.fhir.ehr import FhirEhr
from shared.adapters.fhir.errors import NoAnswerError, translate
from shared.adapters.fhir.exchange import Answer, Exchange, HttpExchange, bearer
from shared.adapters.fhir.settings import FhirSettings

__all__ = [
    "Answer",
    "Exchange",
    "FhirEhr",
    "FhirSettings",
    "HttpExchange",
    "NoAnswerError",
    "appointment_from_json",
    "bearer",
    "patched",
    "translate",
]
