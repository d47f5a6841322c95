"""/c, /o, /s and the landing pages at /l before Flask: verify, look up, write down, answer.

A small WSGI function, because a hit is the one request that comes by the thousand. What it does
not know (a forged token, another method) it leaves to the views of `tracking.public`, which answer
in the visitor's words. Nothing of a link's query is read or passed on, no cookie is set.
"""

import base64
import gc
import os
from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Request

from tpma.core.errors import NotFound
from tpma.core.log import logger
from tpma.core.signing import link_character
from tpma.core.together import Together
from tpma.pages import visiting
from tpma.pages.queries import Reader
from tpma.rendering.mail import TRAP
from tpma.system import System
from tpma.tracking import counting, loading, service
from tpma.tracking.hits import Hit
from tpma.tracking.lookups import Found, Lookups
from tpma.tracking.models import EventType
from tpma.tracking.rules import Visit
from tpma.tracking.segments import Writer
from tpma.tracking.unsubscribing import Stop, stop_all
from tpma.web.hosts import HOST, is_elsewhere
from tpma.web.security import SCRIPTLESS, headers_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
STYLE = b":root{--seen:1}\n"
TROUBLE = "tpma.trouble"  # in the environ: why the front could not answer
_ASKED = ("GET", "HEAD", "OPTIONS", "PROPFIND")  # the last three only machines do (BOT-01)
_log = logger("tracking")


class Desk:
    """Where this process writes its hits down.

    With a loader they go to a segment. In a process that has none (the demo, a test) and where the
    folder cannot be written they go into the database at once, and if that is busy too the reader
    is answered all the same.
    """

    def __init__(self, system_of: Callable[[], System], *, loads: bool) -> None:
        self._system_of = system_of
        self._loads = loads  # begin a loader with the first hit; a process may fork before it
        self._lookups: tuple[System, Lookups] | None = None
        self._writer: Writer | None = None
        self._loader: loading.Loader | None = None
        self._pid = 0
        self._starting = Lock()
        self.stops = Together[Stop, bool | None](stop_all)

    def lookups(self) -> Lookups:
        system = self._system_of()
        if self._lookups is None or self._lookups[0] is not system:
            self._lookups = system, Lookups(system)
        return self._lookups[1]

    def start(self) -> None:
        """Write to segments from now on, and load them."""
        system = self._system_of()
        self._writer = Writer(loading.folder_of(system))
        self._loader = loading.Loader(system, self._writer)
        self._loader.start()
        self._pid = os.getpid()

    def stop(self) -> None:
        loader, self._loader, self._writer = self._loader, None, None
        if loader is not None:
            loader.stop()

    def note(self, hit: Hit) -> None:
        if self._loads and self._pid != os.getpid():
            with self._starting:
                if self._pid != os.getpid():
                    gc.freeze()  # the program itself is no garbage
                    self.start()
        if self._writer is not None and self._loader is not None:
            try:
                self._writer.append(hit)
            except OSError as error:
                _log.error("hit not written to a file", why=str(error))
            else:
                self._loader.wake()
                return
        self._store(hit)

    def _store(self, hit: Hit) -> None:
        """No reader waits at a closed door because our ledger is busy."""
        try:
            with self._system_of().db.transaction() as session:
                service.write(session, [hit], counting.own_shard())
        except OperationalError:
            _log.exception("hit not recorded", kind=hit.kind.value, launch=str(hit.launch_id))

    def system(self) -> System:
        return self._system_of()

    def now(self) -> Any:
        return self._system_of().clock()

    def reader(self, launch_id: UUID, token: str) -> Reader | None:
        """Whom the token was sent to in this launch; None for any other token."""
        try:
            found = self.lookups().mail(token)
        except NotFound:
            return None
        is_ours = found.launch_id == launch_id
        return Reader(found.message_id, found.locale, token) if is_ours else None

    def viewed(self, launch_id: UUID, reader: Reader | None, environ: "WSGIEnvironment") -> None:
        """A page was shown once more."""
        is_known = reader is not None and self.lookups().table(launch_id).is_tracked
        message_id = reader.message_id if reader and is_known else None
        self.note(Hit(EventType.PAGE_VIEW, visit(self, environ), launch_id, message_id))


class Front:
    """Answers hits itself and hands on everything else."""

    def __init__(self, app: "WSGIApplication", desk: Desk) -> None:
        self._app = app
        self._desk = desk

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        answer = _ANSWERS.get(path[:3])
        if answer is not None and environ["REQUEST_METHOD"] in _ASKED:
            try:
                found = answer(self._desk, path[3:], environ)
            except NotFound:
                found = None
            except OperationalError as error:
                environ[TROUBLE], found = error, None
            if found is not None:
                status, headers, body = found
                headers.append(("Content-Length", str(len(body))))
                start_response(status, headers)
                return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        return self._app(environ, start_response)


