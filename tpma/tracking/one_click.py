"""A mail program's one click (RFC 8058) before Flask: no page is asked for, and none is made.

Anything but exactly that, a token that is not ours and whatever goes wrong are left to the view in
`tracking.public`, which says so in words.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.exc import OperationalError

from tpma.core.errors import NotFound
from tpma.core.signing import TOKEN_LENGTH
from tpma.tracking.front import Desk, refuse_elsewhere, visit
from tpma.tracking.unsubscribing import ONE_CLICK, Stop
from tpma.web.hosts import HOST
from tpma.web.security import NAME, Limits, headers_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

OFTEN = "30 per minute"  # of one mail
DOOR = "tracking_public.stop"
_BODY = b"List-Unsubscribe=One-Click"
_KIND = "application/x-www-form-urlencoded"
_LIMITS = Limits(OFTEN, DOOR)
_HEADERS = {
    is_secure: headers_of({"Content-Type": "text/plain; charset=utf-8"}, is_secure=is_secure)
    for is_secure in (False, True)
}


class OneClicks:
    """Answers one-click requests that are taken, and hands on everything else."""

    def __init__(self, app: "WSGIApplication", desk: Desk) -> None:
        self._app = app
        self._desk = desk

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        token = path[3:]
        is_asked = environ["REQUEST_METHOD"] == "POST" and path[:3] == "/u/"
        if not (is_asked and len(token) == TOKEN_LENGTH and _is_one_click(environ)):
            return self._app(environ, start_response)
        if not (_LIMITS.allow(token) and self._stopped(token, environ)):
            return self._app(environ, start_response)
        is_secure = environ.get("wsgi.url_scheme") == "https"
        start_response("200 OK", [*_HEADERS[is_secure], ("Content-Length", "0")])
        return []

    def _stopped(self, token: str, environ: "WSGIEnvironment") -> bool:
        system = self._desk.system()
        environ[NAME] = uuid4().hex[:12]
        try:
            message_id = system.signer.subject(token)
            if HOST in environ:
                refuse_elsewhere(self._desk, self._desk.lookups().mail(token), environ)
            stop = Stop(message_id, visit(self._desk, environ), ONE_CLICK, environ[NAME])
            return self._desk.stops.do(system.db, stop) is not None
        except (NotFound, OperationalError):
            return False


def _is_one_click(environ: "WSGIEnvironment") -> bool:
    """Looked at only if it is as long as that, and laid back for whoever comes after."""
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind != _KIND or environ.get("CONTENT_LENGTH") != str(len(_BODY)):
        return False
    body = environ["wsgi.input"].read(len(_BODY))
    environ["wsgi.input"] = BytesIO(body)
    return bool(body == _BODY)
