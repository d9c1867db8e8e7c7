"""An EHR that speaks FHIR R4 or R4B, as `shared.ports.Ehr`.

    FhirEhr(HttpExchange(base_url, bearer(token)), FhirSettings(system="https://calsync.example"))

In the place of `bearer` may stand `private_key_jwt`, `client_secret` or `google_oidc`. One of it belongs to
one thread: the HTTP session and the access token under it must not be shared.
"""

from shared.adapters.fhir.appointments import appointment_from_json
from shared.adapters.fhir.assertion import SigningKey
from shared.adapters.fhir.authentication import SecretIn, client_secret, google_oidc, private_key_jwt
from shared.adapters.fhir.bodies import patched
from shared.adapters.fhir.ehr import FhirEhr
from shared.adapters.fhir.errors import NoAnswerError, translate
from shared.adapters.fhir.exchange import Answer, Authorization, Exchange, HttpExchange, bearer
from shared.adapters.fhir.settings import FhirSettings, ParticipantStatus, Stated
from shared.adapters.fhir.token_endpoint import TokenEndpoint

__all__ = [
    "Answer",
    "Authorization",
    "Exchange",
    "FhirEhr",
    "FhirSettings",
    "HttpExchange",
    "NoAnswerError",
    "ParticipantStatus",
    "SecretIn",
    "SigningKey",
    "Stated",
    "TokenEndpoint",
    "appointment_from_json",
    "bearer",
    "client_secret",
    "google_oidc",
    "patched",
    "private_key_jwt",
    "translate",
]