Answer = tuple[str, list[tuple[str, str]], bytes]


def _click(desk: Desk, token: str, environ: "WSGIEnvironment") -> Answer:
    """On to the link's target, for people and machines alike."""
    found = desk.lookups().link(token)
    refuse_elsewhere(desk, found, environ)
    is_trap = token[-1:] == _TRAP_CHARACTER
    _note(desk, EventType.TRAP if is_trap else EventType.CLICK, found, environ)
    return "302 FOUND", [*_headers(environ, _REDIRECT), ("Location", found.url)], b""


def _opened(desk: Desk, name: str, environ: "WSGIEnvironment") -> Answer | None:
    """One transparent point, whatever was asked: a picture is no place for an error."""
    if not name.endswith(".gif"):
        return None
    try:
        found = desk.lookups().mail(name[:-4])
        refuse_elsewhere(desk, found, environ)
        _note(desk, EventType.OPEN, found, environ)
    except NotFound:
        pass  # a token that was not made here
    except OperationalError:
        _log.exception("hit not recorded", kind=EventType.OPEN.value)
    return "200 OK", _headers(environ, _GIF), PIXEL


def _styled(desk: Desk, name: str, environ: "WSGIEnvironment") -> Answer | None:
    """A line of style on a landing page: browsers fetch it, link checkers do not (BOT-08)."""
    if not name.endswith(".css"):
        return None
    found = desk.lookups().mail(name[:-4])
    refuse_elsewhere(desk, found, environ)
    _note(desk, EventType.STYLE, found, environ)
    return "200 OK", _headers(environ, _CSS), STYLE


def _page(desk: Desk, path: str, environ: "WSGIEnvironment") -> Answer | None:
    """A landing page that is open and in memory; any other is for `pages.public`."""
    slug, _slash, locale = path.partition("/")
    is_page = bool(slug) and "/" not in locale and path.isprintable()
    if environ["REQUEST_METHOD"] != "GET" or not is_page:
        return None
    request = Request(environ, populate_request=False)
    shown = visiting.visit(desk.system(), request, slug, locale, desk.reader)
    if shown is None or not shown.is_open or is_elsewhere(environ, shown.link_host):
        return None  # for `pages.public`, which says what is wrong
    desk.viewed(shown.seen.launch_id, shown.reader, environ)
    headers = [*_headers(environ, _HTML), ("ETag", f'"{shown.etag}"')]
    if shown.body is None:
        return "304 NOT MODIFIED", headers, b""
    return "200 OK", headers, shown.body


def refuse_elsewhere(desk: Desk, found: Found, environ: "WSGIEnvironment") -> None:
    """Raises NotFound by a partner's host for a launch of another one."""
    if HOST in environ and is_elsewhere(environ, desk.lookups().table(found.launch_id).link_host):
        raise NotFound("This link is not one of ours.")


def _note(desk: Desk, kind: EventType, found: Found, environ: "WSGIEnvironment") -> None:
    if found.is_tracked:
        desk.note(Hit(kind, visit(desk, environ), found.launch_id, found.message_id, found.key))


def visit(desk: Desk, environ: "WSGIEnvironment") -> Visit:
    """A request as the rules look at it."""
    get = environ.get
    purpose = get("HTTP_SEC_PURPOSE") or get("HTTP_PURPOSE") or get("HTTP_X_MOZ") or ""
    return Visit(
        at=desk.now(),
        method=environ["REQUEST_METHOD"],
        agent=get("HTTP_USER_AGENT", ""),
        purpose=purpose,
        address=get("REMOTE_ADDR") or "",
    )


def _headers(environ: "WSGIEnvironment", kind: int) -> list[tuple[str, str]]:
    return list(_FIXED[kind, environ.get("wsgi.url_scheme") == "https"])


_REDIRECT, _GIF, _CSS, _HTML = range(4)
_OWN = {
    _REDIRECT: {"Referrer-Policy": "no-referrer", "Content-Type": "text/html; charset=utf-8"},
    _GIF: {"Content-Type": "image/gif"},
    _CSS: {"Content-Type": "text/css; charset=utf-8"},
    _HTML: {"Content-Type": "text/html; charset=utf-8", **visiting.HEADERS, **SCRIPTLESS},
}
_FIXED = {
    (kind, is_secure): headers_of(own, is_secure=is_secure)
    for kind, own in _OWN.items()
    for is_secure in (False, True)
}

_TRAP_CHARACTER = link_character(TRAP)
_ANSWERS = {"/c/": _click, "/o/": _opened, "/s/": _styled, "/l/": _page}
