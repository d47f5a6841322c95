"""A name as a picture: what stands where a company has not uploaded its logo yet.

Drawn with this machine's fonts, since a name may be in any script.
"""

import io
import math
from functools import lru_cache
from html import escape

from PIL import Image

from tpma.branding import lockup, raster
from tpma.branding.models import LogoVariant
from tpma.rendering.colour import LARGE, contrast

_SIZE, _LEADING = 64, 76  # px of the letters and from line to line
_WIDEST = 1.4  # letters of any script, in widths of the size
_MOST_LINES = 4
_INK = {LogoVariant.PRIMARY: "#16181C", LogoVariant.REVERSED: "#FFFFFF"}
_SHARP = 2  # pixels for each one shown


@lru_cache(maxsize=64)
def drawn(name: str, colour: str, variant: LogoVariant) -> tuple[bytes, tuple[int, int]] | None:
    """The name as a PNG and the size it is shown at; None where no font can show it.

    In the colour of the brand where that stands out from the ground, otherwise black or white.
    """
    ink = colour if contrast(colour, lockup.GROUNDS[variant]) >= LARGE else _INK[variant]
    picture = _picture(_broken(name, 1), ink)
    for lines in range(2, _MOST_LINES + 1):
        if picture is None or picture.width / picture.height <= lockup.FLATTEST:
            break
        picture = _picture(_broken(name, lines), ink)
    if picture is None:
        return None
    width, height = lockup.displayed(picture.width / picture.height)
    out = io.BytesIO()
    sharp = (width * _SHARP, max(1, round(picture.height * width * _SHARP / picture.width)))
    picture.resize(sharp, Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue(), (width, height)


def _broken(name: str, lines: int) -> list[str]:
    """The name on so many lines of about equal length, words kept whole."""
    longest = math.ceil(len(name) / lines)
    found = [""]
    for word in name.split():
        if found[-1] and len(found[-1]) + len(word) > longest and len(found) < lines:
            found.append(word)
        else:
            found[-1] = f"{found[-1]} {word}".strip()
    return found


def _picture(lines: list[str], ink: str) -> Image.Image | None:
    width = round(max(map(len, lines)) * _SIZE * _WIDEST) + _SIZE
    rows = "".join(
        f'<text x="{width / 2}" y="{_LEADING * number + _SIZE}" text-anchor="middle">'
        f"{escape(line)}</text>"
        for number, line in enumerate(lines)
    )
    height = _LEADING * len(lines) + _SIZE // 2
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' font-family="Noto Sans, sans-serif" font-weight="700" font-size="{_SIZE}" fill="{ink}">'
        f"{rows}</svg>"
    )
    try:
        whole = Image.open(io.BytesIO(raster.png(svg, width, fonts=True))).convert("RGBA")
    except raster.NotDrawable:
        return None
    box = whole.getchannel("A").getbbox()
    return whole.crop(box) if box else None
