"""Telling an EHR: one signed POST of JSON to the address that its practice's secret names.

Nothing is followed, nothing of the answer is read but its status, and no proxy of the environment is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import requests

from shared.core.errors import RetryableError
from shared.core.signing import sign_message
from shared.ports import Clock
from shared.retry_after import after_seconds

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
USER_AGENT = "calsync"


def post_notice(url: str, secret: bytes, message: Mapping[str, object], clock: Clock) -> None:
    """Any 2xx is success. Raises RetryableError: `notice_unanswered`, `notice_refused`.

    `X-Calsync-Signature: t=<unix>,v1=<hex HMAC-SHA256(secret, t + "." + raw body)>`.
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Calsync-Signature": sign_message(body, secret, clock.now()),
    }
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                url,
                data=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            )
            with answer:
                status, after = answer.status_code, after_seconds(answer.headers)
    except requests.RequestException:  # its text has the address
        raise RetryableError("notice_unanswered") from None
    if not 200 <= status < 300:
        raise RetryableError("notice_refused", after)
