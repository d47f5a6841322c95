"""Logos and brand colours as mails, pages and previews fetch them: open to all, and inert."""

import re

from flask import Blueprint, Response

from tpma.branding import queries, vendors
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.web.context import system
from tpma.web.guards import public as open_to_all

public = Blueprint("branding_public", __name__, url_prefix="/b")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SLUG = re.compile(r"[a-z0-9-]{2,60}")
_LOCKED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_WHILE = "public, max-age=300"


@public.get("/<sha256>.png")
@open_to_all
def logo(sha256: str) -> Response:
    """A partner's logo. Its address is its content, so it never changes."""
    if not _SHA256.fullmatch(sha256):
        raise _nothing()
    with system().db.reading() as session:
        png = queries.logo_by_sha(session, sha256)
    return _inert(png, "image/png", _FOR_EVER)


@public.get("/vendor/<name>.png")
@open_to_all
def vendor_logo(name: str) -> Response:
    """A vendor's logo, "<slug>" for light ground and "<slug>-reversed" for dark."""
    if not _SLUG.fullmatch(name):
        raise _nothing()
    with system().db.reading() as session:
        png = vendors.logo_png(session, name)
    return _inert(png, "image/png", _FOR_A_WHILE)


@public.get("/<slug>.css")
@open_to_all
def colours(slug: str) -> Response:
    """The two variables a public page is coloured with: the brand, and text on it."""
    if not _SLUG.fullmatch(slug):
        raise _nothing()
    with system().db.reading() as session:
        colour, text = queries.colours(session, slug)
    return _inert(f":root{{--b:{colour};--bt:{text}}}\n".encode(), "text/css", _FOR_A_WHILE)


def _inert(body: bytes, kind: str, cached: str) -> Response:
    response = Response(body, mimetype=kind)
    response.headers["Cache-Control"] = cached
    response.headers["Content-Security-Policy"] = _LOCKED
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # mail programs on the web
    return response


def _nothing() -> NotFound:
    return NotFound(_("There is no such file."))
