"""The form's door before Flask: count, read, take it in with the others that come, send on.

Most forms are answered by a redirect, which needs neither a session nor a language. Whatever is to
be said in words (a fault, a closed page, an error) the view of `leads.public` says: it finds here
what became of the form and does not look at it again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import structlog
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from tpma.core.errors import TpmaError
from tpma.core.together import Together
from tpma.leads import sheets
from tpma.leads.capturing import Captured, Form, capture_all
from tpma.pages import rules
from tpma.tracking.front import Desk, visit
from tpma.web.hosts import HOST
from tpma.web.security import NAME, Limits, headers_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

UNTOLD = "tpma.untold"  # in the environ: what the view has to say
_LIMITS = Limits("20 per minute; 200 per hour", "leads_public.send")


class TooOften(Exception):
    """So many forms came from there; this one was not read."""


@dataclass(frozen=True, slots=True)
class Untold:
    """What became of a form, and what was typed."""

    error: Exception
    values: dict[str, str]


class Forms:
    """Answers forms that are taken, and hands on everything else."""

    def __init__(self, app: "WSGIApplication", desk: Desk) -> None:
        self._app = app
        self._desk = desk
        self._together = Together[Form, Captured | TpmaError](self._capture)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] == "POST" and path[:3] == "/l/" and path.isprintable():
            slug, _slash, locale = path[3:].partition("/")
            if slug and locale and "/" not in locale:
                return self._post(environ, start_response, slug, locale)
        return self._app(environ, start_response)

    def _post(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", slug: str, locale: str
    ) -> Iterable[bytes]:
        environ[NAME] = uuid4().hex[:12]
        structlog.contextvars.bind_contextvars(request=environ[NAME])
        values: dict[str, str] = {}
        result: Captured | Exception
        try:
            values = _read(environ)
            asked = visit(self._desk, environ)
            form = Form(slug, locale, values, asked, environ[NAME], environ.get(HOST))
            result = self._together.do(self._desk.system().db, form)
        except Exception as error:  # Flask answers it and writes it down, as any other
            result = error
        if isinstance(result, Exception):
            environ[UNTOLD] = Untold(result, values)
            return self._app(environ, start_response)
        return self._thank(environ, start_response, form, result)

    def _thank(
        self,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        form: Form,
        result: Captured,
    ) -> Iterable[bytes]:
        """On to the page of thanks, so that going back or reloading sends nothing again."""
        key = sheets.token(self._desk.system().signer, result.launch_id, self._desk.now())
        page = quote(f"{environ.get('SCRIPT_NAME', '')}/l/{form.slug}/{form.locale}/thanks")
        own = {"Content-Type": "text/html; charset=utf-8", "Location": f"{page}?sheet={key}"}
        is_secure = environ.get("wsgi.url_scheme") == "https"
        headers = [*headers_of(own, is_secure=is_secure), ("Content-Length", "0")]
        start_response("303 SEE OTHER", headers)
        return []

    def _capture(self, session: Session, forms: Sequence[Form]) -> Sequence[Captured | TpmaError]:
        system = self._desk.system()
        return capture_all(session, system.signer, system.settings.base_url, forms)


def _read(environ: "WSGIEnvironment") -> dict[str, str]:
    """What was typed. Refused before it is read if it comes too often or is too large, whatever
    its length is said to be."""
    if not _LIMITS.allow(environ.get("REMOTE_ADDR") or ""):
        raise TooOften
    request = Request(environ, populate_request=False)
    request.max_content_length = request.max_form_memory_size = rules.MOST_BODY
    if (request.content_length or 0) > rules.MOST_BODY:
        raise RequestEntityTooLarge
    return request.form.to_dict()
