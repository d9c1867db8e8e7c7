"""What a client says of the channel it wants, read and checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sandbox.google.bodies import object_of
from sandbox.google.errors import ApiError, Json, invalid, required

ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}", re.ASCII)
TOKEN_MAX = 256
TYPES = ("web_hook", "webhook")


def read(body: Any, *, loopback: bool) -> Json:
    """A channel as a client describes it. Raises ApiError 400."""
    body = object_of(body)
    for name in ("id", "type", "address"):
        if not body.get(name):
            raise required(f"Missing required field: {name}")
    if not isinstance(body["id"], str) or not ID.fullmatch(body["id"]):
        raise invalid(r"Channel id does not match the required pattern [A-Za-z0-9\-_\+/=]+")
    if body["type"] not in TYPES:
        raise invalid("Invalid value for: type")
    token = body.get("token", "")
    if not isinstance(token, str) or len(token) > TOKEN_MAX or not (token.isascii() and token.isprintable()):
        raise invalid("Invalid value for: token")
    _check_address(body["address"], loopback=loopback)
    return {name: value for name, value in body.items() if value is not None}


def _check_address(address: Any, *, loopback: bool) -> None:
    if not isinstance(address, str) or not address.isascii() or not address.isprintable() or " " in address:
        raise invalid("Invalid value for: address")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:  # no port, no address
        raise invalid("Invalid value for: address") from None
    if not host:
        raise invalid("Invalid value for: address")
    plain = loopback and parts.scheme == "http" and _is_loopback(host)
    if parts.scheme != "https" and not plain:
        message = f"WebHook callback must be HTTPS: {address}"
        raise ApiError(400, "push.webhookUrlNotHttps", message)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def expires(asked: Json, now: datetime, longest: timedelta) -> datetime:
    """The soonest of what is asked and what is allowed, in whole seconds. Raises ApiError 400."""
    ends = [now + longest]
    params = asked.get("params", {})
    ttl = params.get("ttl") if isinstance(params, dict) else None
    try:
        if asked.get("expiration"):
            ends.append(datetime.fromtimestamp(int(asked["expiration"]) / 1000, UTC))
        if ttl is not None:
            ends.append(now + timedelta(seconds=int(ttl)))
    except (TypeError, ValueError, OverflowError, OSError):
        raise invalid("Invalid value for: expiration") from None
    if min(ends) <= now:
        raise invalid("Invalid value for: expiration")
    return min(ends).replace(microsecond=0)
