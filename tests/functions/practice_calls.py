"""Calls that are about a whole practice, or nobody: by its administrators, by programs, by anybody."""

from __future__ import annotations

from typing import Any

from tests.functions.deployed import Front, check_documented


def as_admin(front: Front, method: str, path: str, body: object = None, **claims: object) -> Any:
    """Status and answer of a call by an administrator of the practice."""
    return as_somebody(front, method, path, body, **{"role": "admin", "practitioner": "an-admin", **claims})


def as_somebody(front: Front, method: str, path: str, body: object = None, **claims: object) -> Any:
    content = {} if body is None else {"json": body}
    headers = {"Authorization": f"Bearer {front.token(**claims)}"}
    answer = front.deployment.api.open(path, method=method, headers=headers, **content)
    check_documented(method, path, answer)
    return answer.status_code, answer.get_json()


def openly(front: Front, path: str, method: str = "GET", **headers: str) -> Any:
    """The answer to a call without a token."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return front.deployment.api.open(path, method=method, headers=given)
