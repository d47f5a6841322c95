"""Contrast by WCAG 2.x, and the text colour a brand colour can bear."""

import re

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

READABLE = 4.5  # normal text, WCAG 2.2 success criterion 1.4.3
LARGE = 3.0  # large text and parts of controls, 1.4.3 and 1.4.11
WHITE = "#FFFFFF"
INK = "#1A1A1A"
BLACK = "#000000"

_HEX = re.compile(r"#[0-9A-Fa-f]{6}")


def contrast(one: str, other: str) -> float:
    """The ratio of two `#RRGGBB` colours, 1 to 21. Raises Invalid for another notation."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def auto_text(colour: str) -> str:
    """White or near-black, whichever reads better on `colour`; black where neither is enough.

    For 7 % of all colours, mid greys among them, neither reaches 4.5; black then always does.
    """
    best = max((WHITE, INK), key=lambda text: contrast(text, colour))
    return best if contrast(best, colour) >= READABLE else BLACK


def readable_on_white(colour: str) -> str:
    """`colour`, darkened in equal steps until text in it reaches 4.5 on white."""
    red, green, blue = _channels(colour)
    for step in range(100, -1, -1):
        shade = "#" + "".join(f"{channel * step // 100:02X}" for channel in (red, green, blue))
        if contrast(shade, WHITE) >= READABLE:
            return shade
    return BLACK


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _channels(colour: str) -> tuple[int, int, int]:
    if not _HEX.fullmatch(colour):
        raise Invalid(
            _("Write the colour as # and six digits, for example #0057B8."), field="colour"
        )
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
