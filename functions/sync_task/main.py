"""Cloud Tasks calls this with one bounded job. Composition root: wiring and HTTP, nothing else."""

from __future__ import annotations

import os
from functools import cache

import functions_framework
from flask import Request

from shared.adapters.oidc import OidcVerifier
from shared.app.jobs import job_of, perform
from shared.core.errors import BlockedError, RejectedError
from shared.http import Answer, Empty, guarded, health
from shared.log import Severity, log
from shared.settings import Function, load
from shared.wiring import Wiring

SETTINGS = load(Function.SYNC_TASK, os.environ)
WIRING = Wiring(SETTINGS)


@cache
def caller() -> OidcVerifier:
    url = SETTINGS.oidc_certs_url
    return OidcVerifier(SETTINGS.tasks_invoker, SETTINGS.tasks_audience, WIRING.clock, certs_url=url)


@functions_framework.http
def main(request: Request) -> Answer | Empty:
    if request.method != "POST":
        return health(request.path, Function.SYNC_TASK.value)
    return guarded("task", lambda: _run(request))


def _run(request: Request) -> Empty:
    """Non-2xx is for our own faults alone: 429 and 503 would slow the whole queue."""
    try:
        caller().verify(request.headers.get("Authorization"))
    except RejectedError as error:
        log(Severity.WARNING, "task.refused", reason=error.reason)
        return "", 403
    try:
        job = job_of(request.get_json(force=True, silent=True) or {})
        perform(WIRING.world(), WIRING.tasks, job)
    except (RejectedError, BlockedError) as error:  # nothing that a repeat would mend
        log(Severity.ERROR, "task.dropped", reason=error.reason)
    return "", 200
