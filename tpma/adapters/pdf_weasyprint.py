"""PDFs by WeasyPrint: tagged, without network or file access, and never with empty boxes."""

import hashlib
import re
from collections.abc import Mapping

import weasyprint
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from tpma.adapters.fonts import STACK, require_glyphs, stack_for
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.ports.pdf import MissingGlyph

__all__ = ["MissingGlyph", "WeasyPrintPdf"]

_BASE = "asset:///"  # what relative addresses stand under
_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
# The family by which kits call whatever shows their text. WeasyPrint's own @font-face copies
# one file and cannot choose a face of a collection, so the name is replaced by the installed
# families, which Pango tries for each character in this order.
_FAMILY = re.compile(r"""(?<![\w.#-])(["']?)tpma\1(?![\w-])""")
_LANG = re.compile(r"""<html[^>]*\blang="([^"]*)""")


class WeasyPrintPdf:
    """`families` are tried in this order; those that are not installed are left out."""

    def __init__(self, families: tuple[str, ...] = STACK) -> None:
        self._families = families

    def pdf(self, html: str, *, assets: Mapping[str, tuple[bytes, str]]) -> bytes:
        """A tagged PDF (PDF/UA-1) of a whole HTML document; the same input gives the same bytes.

        `assets` holds the images by their addresses in the document: (bytes, content type).
        Raises MissingGlyph naming the characters no font can show, Invalid for an image that
        is not among the assets.
        """
        found = _LANG.search(html)
        families = stack_for(self._families, found[1] if found else "en")
        require_glyphs(html, families)
        styled = _STYLE.sub(lambda style: _with_families(style[0], families), html)
        document = weasyprint.HTML(
            string=styled, base_url=_BASE, url_fetcher=_Assets(assets), media_type="print"
        )
        try:
            made = document.write_pdf(
                presentational_hints=True,  # width and height of images
                pdf_variant="pdf/ua-1",
                pdf_identifier=hashlib.sha256(html.encode()).digest()[:16],
            )
        except FatalURLFetchingError as error:
            raise Invalid(
                _("The PDF needs an image that is not there: %(image)s", image=str(error)),
                field="assets",
            ) from error
        return bytes(made)


def _with_families(style: str, families: tuple[str, ...]) -> str:
    return _FAMILY.sub(",".join(f'"{family}"' for family in families), style)


class _Assets(URLFetcher):  # type: ignore[misc]
    """Gives out the assets and nothing else: no file, no network."""

    def __init__(self, assets: Mapping[str, tuple[bytes, str]]) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False)
        self._assets = assets

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        for name in (url, url.removeprefix(_BASE)):
            if name in self._assets:
                content, content_type = self._assets[name]
                return URLFetcherResponse(url, content, {"Content-Type": content_type})
        raise FatalURLFetchingError(url)
