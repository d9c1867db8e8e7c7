"""The EHR's front end calls this. Composition root: wiring and HTTP, nothing else."""

from __future__ import annotations

import os

import functions_framework
from flask import Request, Response

from shared.api.service import Api
from shared.api.wire import call_of
from shared.http import HEALTH_PATH, Answer, health
from shared.settings import Function, load
from shared.wiring import Wiring

API = Api(Wiring(load(Function.SETTINGS_API, os.environ)))


@functions_framework.http
def main(request: Request) -> Response | Answer:
    if request.path == HEALTH_PATH:
        return health(request.path, Function.SETTINGS_API.value)
    reply = API.answer(call_of(request))
    return Response(reply.body, reply.status, dict(reply.headers))
