"""A partner's or vendor's SVG reduced to shapes: what is not on the lists is dropped or refused.

Dropped is what only a drawing program needs (its namespaces, titles, `data-*`). Refused is what
acts, or what the drawing would look different without: leaving that out quietly would print a
logo nobody has approved.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_MOST_ELEMENTS, _DEEPEST = 5000, 40
_FIELD = "logo"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SHAPES = _words(
    "svg g defs symbol use path rect circle ellipse line polyline polygon clipPath mask "
    "linearGradient radialGradient stop style switch"
)
_DROPPED = _words("title desc metadata")
_ATTRIBUTES = _words(
    "id class style d x y x1 y1 x2 y2 cx cy r rx ry fx fy fr width height points viewBox "
    "preserveAspectRatio transform gradientTransform gradientUnits spreadMethod offset "
    "clipPathUnits maskUnits maskContentUnits pathLength fill fill-rule fill-opacity stroke "
    "stroke-width stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray "
    "stroke-dashoffset stroke-opacity opacity clip-path clip-rule mask stop-color stop-opacity "
    "color display visibility overflow paint-order vector-effect shape-rendering "
    "color-interpolation"
)
_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(px|pt|pc|mm|cm|in)?\s*")
_PX = {None: 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
_URL = re.compile(r"url\s*\(\s*(['\"]?)(.*?)\1\s*\)", re.IGNORECASE | re.DOTALL)
_ACTIVE = re.compile(r"javascript:|vbscript:|data:|expression\s*\(|-moz-binding|behavior\s*:", re.I)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A harmless SVG and its own size in px."""

    text: str
    width: float
    height: float


def sanitised(data: bytes) -> Drawing:
    """Raises Invalid(field="logo") with the rule and the cure."""
    root = _parsed(data)
    if root.tag != f"{{{_SVG}}}svg":
        raise _refusal(_("This file is XML but no SVG drawing. Export your logo as SVG or PNG."))
    _check_extent(root)
    width, height = _size(root)
    plain = Element("svg", {"xmlns": _SVG})
    _copy(root, plain)
    plain.set("viewBox", root.get("viewBox") or f"0 0 {width:g} {height:g}")
    plain.set("width", f"{width:g}")
    plain.set("height", f"{height:g}")
    return Drawing(tostring(plain, encoding="unicode"), width, height)


def _refusal(message: str) -> Invalid:
    return Invalid(message, field=_FIELD)


def _parsed(data: bytes) -> Element:
    try:
        root: Element = fromstring(data, forbid_dtd=False, forbid_entities=True)
    except DefusedXmlException as error:
        raise _refusal(
            _("This SVG declares entities, which can hide other files. Export it as plain SVG.")
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise _refusal(
            _("This SVG is damaged or cut off. Export it again, or upload a PNG.")
        ) from error
    return root


def _check_extent(root: Element) -> None:
    """Walks without recursion: a drawing may be nested deeper than Python's stack."""
    waiting, seen = [(root, 1)], 0
    while waiting:
        element, depth = waiting.pop()
        seen += 1
        if seen > _MOST_ELEMENTS or depth > _DEEPEST:
            raise _refusal(
                _(
                    "This SVG has more than %(most)s shapes or is nested too deep. "
                    "Simplify it, or upload a PNG.",
                    most=_MOST_ELEMENTS,
                )
            )
        waiting += [(child, depth + 1) for child in element]


def _size(root: Element) -> tuple[float, float]:
    """Width and height in px, from the viewBox or else from the attributes."""
    box = (root.get("viewBox") or "").replace(",", " ").split()
    try:
        found = (float(box[2]), float(box[3])) if len(box) == 4 else _lengths(root)
    except ValueError:
        found = _lengths(root)
    if not all(isfinite(side) and 0 < side <= 100_000 for side in found):
        raise _refusal(_("This SVG does not say how large it is. Export it with a viewBox."))
    return found


def _lengths(root: Element) -> tuple[float, float]:
    width, height = (_LENGTH.fullmatch(root.get(side) or "") for side in ("width", "height"))
    if width is None or height is None:
        raise _refusal(_("This SVG does not say how large it is. Export it with a viewBox."))
    return float(width[1]) * _PX[width[2]], float(height[1]) * _PX[height[2]]


def _copy(source: Element, target: Element) -> None:
    for name, value in _attributes(source):
        target.set(name, value)
    if target.tag == "style":
        target.text = _plain_css(source.text or "")
    for child in source:
        name = _shape(child)
        if name:
            _copy(child, SubElement(target, name))


def _shape(element: Element) -> str:
    """The element's name, "" to drop it. Raises Invalid for one that may not be."""
    tag = element.tag
    if not isinstance(tag, str) or not tag.startswith(f"{{{_SVG}}}"):
        return ""  # comments, processing instructions, a drawing program's own elements
    name = tag.removeprefix(f"{{{_SVG}}}")
    if name in _SHAPES:
        return name
    if name in _DROPPED:
        return ""
    raise _refusal(_unwelcome(name))


def _unwelcome(name: str) -> str:
    if name in {"script", "foreignObject", "a"}:
        return _(
            "A logo may not hold active content; this SVG has <%(name)s>. Export it as plain SVG.",
            name=name,
        )
    if name == "image":
        return _("This SVG embeds a picture. Draw the logo as shapes, or upload it as PNG.")
    if name in {"text", "tspan", "textPath", "font"}:
        return _(
            "This SVG needs a font that readers may not have. Convert its text to outlines "
            "(in Illustrator: Type, Create Outlines)."
        )
    return _(
        "This SVG uses <%(name)s>, which mail cannot show. Flatten effects, or upload a PNG.",
        name=name[:40],
    )


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if name.lower().startswith("on"):
            raise _refusal(
                _(
                    "A logo may not hold active content; this SVG has %(name)s. "
                    "Export it as plain SVG.",
                    name=name[:40],
                )
            )
        if name in {"href", _XLINK}:
            yield "href", _inner_reference(value)
        elif name in _ATTRIBUTES:
            yield name, _plain_css(value)


def _inner_reference(value: str) -> str:
    """Only parts of the same drawing may be referred to."""
    if not value.strip().startswith("#"):
        raise _refusal(_outside())
    return value.strip()


def _plain_css(text: str) -> str:
    """A style rule or attribute that loads nothing and does nothing. Raises Invalid."""
    targets = [found[2].strip() for found in _URL.finditer(text)]
    if any(not target.startswith("#") for target in targets) or len(targets) != len(
        re.findall(r"url\s*\(", text, re.IGNORECASE)
    ):
        raise _refusal(_outside())
    if "@" in text or "\\" in text or "<" in text or _ACTIVE.search(text):
        raise _refusal(
            _("The styles of this SVG load or run something. Export it with plain colours.")
        )
    return text


def _outside() -> str:
    return _(
        "This SVG refers to something outside of it. Embed nothing and link nothing, "
        "then export it again."
    )
