"""What the hooks of a practice are believed by: the secret `practice-{practice}-hooks`.

A version is the secret itself, or JSON, where it begins with `{`: `{"secret": "…", "sns": {"topics":
["arn:aws:sns:us-east-1:123456789012:appointments"]}}`, either of the two or both. The versions that hold a
secret overlap while it is rotated; of those that name topics the newest counts alone, and an empty list ends
it. Nobody is believed by a topic that is not named.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from shared.core.errors import BlockedError

TOPICS_MAX = 20
"""More cannot be read."""


@dataclass(frozen=True, repr=False)
class HookTrust:
    """Nobody is believed by an empty one."""

    secrets: tuple[bytes, ...] = ()
    """Newest first."""
    topics: frozenset[str] = frozenset()
    """ARNs of topics of Amazon SNS."""


def hook_trust(versions: Sequence[bytes]) -> HookTrust:
    """`versions`: newest first. Raises BlockedError: somebody has to mend the secret.

    What begins like JSON and is none is never taken for a secret: its text would be half known.
    """
    said = [_version(each) for each in versions]
    secrets = tuple(each.secret for each in said if each.secret)
    topics = next((each.topics for each in said if each.topics is not None), ())
    return HookTrust(secrets, frozenset(topics))


@dataclass(frozen=True, repr=False)
class _Version:
    secret: bytes = b""
    topics: tuple[str, ...] | None = None
    """None: it says nothing of them."""


def _version(content: bytes) -> _Version:
    if not content.lstrip().startswith(b"{"):
        return _Version(content)
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):  # its text would be quoted
        raise BlockedError("hooks_secret_unreadable") from None
    secret, sns = said.pop("secret", ""), said.pop("sns", None)
    if said or not isinstance(secret, str) or not _is_readable(sns):
        raise BlockedError("hooks_secret_unreadable")
    return _Version(secret.encode(), tuple(sns["topics"]) if sns is not None else None)


def _is_readable(sns: object) -> bool:
    if sns is None:
        return True
    topics = sns.get("topics") if isinstance(sns, dict) and set(sns) == {"topics"} else None
    return (
        isinstance(topics, list)
        and len(topics) <= TOPICS_MAX
        and all(isinstance(each, str) for each in topics)
    )
