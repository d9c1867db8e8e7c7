"""Google's pushes and the EHR's pokes arrive here. Composition root: wiring and HTTP, nothing else."""

from __future__ import annotations

import os
from functools import cache

import functions_framework
from flask import Request

from shared.adapters.clock import clock_of
from shared.adapters.cloud_tasks import CloudTasks
from shared.adapters.secret_manager import SecretManager
from shared.adapters.sns import SnsMessages, fetch
from shared.app.hook_secret import HookTrust, hook_trust
from shared.app.webhook import HOOK_BODY_MAX, Arrivals, ehr_hook, google_push
from shared.clients import FOR_SENDERS_SECONDS, cloud_tasks, secret_manager
from shared.core.signing import KeyRing
from shared.http import Answer, Empty, guarded, health, not_found
from shared.settings import Function, SecretName, load

SETTINGS = load(Function.PUSH_WEBHOOK, os.environ)
CLOCK = clock_of(SETTINGS.clock_file)
SNS = SnsMessages(CLOCK, fetch)


@cache  # on the first request: the framework forks after import
def secrets() -> SecretManager:
    return secret_manager(SETTINGS, CLOCK)


@cache
def tasks() -> CloudTasks:
    return cloud_tasks(SETTINGS, FOR_SENDERS_SECONDS)


@functions_framework.http
def main(request: Request) -> Answer | Empty:
    if request.method != "POST":
        return health(request.path, Function.PUSH_WEBHOOK.value)
    return guarded("webhook", lambda: _receive(request))


def _receive(request: Request) -> Answer | Empty:
    headers = {name.lower(): value for name, value in request.headers.items()}
    arrivals = Arrivals(tasks(), CLOCK.now(), SETTINGS.bucket_s)
    if request.path == "/google":
        keys = KeyRing.of(secrets().versions(SecretName.CHANNEL_KEYS))
        return "", google_push(headers, keys, arrivals)
    if not request.path.startswith("/ehr/"):
        return not_found()
    practice = request.path.removeprefix("/ehr/")
    served = practice in SETTINGS.practice_keys
    trust = hook_trust(secrets().versions(SecretName.hooks_of(practice))) if served else HookTrust()
    body = request.stream.read(HOOK_BODY_MAX + 1)
    return "", ehr_hook(practice, headers, body, trust, SNS.open, arrivals)
