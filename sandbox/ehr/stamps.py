"""The server's own part of `meta`: version and time."""

from __future__ import annotations

from sandbox.ehr.outcome import Resource

_STAMP = ("versionId", "lastUpdated")


def stamp_of(resource: Resource) -> Resource:
    meta = resource.get("meta", {})
    return {name: meta[name] for name in _STAMP if name in meta}


def stamped(resource: Resource, stamp: Resource) -> Resource:
    """The resource with exactly this stamp; without any content there is no `meta`."""
    others = {name: value for name, value in resource.get("meta", {}).items() if name not in _STAMP}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": {**others, **stamp}} if others or stamp else rest


def next_number(version: str | None) -> str:
    """After a version that is no number, counting begins anew."""
    return str(int(version) + 1) if version and version.isdigit() else "1"
