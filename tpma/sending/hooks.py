"""The door a provider posts its events to, signed. Everything cheap is judged first."""

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError

from tpma.core.errors import NotFound, Unavailable
from tpma.core.log import logger
from tpma.ports.events import Forged, Pushed, PushedEvents, PushedKind, Unreadable
from tpma.sending import feedback
from tpma.sending.events import subscriptions
from tpma.web.context import system
from tpma.web.guards import public as anybody
from tpma.web.security import csrf, limiter

hooks = Blueprint("hooks", __name__)
csrf.exempt(hooks)  # providers have no session; the signature is the proof
_log = logger("events")
LARGEST = 256 * 1024
_TAKEN = frozenset({"text/plain", "application/json"})


def _was_refused(response: Response) -> bool:
    return 400 <= response.status_code < 500


@hooks.post("/hooks/sns/<feed>")
@anybody
@limiter.limit("30 per minute", deduct_when=_was_refused)  # forgers; before any cryptography
@limiter.limit("12000 per minute")
def sns(feed: str) -> ResponseReturnValue:
    """200 once committed. 403 for what is not from a topic of ours; 503 asks for another try."""
    door = system().push
    if door is None or feed != door.name:
        raise NotFound("There is nothing here.")
    request.max_content_length = LARGEST
    if request.mimetype not in _TAKEN:
        return _said(415)
    body = request.get_data(cache=False)
    try:
        _take(door, door.open(body, system().clock()))
    except Forged as error:
        _log.warning("event refused", alarm="bad_signature", why=error.message)
        return _said(403)
    except Unreadable as error:
        _log.warning("event refused", why=error.message)
        return _said(400)
    except (Unavailable, OperationalError, InterfaceError):
        _log.exception("event put off")
        return _said(503)
    return _said(200)


def _take(door: PushedEvents, pushed: Pushed) -> None:
    if pushed.kind is PushedKind.NOTIFICATION:
        for event in door.parse(pushed.raw):
            feedback.ingest(system(), event)
        return
    if pushed.kind is PushedKind.SUBSCRIPTION:
        with system().db.reading() as session:  # a forger takes no lock
            subscriptions.require_awaited(session, pushed.topic)
        with system().db.transaction() as session:
            subscriptions.asked(session, pushed)
        return
    with system().db.transaction() as session:
        subscriptions.ended(session, pushed.topic)


def _said(status: int) -> Response:
    return Response(status=status, mimetype="text/plain")
