"""Secrets in memory; what is changed is seen at once."""

from __future__ import annotations

from collections.abc import Sequence

from shared.core.errors import BlockedError


class MemorySecrets:
    def __init__(self) -> None:
        self._versions: dict[str, list[bytes | None]] = {}
        """Oldest first; None: disabled."""

    def add(self, name: str, value: bytes) -> int:
        """A new version; its number, from 1."""
        versions = self._versions.setdefault(name, [])
        versions.append(value)
        return len(versions)

    def disable(self, name: str, number: int) -> None:
        self._versions[name][number - 1] = None

    def get(self, name: str) -> bytes:
        return self.versions(name)[0]

    def versions(self, name: str) -> Sequence[bytes]:
        if name not in self._versions:
            raise BlockedError("secrets_missing")
        enabled = [value for value in reversed(self._versions[name]) if value is not None]
        if not enabled:
            raise BlockedError("secrets_disabled")
        return enabled
