"""What every API request passes, once: token, faults, the store, the log."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from sandbox.ehr import rest
from sandbox.ehr.batch import batch
from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.outcome import FhirError
from sandbox.ehr.rate_limit import RateLimit
from sandbox.ehr.rest import Answer, Call
from sandbox.faults import Fault, Faults

REQUESTS_MAX = 100_000
"""The oldest requests are forgotten beyond it."""

_ISSUE = {
    401: "login",
    403: "forbidden",
    404: "not-found",
    423: "lock-error",
    429: "throttled",
    503: "transient",
}


class Api:
    """The FHIR API of one practice. `store` may be replaced by another at any time."""

    def __init__(
        self, store: FhirStore, token: str, accepts: Callable[[str], bool] = lambda _token: False
    ) -> None:
        """`token` is always accepted; `accepts` knows of others."""
        self.store = store
        self.faults = Faults()
        self._token = token
        self._limit = RateLimit()
        self._accepts = accepts
        self._requests: deque[dict[str, Any]] = deque(maxlen=REQUESTS_MAX)
        self._number = 0

    def handle(self, call: Call) -> Answer:
        """Answers one request and writes it down."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not (token == self._token or self._accepts(token)):
            unknown = FhirError(401, "login", "token", "the bearer token is missing or wrong")
            answer = replace(rest.refusal(unknown), headers={"WWW-Authenticate": "Bearer"})
        else:
            answer = self._limited(call)
        self._record(call, answer)
        return answer

    def requests(self, since: int) -> Sequence[dict[str, Any]]:
        """The requests with a number above `since`, oldest first."""
        return [request for request in self._requests if request["number"] > since]

    def _limited(self, call: Call) -> Answer:
        """What is left is told where the call was done, and where it was one too many."""
        allowed, headers = self._limit.take(self.store.now, self.store.settings.requests_per_minute)
        if not allowed:
            many = FhirError(429, "throttled", "rate-limit", "too many requests in a minute")
            return replace(rest.refusal(many), headers=headers)
        answer = self._perform(call)
        return replace(answer, headers={**answer.headers, **headers}) if answer.status < 400 else answer

    def _perform(self, call: Call) -> Answer:
        operation = rest.operation_of(call.method, call.path)
        fault = self.faults.take(operation)
        if fault and not fault.lost:
            return _injected(fault)
        is_batch = operation == "batch"
        store = self.store
        answer = batch(store.settings, call, self._perform) if is_batch else rest.answer(store, call)
        return replace(answer, lost=True) if fault else answer

    def _record(self, call: Call, answer: Answer) -> None:
        self._number += 1
        self._requests.append(
            {
                "number": self._number,
                "operation": rest.operation_of(call.method, call.path),
                "method": call.method,
                "path": "/".join(("/fhir", *call.path)),
                "query": urlencode(call.query),
                "if_match": call.headers.get("if-match"),
                "if_none_exist": call.headers.get("if-none-exist"),
                "body": call.body.decode(errors="replace"),
                "status": answer.status,
                "lost": answer.lost,
            }
        )


def _injected(fault: Fault) -> Answer:
    wait = fault.retry_after_seconds
    code = _ISSUE.get(fault.status, "exception")
    error = FhirError(fault.status, code, fault.reason or "injected", fault.message or "an injected fault")
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return Answer(fault.status, error.outcome(), headers, text=fault.body)


def body_of(answer: Answer) -> str:
    """The text that goes over the wire."""
    if answer.text is not None:
        return answer.text
    return "" if answer.resource is None else json.dumps(answer.resource, ensure_ascii=False)
