"""Google's pushes and the EHR's pokes arrive here. Composition root: wiring and HTTP, nothing else."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared.http import Answer, health


@functions_framework.http
def main(request: Request) -> Answer:
    return health(request.path, "push_webhook")
