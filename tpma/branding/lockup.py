"""How a logo stands on a page and beside another one: size, shape, balance, clear space, ground.

Figures are in px of the screen. A logo is shown at equal optical area, not at equal height, so
that neither of two partners looks bigger.
"""

from dataclasses import dataclass
from math import sqrt

from tpma.branding.findings import Finding, error, ratio_words
from tpma.branding.models import LogoVariant
from tpma.core.i18n import gettext as _
from tpma.rendering.colour import LARGE, contrast

AREA = 5000  # px²: a logo of 4.5 to 1 stands 150 wide, a quarter of a mail
MOST_BYTES = 500 * 1024
FLATTEST, TALLEST = 8.0, 0.25  # width to height
_LEAST_HEIGHT, _LEAST_LENGTH = 24, 80
_MOST_HEIGHT, _MOST_WIDTH = 96, 240
_CLEAR = 0.25  # of the logo's height
_TOLERANCE = 0.01  # of the aspect
_BALANCE = (0.8, 1.25)  # of the other logo's area

GROUNDS = {  # what each variant is made to stand on
    LogoVariant.PRIMARY: "#FFFFFF",
    LogoVariant.REVERSED: "#16181C",
    LogoVariant.ICON: "#FFFFFF",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


def balanced(aspect: float, area: float = AREA) -> tuple[float, float]:
    """Width and height of `aspect` (width to height) that fill `area`."""
    return sqrt(area * aspect), sqrt(area / aspect)


def displayed(aspect: float, area: float = AREA) -> tuple[int, int]:
    """The balanced size, kept within what is legible and what a mail can bear."""
    width, height = balanced(aspect, area)
    scale = max(1.0, _LEAST_HEIGHT / height, _LEAST_LENGTH / max(width, height))
    scale = min(scale, _MOST_HEIGHT / height, _MOST_WIDTH / width)
    return round(width * scale), round(height * scale)


def check_bytes(size: int) -> Finding | None:
    if size <= MOST_BYTES:
        return None
    return error(
        "logo.format",
        _("A logo may have 500 KB; this file has %(size)s KB.", size=-(-size // 1024)),
        _("Export it as SVG, or as a smaller PNG."),
        "logo",
    )


def check_shape(width: float, height: float) -> Finding | None:
    """The logo's own shape must lie between 1:4 and 8:1."""
    aspect = width / height
    if TALLEST <= aspect <= FLATTEST:
        return None
    if aspect > FLATTEST:
        return error(
            "logo.aspect",
            _(
                "This logo is %(ratio)s times as wide as it is high; 8 is the most.",
                ratio=_r(aspect),
            ),
            _("Upload a version with the words on two lines, or cut empty margins off."),
            "logo",
        )
    return error(
        "logo.aspect",
        _(
            "This logo is %(ratio)s times as high as it is wide; 4 is the most.",
            ratio=_r(1 / aspect),
        ),
        _("Upload the wide version of your logo, or cut empty margins off."),
        "logo",
    )


def check_aspect(own: tuple[float, float], shown: tuple[float, float]) -> Finding | None:
    """A logo may not be stretched: what is shown has the shape of the file, within 1 %."""
    wanted, found = own[0] / own[1], shown[0] / shown[1]
    if abs(found / wanted - 1) <= _TOLERANCE:
        return None
    return error(
        "logo.aspect",
        _("The logo is shown %(found)s to 1 but is %(own)s to 1.", found=_r(found), own=_r(wanted)),
        _("Set only its width and let the height follow."),
    )


def check_resolution(
    width: int, height: int, shown: tuple[int, int], *, least: int = 2
) -> Finding | None:
    """A PNG needs `least` times the pixels it is shown at, for sharp screens."""
    needed = shown[0] * least, shown[1] * least
    # One pixel of grace: the shown size is itself rounded.
    if width >= needed[0] - 1 and height >= needed[1] - 1:
        return None
    return error(
        "logo.format",
        _(
            "This PNG has %(width)s × %(height)s px; sharp screens need %(least)s × %(high)s.",
            width=width,
            height=height,
            least=needed[0],
            high=needed[1],
        ),
        _("Upload an SVG, or export the PNG larger."),
        "logo",
    )


def check_least(width: float, height: float) -> Finding | None:
    """At least 24 px high, and 80 px along its longer side."""
    if round(height) >= _LEAST_HEIGHT and round(max(width, height)) >= _LEAST_LENGTH:
        return None
    return error(
        "logo.min",
        _(
            "Shown at %(width)s × %(height)s px nobody can read it.",
            width=_r(width),
            height=_r(height),
        ),
        _("Show it at least 24 px high and 80 px long."),
    )


def check_balance(ours: tuple[float, float], theirs: tuple[float, float]) -> Finding | None:
    """Areas within a fifth of each other, unless a smallest or largest size decided."""
    ratio = (ours[0] * ours[1]) / (theirs[0] * theirs[1])
    limited = _at_a_limit(*ours) or _at_a_limit(*theirs)
    if _BALANCE[0] <= ratio <= _BALANCE[1] or limited:
        return None
    return error(
        "logo.balance",
        _("One logo has %(ratio)s times the area of the other.", ratio=_r(ratio)),
        _("Show both at the same area."),
    )


def _at_a_limit(width: float, height: float) -> bool:
    largest = round(width) >= _MOST_WIDTH or round(height) >= _MOST_HEIGHT
    smallest = round(height) <= _LEAST_HEIGHT or round(max(width, height)) <= _LEAST_LENGTH
    return largest or smallest


def clear_margin(height: float) -> float:
    """Empty space a logo keeps on each side."""
    return height * _CLEAR


def check_clear(logo: Box, others: list[Box]) -> Finding | None:
    """Nothing may stand within a quarter of the logo's height around it."""
    margin = clear_margin(logo.height)
    grown = Box(logo.x - margin, logo.y - margin, logo.width + 2 * margin, logo.height + 2 * margin)
    if not any(_overlap(grown, other) for other in others):
        return None
    return error(
        "logo.clear",
        _("Something stands closer than %(margin)s px to the logo.", margin=_r(margin)),
        _("Leave a quarter of the logo's height free on each side."),
    )


def _overlap(one: Box, other: Box) -> bool:
    apart = (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )
    return not apart


def check_ground(colour: str, variant: LogoVariant) -> Finding | None:
    """The logo's main colour must stand out 3 to 1 from the ground its variant is for."""
    ratio = contrast(colour, GROUNDS[variant])
    if ratio >= LARGE:
        return None
    if variant is LogoVariant.REVERSED:
        return error(
            "logo.bg",
            _(
                "On dark ground this logo (%(colour)s) has a contrast of %(ratio)s; it needs 3.",
                colour=colour,
                ratio=ratio_words(ratio),
            ),
            _("Upload the white or light version here."),
            "logo",
        )
    return error(
        "logo.bg",
        _(
            "On white this logo (%(colour)s) has a contrast of %(ratio)s; it needs 3.",
            colour=colour,
            ratio=ratio_words(ratio),
        ),
        _("Upload a darker version here, and this one as the version for dark ground."),
        "logo",
    )


def _r(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
