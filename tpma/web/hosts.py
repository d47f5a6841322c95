"""Which host a request came by: the platform's own, or one of a partner that shows readers' pages.

A link host is a name of a partner's that leads here. It shows what readers get, the launches that
were frozen with it and nothing else: no page for people who sign in, no cookie in either
direction. `HostDoor` stands before everything and marks such a request; the doors of readers'
pages ask `refuse_elsewhere` before they show something of a launch.
"""

import ipaddress
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import request
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Request, Response

from tpma.core.errors import NotFound
from tpma.core.log import logger
from tpma.core.settings import Settings
from tpma.web.security import SCRIPTLESS, headers_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST, OWNER = "tpma.link_host", "tpma.link_host_owner"  # in the environ
_FRESH = 5.0  # seconds
_READERS = re.compile(r"/(?:[cosum]|l|confirm|k|b)/.|/static/public\.css$")
_CREDENTIALS = ("HTTP_COOKIE", "HTTP_AUTHORIZATION")
_SPOKEN = ["en", "de", "ja", "ar"]
_log = logger("web")

Served = Callable[[], Mapping[str, UUID]]  # host → its partner


class HostDoor:
    """Lets a request in as what its Host header says, or refuses it."""

    def __init__(
        self,
        app: "WSGIApplication",
        settings_of: Callable[[], Settings],
        served: Served,
        not_found: Callable[[str], str],
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._settings_of = settings_of
        self._served = served
        self._not_found = not_found
        self._elapsed = elapsed
        self._known: tuple[float, Mapping[str, UUID]] | None = None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        host = host_of(environ.get("HTTP_HOST", ""))
        settings = self._settings_of()
        if is_platforms(host, settings.base_url):
            return self._app(environ, start_response)
        try:
            owner = self._hosts().get(host)
        except OperationalError:
            _log.exception("link hosts not read")
            return Response("Try again in a moment.\n", 503)(environ, start_response)
        if owner is not None:
            return self._readers(host, owner, environ, start_response)
        if settings.link_target:
            return Response("Nothing is served under this name.\n", 421)(environ, start_response)
        return self._app(environ, start_response)

    def _hosts(self) -> Mapping[str, UUID]:
        """Those that stood once, at most five seconds old."""
        now, kept = self._elapsed(), self._known
        if kept is not None and now - kept[0] < _FRESH:
            return kept[1]
        try:
            found = self._served()
        except OperationalError:
            if kept is None:
                raise
            found = kept[1]
        self._known = now, found
        return found

    def _readers(
        self, host: str, owner: UUID, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not _READERS.match(environ.get("PATH_INFO", "")):
            return self._nothing(environ)(environ, start_response)
        for name in _CREDENTIALS:
            environ.pop(name, None)
        environ[HOST], environ[OWNER] = host, owner

        def without_cookies(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            kept = [(name, value) for name, value in headers if name.lower() != "set-cookie"]
            return start_response(status, kept, *error)

        return self._app(environ, without_cookies)

    def _nothing(self, environ: "WSGIEnvironment") -> Response:
        asked = Request(environ, populate_request=False)
        page = self._not_found(asked.accept_languages.best_match(_SPOKEN) or "en")
        own = {**SCRIPTLESS, "Content-Type": "text/html; charset=utf-8"}
        return Response(page, 404, headers_of(own, is_secure=asked.is_secure))


def host_of(header: str) -> str:
    """The name in a Host header, lower case, without port and last dot."""
    text = header.strip().lower()
    name = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    return name.rstrip(".")


def is_platforms(host: str, base_url: str) -> bool:
    """The name in TPMA_BASE_URL; an address or a name without a dot is one of our own network,
    as probes and proxies use it, and no DNS of a partner leads to it."""
    return "." not in host or host == urlsplit(base_url).hostname or _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_elsewhere(environ: Mapping[str, Any], link_host: str) -> bool:
    """Whether a launch with this link host ("" without one) must not be seen by this request."""
    asked = environ.get(HOST)
    return asked is not None and asked != link_host


def refuse_elsewhere(link_host: str) -> None:
    """Raises NotFound for a launch of another host: it is not there, also not that it exists."""
    if is_elsewhere(request.environ, link_host):
        raise NotFound("There is nothing here.")


def refuse_stranger(tenant_id: UUID) -> None:
    """The same for what belongs to a partner and to no launch."""
    owner = request.environ.get(OWNER)
    if owner is not None and owner != tenant_id:
        raise NotFound("There is nothing here.")


def is_restricted() -> bool:
    """Whether the present request came by a partner's host."""
    return HOST in request.environ
