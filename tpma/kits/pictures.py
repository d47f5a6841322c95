"""What an image file really is, whatever its name says."""

import io
import re
import warnings
from dataclasses import dataclass

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from PIL import Image, UnidentifiedImageError

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

LARGEST_SIDE = 4096  # px
SVG = "image/svg+xml"
TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "svg": SVG}
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG"}
_SVG_ROOT = "{http://www.w3.org/2000/svg}svg"
_LENGTH = re.compile(r"\s*([0-9]{1,5}(?:\.[0-9]{1,6})?)(?:px)?\s*")
# What Pillow raises for bytes that are not the picture they begin as.
_DAMAGED = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Picture:
    content_type: str
    width: int  # px
    height: int


def look_at(data: bytes, content_type: str) -> Picture:
    """Open a picture that is said to be of this type. Raises Invalid if it is not."""
    return _svg(data) if content_type == SVG else _bitmap(data, content_type)


def _bitmap(data: bytes, content_type: str) -> Picture:
    kind = _FORMATS[content_type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            width, height = _decoded(data, kind)
    except _DAMAGED as error:
        raise Invalid(_("This is not a %(kind)s image that can be shown.", kind=kind)) from error
    return Picture(content_type, width, height)


def _decoded(data: bytes, kind: str) -> tuple[int, int]:
    """The size stands in the head of the file; pixels are only unpacked when it is sane."""
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        if max(image.size) > LARGEST_SIDE:
            raise ValueError("too large")
        image.load()
        return image.size


def _svg(data: bytes) -> Picture:
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Invalid(_("This is not an SVG image that can be shown.")) from error
    if root.tag != _SVG_ROOT:
        raise Invalid(_("This is not an SVG image that can be shown."))
    width, height = _svg_size(root.get("width"), root.get("height"), root.get("viewBox", ""))
    return Picture(SVG, width, height)


def _svg_size(width: str | None, height: str | None, view_box: str) -> tuple[int, int]:
    sides = [_LENGTH.fullmatch(side or "") for side in (width, height)]
    if not all(sides):
        numbers = view_box.replace(",", " ").split()
        sides = [_LENGTH.fullmatch(side) for side in numbers[2:4]] if len(numbers) == 4 else []
    found = [round(float(side[1])) for side in sides if side]
    if len(found) != 2 or not all(0 < side <= 2 * LARGEST_SIDE for side in found):
        raise Invalid(_("This SVG image has no size. Give it a viewBox."))
    return found[0], found[1]
