"""Many requests in one: `multipart/mixed`, each part a whole HTTP request, answered by as many parts.

Part of no method's path: Google serves it beside the API, at the root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.policy import HTTP
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.responses import Response

from sandbox.google.calls import Call, read_call
from sandbox.google.errors import bad_request
from sandbox.lost import CutAnswer, HeldAnswer, LostAnswer

PATH = "/batch/calendar/v3"
PARTS_MAX = 50
BOUNDARY = "batch_sandbox-00000000000000000000"


@dataclass(frozen=True)
class Part:
    id: str
    """Its Content-ID; empty without one."""
    call: Call


def read(content: bytes, content_type: str, shared: Mapping[str, str]) -> list[Part]:
    """The requests of a batch. `shared`: headers of the batch that hold for a part without its own.

    Raises ApiError 400 for what is no batch, or too long a one.
    """
    whole = BytesParser(policy=HTTP).parsebytes(f"content-type: {content_type}\r\n\r\n".encode() + content)
    if whole.get_content_type() != "multipart/mixed" or not whole.is_multipart():
        raise bad_request("Failed to parse batch request, error: no multipart/mixed body.")
    parts = list(whole.iter_parts())
    if len(parts) > PARTS_MAX:
        raise bad_request(f"The batch has more than {PARTS_MAX} calls.")
    return [Part(str(part.get("content-id", "")), _call(part, shared)) for part in parts]


def _call(part: Message, shared: Mapping[str, str]) -> Call:
    text = part.get_payload(decode=True)
    if not isinstance(text, bytes):
        raise bad_request("Failed to parse batch request, error: a part is no request.")
    line, _, rest = text.replace(b"\r\n", b"\n").lstrip().partition(b"\n")
    head, _, body = rest.partition(b"\n\n") if not rest.startswith(b"\n") else (b"", b"", rest[1:])
    verb, _, address = line.decode(errors="replace").partition(" ")
    parts = urlsplit(address.rpartition(" HTTP/")[0] or address)
    headers = HeaderParser().parsestr(head.decode(errors="replace"))
    named = {name.lower(): value for name, value in headers.items()}
    return read_call(verb.upper(), parts.path, parts.query, {**shared, **named}, body.strip())


def answer(answered: list[tuple[str, Response]]) -> Response:
    """The answers as one; an answer that is lost takes the whole connection with it, one that is held all."""
    held = next((response for _, response in answered if isinstance(response, HeldAnswer)), None)
    if held is not None:
        free = [(name, each.answer if isinstance(each, HeldAnswer) else each) for name, each in answered]
        return HeldAnswer(answer(free), held.released)
    if any(isinstance(response, LostAnswer) for _, response in answered):
        return LostAnswer()
    parts = [_part(content_id, response) for content_id, response in answered]
    content = b"".join(b"--%s\r\n%s\r\n" % (BOUNDARY.encode(), part) for part in parts)
    content += b"--%s--\r\n" % BOUNDARY.encode()
    kind = CutAnswer if any(isinstance(response, CutAnswer) for _, response in answered) else Response
    return kind(content, media_type=f"multipart/mixed; boundary={BOUNDARY}")


def _part(content_id: str, response: Response) -> bytes:
    status = HTTPStatus(response.status_code)
    lines = [
        "Content-Type: application/http",
        *([f"Content-ID: <response-{content_id.strip('<>')}>"] if content_id else []),
        "",
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + bytes(response.body)
