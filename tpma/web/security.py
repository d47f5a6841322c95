"""Headers of every answer, CSRF, rate limits, cookies."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, Response, abort, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFProtect
from limits import parse_many
from werkzeug.routing import IntegerConverter, Map

from tpma.core.settings import Settings

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, default_limits=[])

NAME = "tpma.request"  # in the environ: its name, where a door before Flask has given it one
_LONGEST_FORM = 512 * 1024  # bytes of a form's fields, whichever way they are encoded
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; manifest-src 'self'"
)
# For documents shown in a sandboxed frame: mail keeps its inline styles, nothing else runs.
FRAMED_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox"
)
# For what a recipient or visitor sees: their pages run no script at all.
SCRIPTLESS_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

SCRIPTLESS = {
    "Content-Security-Policy": SCRIPTLESS_POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def register(app: Flask, settings: Settings) -> None:
    app.config.update(
        SESSION_COOKIE_NAME="tpma",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookies_are_secure,
        PERMANENT_SESSION_LIFETIME=12 * 3600,
        MAX_CONTENT_LENGTH=settings.most_body,
        MAX_FORM_MEMORY_SIZE=_LONGEST_FORM,
        MAX_FORM_PARTS=400,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=settings.cookies_are_secure,
        RATELIMIT_STORAGE_URI=settings.rate_limit_storage,
        RATELIMIT_HEADERS_ENABLED=False,
    )
    app.url_map.converters["int"] = _RowNumber
    app.before_request(_name_the_request)
    app.after_request(_headers)


def protect(app: Flask) -> None:
    """Refuse what was not meant or comes too often. After the shell, which knows the reader's
    language: before-request functions run in the order they were registered."""
    csrf.init_app(app)
    limiter.init_app(app)


class Limits:
    """How often one may ask at a door before Flask; counted where those of the views are."""

    def __init__(self, text: str, door: str) -> None:
        self._items = parse_many(text)
        self._door = door

    def allow(self, address: str) -> bool:
        """One more from there, unless it is one too many."""
        if not limiter.enabled:
            return True
        counted = limiter.limiter
        return all(counted.hit(item, address, self._door) for item in self._items)


class _RowNumber(IntegerConverter):
    """A number no database column can hold names nothing: 404, before any query."""

    def __init__(self, url_map: Map, **options: Any) -> None:
        super().__init__(url_map, **{"max": 2**63 - 1} | options)


def _name_the_request() -> None:
    g.request_id = request.environ.get(NAME) or uuid4().hex[:12]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)
    if request.mimetype != "multipart/form-data":  # only uploads may be large
        request.max_content_length = _LONGEST_FORM
    if not request.path.isprintable():  # PostgreSQL takes no NUL, and no name of ours has any
        abort(404)


def framed(response: Response) -> Response:
    """Lock a document that shows a vendor's or partner's HTML; for sandboxed frames only."""
    response.headers["Content-Security-Policy"] = FRAMED_POLICY
    return response


def scriptless(response: Response) -> Response:
    """Lock a public page, and keep its address (it may hold a reader's token) to ourselves."""
    response.headers.update(SCRIPTLESS)
    return response


_EVERYWHERE = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}


def headers_of(own: Mapping[str, str], *, is_secure: bool) -> list[tuple[str, str]]:
    """Those of every answer, for one that Flask does not make; its `own` come first."""
    rest = _EVERYWHERE | {"Cache-Control": "no-store"} | (_OVER_TLS if is_secure else {})
    return list({**rest, **own}.items())


def _headers(response: Response) -> Response:
    headers = response.headers
    for name, value in (_EVERYWHERE | (_OVER_TLS if request.is_secure else {})).items():
        headers.setdefault(name, value)
    if not request.path.startswith(("/static/", "/k/", "/b/")):
        headers.setdefault("Cache-Control", "no-store")
    return response
