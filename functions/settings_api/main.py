"""The EHR's front end calls this. Composition root: wiring and HTTP, nothing else."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared.http import Answer, health


@functions_framework.http
def main(request: Request) -> Answer:
    return health(request.path, "settings_api")
