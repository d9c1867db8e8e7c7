"""Google sends the practitioner back here after consent. Composition root: wiring and HTTP, nothing else."""

from __future__ import annotations

import os

import functions_framework
from flask import Request, Response

from shared.api.callback import Callback
from shared.api.wire import call_of
from shared.http import HEALTH_PATH, Answer, health
from shared.settings import Function, load
from shared.wiring import Wiring

CALLBACK = Callback(Wiring(load(Function.OAUTH_CALLBACK, os.environ)))


@functions_framework.http
def main(request: Request) -> Response | Answer:
    if request.path == HEALTH_PATH:
        return health(request.path, Function.OAUTH_CALLBACK.value)
    reply = CALLBACK.answer(call_of(request))
    return Response(reply.body, reply.status, dict(reply.headers))
