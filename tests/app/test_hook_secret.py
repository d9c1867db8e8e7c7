"""What a practice's hooks are believed by: as secrets were before, and with topics beside them."""

from __future__ import annotations

import json

import pytest

from shared.app.hook_secret import TOPICS_MAX, HookTrust, hook_trust
from shared.core.errors import BlockedError

TOPIC, OTHER = "arn:aws:sns:us-east-1:123456789012:one", "arn:aws:sns:us-east-1:123456789012:two"
RAW = b"a secret of some length"


def sns(*topics: str, **rest: str) -> bytes:
    return json.dumps({"sns": {"topics": topics}, **rest}).encode()


CASES = {
    "as it was": ([RAW, b"older"], HookTrust((RAW, b"older"))),
    "none": ([], HookTrust()),
    "a secret in JSON": ([b'{"secret": "x"}'], HookTrust((b"x",))),
    "topics beside a secret": ([sns(TOPIC), RAW], HookTrust((RAW,), frozenset({TOPIC}))),
    "topics and a secret": ([sns(TOPIC, secret="x"), RAW], HookTrust((b"x", RAW), frozenset({TOPIC}))),
    "the newest topics count": ([RAW, sns(TOPIC), sns(OTHER)], HookTrust((RAW,), frozenset({TOPIC}))),
    "an empty list ends it": ([sns(), sns(TOPIC)], HookTrust()),
    "nothing": ([b"{}"], HookTrust()),
    "an empty secret is none": ([b'{"secret": ""}', RAW], HookTrust((RAW,))),
}


@pytest.mark.parametrize(("versions", "expected"), CASES.values(), ids=CASES)
def test_each_version_counts_for_what_it_holds(versions: list[bytes], expected: HookTrust) -> None:
    assert hook_trust(versions) == expected


@pytest.mark.parametrize(
    "content",
    [
        b'{"sns": {"topics": ["x"]}',
        b'  {"secret": "x"',
        b'{"secrets": "x"}',
        b'{"secret": 7}',
        b'{"secret": null}',
        b'{"sns": []}',
        b'{"sns": {}}',
        b'{"sns": {"topics": "x"}}',
        b'{"sns": {"topics": [7]}}',
        b'{"sns": {"topics": [], "topic": "x"}}',
        sns(*[TOPIC] * (TOPICS_MAX + 1)),
        b'{"a":' * 100_000,
    ],
)
def test_what_begins_like_json_and_cannot_be_read_is_no_secret(content: bytes) -> None:
    with pytest.raises(BlockedError, match="hooks_secret_unreadable"):
        hook_trust([content, RAW])


def test_what_is_believed_is_not_shown() -> None:
    assert RAW.decode() not in repr(hook_trust([RAW]))
