"""HTTP/1.1 as far as AWS's clients speak it, and the ways an answer can go wrong."""

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

MOST_HEAD = 64 * 1024
MOST_BODY = 60 * 1024 * 1024  # a 40 MB mail in base64, and its envelope


class Malformed(Exception):
    """Not a request; the connection is closed."""


@dataclass(slots=True)
class Request:
    method: str
    path: str  # as sent: still percent-encoded
    query: str
    headers: dict[str, str]  # names in small letters
    body: bytes
    peer: str


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0  # seconds before the first byte
    drop: bool = False  # close without a word
    missing: int = 0  # bytes promised and never sent


def as_json(
    told: Any,
    status: int = 200,
    headers: dict[str, str] | None = None,
    kind: str = "application/json",
) -> Response:
    body = json.dumps(told, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": kind, **(headers or {})})


async def read(reader: asyncio.StreamReader, peer: str) -> Request | None:
    """The next request of a connection, None when the client has gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise Malformed("head too long") from error
    lines = head[:-4].decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3:
        raise Malformed("request line")
    headers = {}
    for line in lines[1:]:
        name, _colon, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    path, _mark, query = words[1].partition("?")
    body = await _body(reader, headers)
    return None if body is None else Request(words[0], path, query, headers, body, peer)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes | None:
    if "transfer-encoding" in headers:
        raise Malformed("send a Content-Length")
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST_BODY:
        raise Malformed("length")
    try:
        return await reader.readexactly(int(length))
    except asyncio.IncompleteReadError:
        return None  # only whole requests are taken


def rendered(response: Response) -> bytes:
    headers = {
        "Content-Length": str(len(response.body) + response.missing),
        **response.headers,
    }
    if response.missing:
        headers["Connection"] = "close"
    phrase = HTTPStatus(response.status).phrase
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body
