"""The operations of SES: found by address, checked against the model, answered or refused."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from tpma.simulator.errors import Refusal, too_many
from tpma.simulator.http import Request, Response, as_json
from tpma.simulator.validation import model, parameters
from tpma.simulator.world import World

_CREDENTIAL = re.compile(r"Credential=[^/,\s]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_LONGEST_AGE = 300.0  # seconds a signature is good for
_READING = ("Get", "List")


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    peer: str


Handler = Callable[[World, dict[str, Any]], dict[str, Any] | None]
Sender = Callable[[World, Call, dict[str, Any]], Awaitable[Response]]
_handlers: dict[str, Handler] = {}
_senders: dict[str, Sender] = {}


def operation(name: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        _handlers[name] = handler
        return handler

    return keep


def sending(name: str) -> Callable[[Sender], Sender]:
    def keep(sender: Sender) -> Sender:
        _senders[name] = sender
        return sender

    return keep


def known() -> set[str]:
    return {*_handlers, *_senders}


async def answer(world: World, request: Request) -> Response:
    try:
        return await _answer(world, request)
    except Refusal as refusal:
        world.counters[f"refused.{refusal.code}"] += 1
        return refused(world, refusal)


async def _answer(world: World, request: Request) -> Response:
    found = model("sesv2").find(request.method, request.path)
    if found is None:
        raise Refusal("UnknownOperationException", "There is no such operation.", 404)
    route, in_path = found
    world.counters[f"call.{route.name}"] += 1
    signed(world, request, "ses")
    given = parameters(route, in_path, request.query, request.body)
    if route.name in _senders:
        return await _senders[route.name](world, Call(route.name, request.peer), given)
    _managed(world)
    handler = _handlers.get(route.name)
    if handler is None:
        text = f"The simulator has no {route.name}; docs/simulator.md lists what it has."
        raise Refusal("NotImplementedException", text, 501)
    told = handler(world, given) or {}
    if not route.name.startswith(_READING):
        world.save()
    return said(world, told)


def said(world: World, told: Any) -> Response:
    return as_json(told, 200, {"x-amzn-RequestId": world.new_id("request")})


def refused(world: World, refusal: Refusal) -> Response:
    response = said(world, {"message": refusal.message})
    response.status = refusal.status
    response.headers["x-amzn-ErrorType"] = refusal.code
    return response


def signed(world: World, request: Request, service: str) -> None:
    """A signature has to be there, for this service and region, and young; it is not computed."""
    found = _CREDENTIAL.search(request.headers.get("authorization", ""))
    if found is None:
        raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    if found.groups() != (world.region, service):
        text = f"Credential should be scoped to region '{world.region}' and service '{service}'."
        raise Refusal("InvalidSignatureException", text, 403)
    try:
        moment = _moment(request.headers.get("x-amz-date", ""))
    except ValueError as error:
        raise Refusal("IncompleteSignatureException", "x-amz-date is missing", 403) from error
    if abs(world.clock.wall() - moment) > _LONGEST_AGE:
        raise Refusal("InvalidSignatureException", "Signature expired: it is 5 minutes old.", 403)


@lru_cache(maxsize=64)
def _moment(text: str) -> float:
    return datetime.strptime(text, "%Y%m%dT%H%M%S%z").timestamp()


def _managed(world: World) -> None:
    rate = world.state.account.management_rate
    if rate and not world.management.admits(1, rate, 1, world.clock.now()):
        raise too_many("Rate exceeded")


def page(given: dict[str, Any], names: list[str], most: int = 1000) -> tuple[list[str], str | None]:
    """One page of a list, and the token of the next."""
    start = given.get("NextToken", "0")
    size = given.get("PageSize", most)
    if not start.isdigit():
        raise Refusal("InvalidNextTokenException", "The token is invalid.")
    end = int(start) + max(1, size)
    return names[int(start) : end], str(end) if end < len(names) else None


def listed(key: str, found: list[Any], token: str | None) -> dict[str, Any]:
    return {key: found, **({"NextToken": token} if token else {})}
