"""Every endpoint there is, by the template of its address and by method."""

from __future__ import annotations

from shared.api import endpoints, feeds, going, notices, reviews, roster, telling
from shared.api.routing import SYNC, Table

OF_A_PRACTITIONER: Table = {
    **endpoints.PATHS,
    **reviews.PATHS,
    **notices.PATHS,
    **feeds.PATHS,
    **going.PATHS,
    **telling.PATHS,
}
"""By what follows `/v1/practitioners/{id}/sync`."""
OF_A_PRACTICE: Table = {
    **notices.OF_A_PRACTICE,
    **roster.OF_A_PRACTICE,
    **going.OF_A_PRACTICE,
}
"""By the whole of it."""

ENDPOINTS: Table = {
    **{f"{SYNC}{rest}": methods for rest, methods in OF_A_PRACTITIONER.items()},
    **OF_A_PRACTICE,
}
