"""Errors, named by their remedy. Anything else is a bug: it crashes and alerts.

SyncError
├── RetryableError   try again later, in another job, after `after_seconds`
│   └── OverLimitError   so does everybody who uses this account
├── StaleError       somebody wrote first: read again, decide again (bounded; never leaves the use case)
├── BlockedError     a person must act: acknowledged, not retried
│   └── GrantDeadError   the practitioner, by connecting again
└── RejectedError    this one item cannot be done: set aside with its reason, the rest goes on

Texts carry codes, counts and operation names, never anything of a client.
"""

from __future__ import annotations


class SyncError(Exception):
    """Base of all; never raised itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """A stable code in snake case, fit for logs, activity and notices."""


class RetryableError(SyncError):
    """Google: 429, 403 rate limits, 5xx, lost answers. EHR: 423, 429, 5xx. Store: unavailable."""

    def __init__(self, reason: str, after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class OverLimitError(RetryableError):
    """An account is over a limit: whoever works on it waits."""


class StaleError(SyncError):
    """412 or 409 on a write that carried a version; a failed precondition in the store."""


class BlockedError(SyncError):
    """Dead grant, missing scope, calendar gone, credential refused."""


class GrantDeadError(BlockedError):
    """The practitioner's grant is no more: they have to connect again."""

    def __init__(self) -> None:
        super().__init__("reconnect_needed")


class RejectedError(SyncError):
    """The other side refuses this item as it stands (400, a business rule)."""
