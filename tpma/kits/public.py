"""Pictures of published kits, by their content: what mails, pages and previews show."""

import re

from flask import Blueprint, Response

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.kits import queries
from tpma.kits.faults import extension
from tpma.kits.pictures import TYPES
from tpma.web.context import system
from tpma.web.guards import public as open_to_all

public = Blueprint("kits_public", __name__)

_SHA256 = re.compile(r"[0-9a-f]{64}")
# A picture opened by itself is a document of our host: it may show itself and do nothing.
_LOCKED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_FOR_EVER = "public, max-age=31536000, immutable"


@public.get("/k/<sha256>.<ending>")
@open_to_all
def file(sha256: str, ending: str) -> Response:
    """An image of a published version. Its address is its content, so it never changes."""
    kind = TYPES.get(ending)
    if kind is None or not _SHA256.fullmatch(sha256):
        raise _nothing()
    with system().db.reading() as session:
        found = queries.file_by_sha(session, sha256)
        if found.content_type != kind or extension(found.path) not in TYPES:
            raise _nothing()
        response = Response(found.content, mimetype=found.content_type)
    response.headers["Cache-Control"] = _FOR_EVER
    response.headers["Content-Security-Policy"] = _LOCKED
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # mail programs on the web
    response.set_etag(sha256)
    return response


def _nothing() -> NotFound:
    return NotFound(_("There is no such file."))
