"""What a person uploads as a logo, and what we keep of it.

Neither the file's name nor what the browser says of its type is believed: the first bytes
decide, and what is kept is always written anew, so nothing can ride along behind a picture.
"""

import hashlib
import io
import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, UnidentifiedImageError

from tpma.branding import lockup, raster, svg
from tpma.branding.findings import Finding
from tpma.branding.models import LogoVariant
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.rendering.colour import LARGE, contrast

FIELD = "logo"
_PNG = b"\x89PNG\r\n\x1a\n"
_LONGEST = 4096  # px of either side of an uploaded PNG
_SHARP = 2  # pixels for each one shown
_OTHERS = (  # first bytes of what people take for a logo file
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"RIFF", "WebP"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"BM", "BMP"),
    (b"\x1f\x8b", "SVGZ"),
    (b"PK", "ZIP"),
)
_SOLID = 200  # alpha from which a pixel counts as ink
_VIVID = 0.25  # saturation from which a colour counts as one
_SAME = 1.1  # contrast below which two colours look like one
_ENOUGH = 0.03  # share of the ink a brand's colour must have


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo fit to be shown. `colour` is what most of it is drawn in, `vivid` its brand colour."""

    content_type: str
    content: bytes  # as kept: sanitised SVG, or PNG written anew
    png: bytes  # at twice the size it is shown at
    sha256: str  # of `png`
    width: int
    height: int
    colour: str
    vivid: str


def intake(data: bytes, variant: LogoVariant) -> Logo:
    """Check an uploaded file by every rule. Raises Invalid(field="logo")."""
    if not data.strip():
        raise Invalid(_("This file is empty. Choose the SVG or PNG of your logo."), field=FIELD)
    _stop_at(lockup.check_bytes(len(data)))
    if data.startswith(_PNG):
        return _checked(_from_png(data, variant), variant)
    if _looks_like_xml(data):
        return _checked(_from_svg(data, variant), variant)
    raise Invalid(_wrong_kind(data), field=FIELD)


def _stop_at(finding: Finding | None) -> None:
    if finding is not None:
        raise Invalid(finding.sentence, field=FIELD)


def _looks_like_xml(data: bytes) -> bool:
    start = data[:64]
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        start = start.removeprefix(mark)
    return start.replace(b"\x00", b"").lstrip().startswith(b"<")


def _wrong_kind(data: bytes) -> str:
    for mark, name in _OTHERS:
        if data.startswith(mark):
            return _(
                "This is a %(kind)s file, whatever its name says. A logo must be an SVG, or a PNG "
                "with transparent ground.",
                kind=name,
            )
    return _("This is neither an SVG nor a PNG. Export your logo as one of them.")


def _checked(logo: Logo, variant: LogoVariant) -> Logo:
    _stop_at(lockup.check_ground(logo.colour, variant))
    return logo


def _from_svg(data: bytes, variant: LogoVariant) -> Logo:
    drawing = svg.sanitised(data)
    _stop_at(lockup.check_shape(drawing.width, drawing.height))
    width, height = round(drawing.width) or 1, round(drawing.height) or 1
    shown = lockup.displayed(drawing.width / drawing.height)
    try:
        picture = _opened(raster.png(drawing.text, shown[0] * _SHARP))
    except raster.NotDrawable as error:
        raise Invalid(
            _("This SVG cannot be drawn. Simplify it, or upload a PNG."), field=FIELD
        ) from error
    return _logo("image/svg+xml", drawing.text.encode(), picture, (width, height), variant)


def _from_png(data: bytes, variant: LogoVariant) -> Logo:
    picture = _opened(data)
    _stop_at(lockup.check_shape(*picture.size))
    shown = lockup.displayed(picture.width / picture.height)
    _stop_at(lockup.check_resolution(*picture.size, shown))
    _check_transparent(picture, variant)
    sharp = picture.resize((shown[0] * _SHARP, shown[1] * _SHARP), Image.Resampling.LANCZOS)
    return _logo("image/png", _written(picture), sharp, picture.size, variant)


def _opened(data: bytes) -> Image.Image:
    """A PNG as RGBA. Its size is read before its pixels are, so a bomb is never unpacked."""
    _check_pixels(data)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as whole:
            whole.verify()  # loading alone would pass a file cut off, where WeasyPrint is loaded
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            picture.load()
            return picture.convert("RGBA")
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        struct.error,
        zlib.error,
    ) as error:
        raise Invalid(_("This PNG is damaged or cut off. Export it again."), field=FIELD) from error


def _check_pixels(data: bytes) -> None:
    """Width and height stand at the start of the header chunk (PNG specification, 11.2.1)."""
    width, height = struct.unpack(">II", data[16:24].ljust(8, b"\0"))
    if max(width, height) > _LONGEST:
        raise Invalid(
            _(
                "This PNG has %(width)s × %(height)s px; %(most)s a side is the most. "
                "Export it smaller.",
                width=width,
                height=height,
                most=_LONGEST,
            ),
            field=FIELD,
        )


def _check_transparent(picture: Image.Image, variant: LogoVariant) -> None:
    """A plate is bearable where it equals the ground, or as a tile that is part of the logo: dark
    enough to be meant, and on white only."""
    plate = _plate(picture)
    if plate is None or variant is LogoVariant.ICON or _is_ground(plate, variant):
        return
    if variant is LogoVariant.PRIMARY and contrast(plate, "#FFFFFF") >= LARGE:
        return
    raise Invalid(
        _(
            "This PNG has a filled ground (%(colour)s). Export it with a transparent one.",
            colour=plate,
        ),
        field=FIELD,
    )


def _is_ground(colour: str, variant: LogoVariant) -> bool:
    return contrast(colour, lockup.GROUNDS[variant]) < _SAME


def _plate(picture: Image.Image) -> str | None:
    """The colour of an opaque ground, None if the picture has transparent parts."""
    lowest, _highest = picture.getchannel("A").getextrema()
    if not isinstance(lowest, int) or lowest < _SOLID:
        return None
    corners = [(x, y) for x in (0, picture.width - 1) for y in (0, picture.height - 1)]
    found = Counter(_hex(picture.getpixel(corner)) for corner in corners)
    return found.most_common(1)[0][0]


def _logo(
    kind: str, content: bytes, sharp: Image.Image, size: tuple[int, int], variant: LogoVariant
) -> Logo:
    inks = _inks(sharp, variant)
    if not inks:
        raise Invalid(_("Nothing is to be seen in this file. Export the logo itself."), field=FIELD)
    png = _written(sharp)
    sha256 = hashlib.sha256(png).hexdigest()
    return Logo(kind, content, png, sha256, *size, colour=_main(inks), vivid=_brand_colour(inks))


def _written(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _inks(picture: Image.Image, variant: LogoVariant) -> Counter[str]:
    """How many pixels each colour covers, a plate that equals the ground left out."""
    plate = _plate(picture)
    if plate is not None and not _is_ground(plate, variant):
        plate = None
    found: Counter[str] = Counter()
    for count, pixel in picture.getcolors(picture.width * picture.height) or []:
        if isinstance(pixel, tuple) and pixel[3] >= _SOLID and _hex(pixel) != plate:
            found[_hex(pixel)] += count
    return found


def _main(inks: Counter[str]) -> str:
    """The commonest colour of the commonest shade: edges blend into thousands of others."""
    shades: Counter[str] = Counter()
    for colour, count in inks.items():
        shades[_shade(colour)] += count
    most = shades.most_common(1)[0][0]
    return max((c for c in inks if _shade(c) == most), key=lambda colour: inks[colour])


def _brand_colour(inks: Counter[str]) -> str:
    vivid = Counter({c: n for c, n in inks.items() if _saturation(c) >= _VIVID})
    if vivid.total() < inks.total() * _ENOUGH:
        return _main(inks)
    return _main(vivid)


def _shade(colour: str) -> str:
    return colour[1] + colour[3] + colour[5]


def _saturation(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return (max(channels) - min(channels)) / max(channels) if max(channels) else 0.0


def _hex(pixel: object) -> str:
    red, green, blue = pixel[:3] if isinstance(pixel, tuple) else (0, 0, 0)
    return f"#{red:02X}{green:02X}{blue:02X}"


@lru_cache(maxsize=64)
def vendor_png(text: str) -> tuple[bytes, tuple[int, int]]:
    """A vendor's SVG as (PNG, its size in px); kept in memory, since it never changes.

    Raises Invalid if the drawing is not one.
    """
    logo = _from_svg(text.encode(), LogoVariant.ICON)
    return logo.png, (logo.width, logo.height)
