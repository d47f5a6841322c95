"""HTML in, PDF out."""

from collections.abc import Mapping
from typing import Protocol

from tpma.core.errors import Invalid


class MissingGlyph(Invalid):
    """A text holds characters no font of the installation can show."""


class PdfRenderer(Protocol):
    def pdf(self, html: str, *, assets: Mapping[str, tuple[bytes, str]]) -> bytes:
        """Render a whole HTML document. Images are read from `assets` and nowhere else.

        Raises MissingGlyph if any character would be printed as a box.
        """
        ...
