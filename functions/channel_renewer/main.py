"""Cloud Scheduler calls this every minute. Composition root: wiring and HTTP, nothing else."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import cache

import functions_framework
from flask import Request

from shared.adapters.clock import clock_of
from shared.adapters.cloud_tasks import CloudTasks
from shared.adapters.firestore import FirestoreDocuments
from shared.adapters.oidc import OidcVerifier
from shared.app.renewals import Every, renew
from shared.clients import cloud_tasks, firestore
from shared.core.errors import RejectedError
from shared.http import Answer, Empty, guarded, health
from shared.log import Severity, log
from shared.settings import Function, load

SETTINGS = load(Function.CHANNEL_RENEWER, os.environ)
CLOCK = clock_of(SETTINGS.clock_file)


@cache  # on the first request: the framework forks after import
def documents() -> FirestoreDocuments:
    return firestore(SETTINGS)


@cache
def tasks() -> CloudTasks:
    return cloud_tasks(SETTINGS)


@cache
def caller() -> OidcVerifier:
    url = SETTINGS.oidc_certs_url
    return OidcVerifier(SETTINGS.scheduler_invoker, SETTINGS.scheduler_audience, CLOCK, certs_url=url)


@functions_framework.http
def main(request: Request) -> Answer | Empty:
    if request.method != "POST":
        return health(request.path, Function.CHANNEL_RENEWER.value)
    return guarded("renewal", lambda: _run(request))


def _run(request: Request) -> Empty:
    try:
        caller().verify(request.headers.get("Authorization"))
    except RejectedError as error:
        log(Severity.WARNING, "renewal.refused", reason=error.reason)
        return "", 403
    every = Every(SETTINGS.look_minutes, SETTINGS.poll_minutes)
    done = renew(documents(), tasks(), CLOCK.now(), SETTINGS.practice_keys, every)
    severity = Severity.WARNING if done.full else Severity.INFO
    log(severity, "renewal.done", **asdict(done))
    return "", 204
