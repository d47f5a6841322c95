"""Requests held against botocore's own model of the service: the same book boto3 reads.

botocore checks required members and types on the client and nearly nothing else; here every
length, pattern and enumeration counts.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import ServiceModel

from tpma.simulator.errors import Refusal, bad_request

_TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float, str),
    "blob": str,
    "list": list,
    "structure": dict,
    "map": dict,
}


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    segments: tuple[str, ...]  # "{Name}" stands for a member of the input
    name: str
    shape: Any

    def match(self, method: str, segments: list[str]) -> dict[str, str] | None:
        if method != self.method or len(segments) != len(self.segments):
            return None
        found = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                found[wanted.strip("{}")] = unquote(given)
            elif wanted != given:
                return None
        return found


class Model:
    """One service's operations, found by address (REST) or by name."""

    def __init__(self, service: str) -> None:
        self._service = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        self._fixed: dict[tuple[str, str], Route] = {}
        self._open: list[Route] = []
        self.names = frozenset(self._service.operation_names)
        for name in self.names:
            self._add(name)

    def _add(self, name: str) -> None:
        operation = self._service.operation_model(name)
        path = operation.http["requestUri"].split("?")[0]
        segments = tuple(path.split("/"))
        route = Route(operation.http["method"], segments, name, operation.input_shape)
        if "{" in path:
            self._open.append(route)
        else:
            self._fixed[route.method, path] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        fixed = self._fixed.get((method, path))
        if fixed:
            return fixed, {}
        segments = path.split("/")
        for route in self._open:
            if (found := route.match(method, segments)) is not None:
                return route, found
        return None

    def input_of(self, name: str) -> Any:
        return self._service.operation_model(name).input_shape


@cache
def model(service: str) -> Model:
    return Model(service)


def parameters(route: Route, in_path: dict[str, str], query: str, body: bytes) -> dict[str, Any]:
    """The whole input of an operation, checked."""
    given = _body(body)
    given.update(in_path)
    if query:
        given.update(_query(route.shape, query))
    return dict(check(route.shape, given, ""))


def _body(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Refusal("SerializationException", "Could not parse the request body") from error
    if not isinstance(found, dict):
        raise Refusal("SerializationException", "Start of structure was expected")
    return found


def _query(shape: Any, query: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in parse_qs(query, keep_blank_values=True).items():
        member = shape.members.get(name)
        if member is None:
            continue
        kind = member.type_name
        found[name] = values if kind == "list" else values[0]
        if kind in ("integer", "long"):
            found[name] = _number(name, values[0])
    return found


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise bad_request(f"{name} must be a number") from error


def check(shape: Any, value: Any, path: str) -> Any:
    """The value, blobs decoded and unknown members left out; or a refusal that names the place."""
    kind = shape.type_name
    if not isinstance(value, _TYPES[kind]) or (kind != "boolean" and isinstance(value, bool)):
        raise Refusal("SerializationException", f"Unexpected type at '{path}': not a {kind}")
    if kind == "structure":
        return _structure(shape, value, path)
    if kind == "list":
        _length(shape, len(value), path)
        return [check(shape.member, each, f"{path}.{i + 1}.member") for i, each in enumerate(value)]
    if kind == "map":
        return {name: check(shape.value, each, f"{path}.{name}") for name, each in value.items()}
    return _scalar(shape, kind, value, path)


def _structure(shape: Any, value: dict[str, Any], path: str) -> dict[str, Any]:
    members = shape.members
    for name in shape.required_members:
        if value.get(name) is None:
            raise _failed("null", f"{path}.{name}", "Member must not be null")
    return {
        name: check(members[name], each, f"{path}.{name}")
        for name, each in value.items()
        if each is not None and name in members
    }


def _scalar(shape: Any, kind: str, value: Any, path: str) -> Any:
    if kind == "blob":
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise Refusal("SerializationException", f"'{path}' is not base64") from error
    if kind == "string":
        _string(shape, value, path)
    elif kind in ("integer", "long"):
        _length(shape, value, path)
    return value


def _string(shape: Any, value: str, path: str) -> None:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        told = ", ".join(allowed)
        raise _failed("value", path, f"Member must satisfy enum value set: [{told}]")
    meta = shape.metadata
    if not meta:
        return
    _length(shape, len(value), path)
    pattern = meta.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        raise _failed("value", path, f"Member must satisfy regular expression pattern: {pattern}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _length(shape: Any, size: int, path: str) -> None:
    meta = shape.metadata
    least, most = meta.get("min"), meta.get("max")
    what = "value" if shape.type_name in ("integer", "long") else "length"
    if least is not None and size < least:
        cure = f"Member must have {what} greater than or equal to {least}"
        raise _failed("value", path, cure)
    if most is not None and size > most:
        raise _failed("value", path, f"Member must have {what} less than or equal to {most}")


def _failed(value: str, path: str, cure: str) -> Refusal:
    """AWS's own sentence; the offending value is left out, it may be personal."""
    place = ".".join(part[:1].lower() + part[1:] for part in path.strip(".").split("."))
    told = "Value null" if value == "null" else "Value"
    return bad_request(
        f"1 validation error detected: {told} at '{place}' failed to satisfy constraint: {cure}"
    )


def one_of(place: str, given: Iterable[str]) -> str:
    """The one member of a union that is there."""
    found = list(given)
    if len(found) != 1:
        raise bad_request(f"Exactly one member of {place} must be specified.")
    return found[0]
