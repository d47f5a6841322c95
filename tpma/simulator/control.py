"""The rehearsal's own door: turn knobs, move time, publish DNS, read the journal.

Only from this machine and only with the token that the start line tells.
"""

import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from tpma.simulator import setup
from tpma.simulator.errors import Refusal, bad_request, not_found
from tpma.simulator.http import Request, Response, as_json
from tpma.simulator.knobs import plain
from tpma.simulator.state import Status
from tpma.simulator.tenants import find as find_tenant
from tpma.simulator.world import World

PREFIX = "/_control/"
_MOST_LINES = 10_000
_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


class Control:
    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token

    def answer(self, request: Request) -> Response:
        try:
            self._admit(request)
            return self._answer(request)
        except Refusal as refusal:
            return as_json({"message": refusal.message}, refusal.status)

    def _admit(self, request: Request) -> None:
        if request.peer not in _LOOPBACK:
            raise Refusal("Forbidden", "Control is for this machine only", 403)
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise Refusal("Forbidden", "Send Authorization: Bearer <the token>", 403)

    def _answer(self, request: Request) -> Response:
        place = request.path.removeprefix(PREFIX)
        noun, _slash, rest = place.partition("/")
        act = _ACTIONS.get((request.method, noun))
        if act is None:
            known = ", ".join(f"{method} {name}" for method, name in _ACTIONS)
            raise not_found(f"No {request.method} {noun}; there are: {known}")
        return act(self._world, unquote(rest), request)


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body or b"{}")
    except ValueError as error:
        raise bad_request("The body must be JSON") from error


def _number(given: Any, name: str) -> float:
    value = given.get(name) if isinstance(given, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise bad_request(f"{name} must be a number of 0 or more")
    return float(value)


def _patch_plan(world: World, _rest: str, request: Request) -> Response:
    setup.apply(world, _json(request))
    return _get_plan(world, _rest, request)


def _get_plan(world: World, _rest: str, _request: Request) -> Response:
    return as_json({**plain(world.knobs), "account": plain(world.state.account)})


def _counters(world: World, _rest: str, _request: Request) -> Response:
    return as_json(
        {
            "counters": world.counters,
            "faults": world.faults.done,
            "events": world.feed.told,
            "posts": world.sns.posts,
            "queues": {name: each.counts() for name, each in world.sqs.queues.items()},
            "journal": {"lines": world.journal.lines, "commits": world.journal.commits},
            "pending": len(world.agenda),
            "held": world.feed.held,
            "now": world.clock.now(),
        }
    )


def _journal(world: World, _rest: str, request: Request) -> Response:
    given = {name: values[0] for name, values in parse_qs(request.query).items()}
    if not all(value.isdigit() for value in given.values()):
        raise bad_request("offset and limit must be whole numbers")
    most = min(int(given.get("limit", 1000)), _MOST_LINES)
    lines, offset = world.journal.page(int(given.get("offset", 0)), most)
    return as_json({"lines": lines, "offset": offset})


def _raw(world: World, rest: str, _request: Request) -> Response:
    found = world.journal.raw(rest)
    if found is None:
        raise not_found("No such mail; bytes are kept with --keep-raw")
    return Response(200, found, {"Content-Type": "message/rfc822"})


def _clock(world: World, _rest: str, request: Request) -> Response:
    world.clock.forward(_number(_json(request), "forward"))
    return as_json({"now": world.clock.now()})


def _replay(world: World, _rest: str, request: Request) -> Response:
    since = _number(_json(request), "since")
    lines = (line for line in world.journal.read() if line["at"] >= since)
    return as_json({"messages": world.feed.replay(lines, world.account_id)})


def _dns(world: World, rest: str, request: Request) -> Response:
    setup.publish(world, rest, _json(request))
    world.save()
    return as_json({})


def _tenant(world: World, rest: str, request: Request) -> Response:
    """SES's own stop of a tenant, as a reputation policy would make it."""
    given = _json(request)
    status = given.get("status") if isinstance(given, dict) else None
    if status not in ("ENABLED", "DISABLED", "REINSTATED"):
        raise bad_request("status must be one of: ENABLED, DISABLED, REINSTATED")
    cause = str(given.get("cause", ""))[:512]
    find_tenant(world, rest).by_ses = Status(status, cause, world.clock.now())
    world.save()
    return as_json({})


def _certificate(world: World, _rest: str, _request: Request) -> Response:
    ca = (world.keys.folder / "ca.pem").read_bytes()
    return Response(200, ca, {"Content-Type": "application/x-pem-file"})


_ACTIONS: dict[tuple[str, str], Callable[[World, str, Request], Response]] = {
    ("GET", "plan"): _get_plan,
    ("PATCH", "plan"): _patch_plan,
    ("GET", "counters"): _counters,
    ("GET", "journal"): _journal,
    ("GET", "raw"): _raw,
    ("POST", "clock"): _clock,
    ("POST", "replay"): _replay,
    ("PUT", "dns"): _dns,
    ("PUT", "tenants"): _tenant,
    ("GET", "ca"): _certificate,
}
