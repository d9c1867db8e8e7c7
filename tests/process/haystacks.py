"""Every place where a deployment could leave what it must not: as text, to be searched."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

import grpc
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from sandbox.controls import Json
from sandbox.deployment.plan import PARTS, PROJECT
from sandbox.tasks.messages import HttpRequest
from tests.process.people import Person, Practice

TASKS = "tasks.jsonl"
_OWNER = (("authorization", "Bearer owner"),)
"""Google's emulator lists collections for its owner alone."""
_ROOT = f"projects/{PROJECT}/databases/(default)/documents"


def haystacks(practice: Practice) -> dict[str, str]:
    """By what it is: logs of each part, tasks, the store, what was asked of Google, addresses at the EHR."""
    logs = {f"log of {part.value}": practice.deployment.printed(part) for part in PARTS}
    return {
        **logs,
        "tasks": "\n".join(_tasks(practice)),
        "store": "\n".join(_documents(practice)),
        "addresses at Google": _addresses(practice.asked_of_google()),
        "headers and bodies at Google": "\n".join(map(_told, practice.asked_of_google())),
        "addresses at the EHR": _addresses(practice.asked_of_the_ehr()),
    }


def _tasks(practice: Practice) -> Iterator[str]:
    """Each as it was made: its name, its address and its body."""
    for line in (practice.deployment.folder / TASKS).read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["$"] == "Task":
            request = HttpRequest.FromString(base64.b64decode(entry["request"]["base64"]))
            yield f"{entry['name']} {request.url} {request.body.decode()}"


def _addresses(requests: Sequence[Json]) -> str:
    return "\n".join(unquote_plus(f"{each['path']} {json.dumps(each['query'])}") for each in requests)


def _told(request: Json) -> str:
    """All but the text of an event: what may stand there is for `labels_told` to say."""
    body = {name: value for name, value in (request["body"] or {}).items() if name != "summary"}
    return json.dumps([body, request.get("headers")], ensure_ascii=False)


def labels_told(practice: Practice, person: Person) -> set[str]:
    """Texts of events that were written in the name of an account."""
    requests = [each for each in practice.asked_of_google() if each["sub"] == person.sub and each["body"]]
    return {str(each["body"].get("summary", "")) for each in requests}


# --- the store ------------------------------------------------------------------------------------------


def _documents(practice: Practice) -> Iterator[str]:
    """All of them, wherever they stand."""
    options = [("grpc.enable_http_proxy", 0)]
    channel = grpc.insecure_channel(practice.deployment.at.store, options=options)
    client: Any = FirestoreClient(transport=FirestoreGrpcTransport(channel=channel))
    try:
        yield from _below(client, _ROOT)
    finally:
        client.transport.close()


def _below(client: Any, parent: str) -> Iterator[str]:
    for collection in client.list_collection_ids(parent=parent, metadata=_OWNER):
        request = {"parent": parent, "collection_id": collection, "show_missing": True}
        for document in client.list_documents(request=request, metadata=_OWNER):
            fields = type(document).to_dict(document)["fields"]
            yield f"{document.name} {' '.join(_texts(fields))}"
            yield from _below(client, document.name)


def _texts(value: Any) -> Iterator[str]:
    """What a value says, packed or not."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, bytes):
        yield zlib.decompress(value).decode()
    else:
        yield str(value)
