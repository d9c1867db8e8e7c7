"""Practices of a deployment whose EHRs are of other kinds: which there are, and one of them being served."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from sandbox.controls import EhrSandbox
from sandbox.deployment.configuration import practice_secret
from sandbox.deployment.deployment import Deployment
from sandbox.deployment.plan import PRACTICE, PROJECT
from sandbox.ehr.profiles import JSON_PATCH, MERGE_PATCH, PROFILES, Settings
from shared.core.policy import LabelMode
from shared.ports import BlockAs, Listing, ProtectedBy
from shared.settings import Function, SecretName
from tests.servers import server

_KEY = "a key of the hooks, long enough"


@dataclass(frozen=True)
class EhrKind:
    """What an EHR is like, and what is chosen there."""

    name: str
    """Key of the practice that has it."""
    profile: str = "medplum"
    facts: Mapping[str, Any] = field(default_factory=dict)
    """In which it differs from that profile."""
    hooks: bool = True
    schedules: bool = False
    """Its practitioners have one each."""
    protected_by: ProtectedBy = ProtectedBy.ROW
    label: LabelMode = LabelMode.INTERNAL_ID
    stated: Mapping[str, str] = field(default_factory=dict)
    """What its operator says that it can do; all else the sync finds out."""

    @property
    def settings(self) -> Settings:
        return replace(PROFILES[self.profile], **self.unlike)

    @property
    def unlike(self) -> dict[str, Any]:
        """Facts in which it differs from its profile: what it does not say it does not refuse either."""
        says = self.protected_by is ProtectedBy.ROW
        untold = ("Claim",) if self.protected_by is ProtectedBy.NONE else ()
        own = {"flags_protection": says, "enforces_protection": says, "forbidden_types": untold}
        return {"occupied_rule": True, **own, **self.facts}

    @property
    def listing(self) -> Listing:
        if not self.settings.last_updated_search:
            return Listing.WINDOW
        return Listing.PRACTITIONER if self.settings.last_updated_needs_actor else Listing.PRACTICE

    @property
    def block_as(self) -> BlockAs:
        """Slots are taken where they can be written and somebody has a schedule to put them in."""
        written = self.settings.slots == "written" and self.schedules
        return BlockAs.SLOT if written else BlockAs.APPOINTMENT

    @property
    def block(self) -> str:
        """The type of resource that a block is."""
        return self.block_as.value.capitalize()

    @property
    def write(self) -> str:
        """How the sync writes an appointment there: the server's name of the operation."""
        return "Appointment.update" if self.settings.updates else "Appointment.patch"


DEMO = EhrKind(PRACTICE)
"""The one that a deployment begins with."""

KINDS = (
    EhrKind("medplum", "medplum", schedules=True, label=LabelMode.FULL_NAME),
    EhrKind("minimal", "minimal", protected_by=ProtectedBy.QUERY, label=LabelMode.FIRST_NAME),
    EhrKind("windowed", "windowed", hooks=False, label=LabelMode.INITIALS),
    EhrKind("merge-patch", "patch-only", {"roles": False}, hooks=False, protected_by=ProtectedBy.QUERY),
    EhrKind("json-patch", "patch-only", {"patches": (JSON_PATCH,)}, label=LabelMode.FULL_NAME),
)
"""Each profile once, patches of both forms, blocks of both kinds, with hooks and without."""

_SERVERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "medplum": ("medplum", {}),
    "minimal": ("minimal", {}),
    "windowed": ("windowed", {}),
    "merge-patch": ("patch-only", {"patches": (MERGE_PATCH,)}),
    "json-patch": ("patch-only", {"patches": (JSON_PATCH,)}),
    "by-actor": ("medplum", {"last_updated_needs_actor": True}),
}


def _every_kind() -> Iterator[EhrKind]:
    ways = itertools.product(_SERVERS.items(), (False, True), (False, True), ProtectedBy)
    labels = itertools.cycle(LabelMode)
    for (name, (profile, facts)), slots, hooks, protected_by in ways:
        if protected_by is not ProtectedBy.ENFORCED:  # that is nothing of the server's: somebody states it
            words = (name, "slot" if slots else "row", "hooks" if hooks else "polls", protected_by.value)
            own = {**facts, "slots": "written"} if slots else facts
            stated = {"block_as": "slot"} if slots else {}
            yield EhrKind("-".join(words), profile, own, hooks, slots, protected_by, next(labels), stated)


EVERY_KIND = tuple(_every_kind())
"""Every server in every way: minutes."""


@contextmanager
def served(deployment: Deployment, kind: EhrKind) -> Iterator[EhrSandbox]:
    """An EHR of this kind; the deployment knows its practice."""
    api = deployment.at.functions[Function.SETTINGS_API]
    options = ("--practice", kind.name, "--profile", kind.profile, "--calsync-api", api)
    with server("sandbox.ehr", *options) as url:
        ehr = EhrSandbox(url)
        ehr.change(**kind.unlike)
        told: dict[str, object] = {"capabilities": kind.stated}
        if kind.protected_by is not ProtectedBy.ROW:
            told["protected_extension"] = None
        _keep(deployment, SecretName.of_practice(kind.name), practice_secret(kind.name, url, **told))
        if kind.hooks:
            _keep(deployment, SecretName.hooks_of(kind.name), _KEY)
            ehr.notify(deployment.at.hook(kind.name), _KEY)
        yield ehr


def _keep(deployment: Deployment, name: str, value: str | Mapping[str, object]) -> None:
    """In Secret Manager, as an operator does."""
    library: Any = secretmanager_v1  # it carries no types
    address, options = deployment.at.secrets, [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options=options) as channel:
        transport = SecretManagerServiceGrpcTransport(channel=channel)
        client = library.SecretManagerServiceClient(transport=transport)
        project, text = f"projects/{PROJECT}", value if isinstance(value, str) else json.dumps(value)
        replication: dict[str, Any] = {"replication": {"automatic": {}}}
        client.create_secret(request={"parent": project, "secret_id": name, "secret": replication})
        version = {"parent": f"{project}/secrets/{name}", "payload": {"data": text.encode()}}
        client.add_secret_version(request=version)
