"""Kit templates scanned for what they ask, and filled.

What partners and readers type is never read as a template: it is filled in last, escaped for
the place it stands in.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import nh3

from tpma.core.i18n import gettext as _
from tpma.rendering.gaps import GAP, closed
from tpma.rendering.grammar import (
    Field,
    Literal,
    Node,
    SlotNode,
    TemplateFault,
    UnitNode,
    is_markup,
    parse,
    read,
)
from tpma.rendering.places import Place

__all__ = [
    "Html",
    "Scan",
    "TemplateFault",
    "expand",
    "fill_markup",
    "fill_plain",
    "is_markup",
    "look",
    "parse",
    "scan",
]

_PRIVATE = re.compile("[\ue000-\uf8ff]")  # our own marks while a text is cleaned
_MARK = re.compile("\ue000(\\d+)\ue001")
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):")
_SCHEMES = frozenset({"http", "https", "mailto", "tel", "asset"})
MARKUP = {"b", "strong", "em", "i", "br", "span", "a"}
_ATTRIBUTES = {"span": {"dir", "lang"}, "a": {"href"}}


class Html(str):
    """A value that is HTML already and is not escaped again."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """What a template asks for: ids are the asset's own, without its key."""

    units: list[tuple[str, str, int, bool]]  # id, text, line, in an attribute (plain text)
    slots: list[tuple[str, str, int]]  # key, default, line
    fields: list[tuple[str, int]]  # name, line; those within units included


def scan(source: str, name: str) -> Scan:
    """Read a template; `name` is its file, and `.txt` is text without markup.

    Raises TemplateFault with the line of the first thing the language does not have.
    """
    found, faults = look(source, name)
    if faults:
        raise faults[0]
    return found


def look(source: str, name: str) -> tuple[Scan, list[TemplateFault]]:
    """As `scan`, with every fault; where there are some, what could be made out."""
    nodes, faults = read(source, is_markup(name))
    units = [node for node in nodes if isinstance(node, UnitNode)]
    fields = [node for node in nodes if isinstance(node, Field)]
    fields += [field for unit in units for field in unit.fields]
    found = Scan(
        units=[(unit.id, unit.text, unit.line, unit.place.quoted) for unit in units],
        slots=[(n.key, n.default, n.line) for n in nodes if isinstance(n, SlotNode)],
        fields=[(field.name, field.line) for field in fields],
    )
    return found, faults


Protect = Callable[[str], str]


def expand(
    source: str,
    texts: Mapping[str, str],
    slots: Mapping[str, str],
    values: Mapping[str, str],
    *,
    markup: bool = True,
    marks: bool = False,
    protect: Protect = str,
) -> str:
    """The template with its texts, the partner's words and the merge fields filled in.

    `texts` and `slots` go by the asset's own ids; a slot without an entry shows its text.
    `values` are escaped unless they are Html. `marks` wraps slots for previews. `protect` is
    applied to whatever is filled into attributes and plain elements, escaped.
    """
    filler = _Filler(texts, slots, values, marks, protect)
    fill = filler.html if markup else filler.plain
    return closed("".join(fill(node) for node in parse(source, markup)))


def fill_plain(text: str, values: Mapping[str, str]) -> str:
    """A text of the kit that is shown without markup: its merge fields filled, not escaped."""
    filler = _Filler({}, {}, values, False, str)
    return closed("".join(filler.plain(node) for node in parse(text, False)))


def fill_markup(text: str, values: Mapping[str, str]) -> str:
    """A text of the kit with inline markup: sanitised, its merge fields filled and escaped."""
    return closed(_Filler({}, {}, values, False, str).inline(text))


@dataclass(frozen=True, slots=True)
class _Filler:
    texts: Mapping[str, str]
    slots: Mapping[str, str]
    values: Mapping[str, str]
    marks: bool
    protect: Protect

    def html(self, node: Node) -> str:
        if isinstance(node, Literal):
            return node.text
        if isinstance(node, Field):
            filled = self.field(node)
        elif isinstance(node, UnitNode):
            filled = self._unit(node)
        else:
            filled = self._slot(node)
        return self.protect(filled) if node.place.quoted else filled

    def plain(self, node: Node) -> str:
        if isinstance(node, Literal):
            return node.text
        if isinstance(node, Field):
            return self.value(node) or GAP
        if isinstance(node, UnitNode):
            return fill_plain(self._text(node.id, node.line), self.values)
        return self.slots.get(node.key) or self._text(node.key, node.line)

    def value(self, field: Field) -> str:
        try:
            return self.values[field.name]
        except KeyError as error:
            raise TemplateFault(
                _("There is no merge field %(name)s here.", name=field.name), field.line
            ) from error

    def field(self, field: Field) -> str:
        value = self.value(field)
        if field.place is Place.ADDRESS_START:
            _refuse_foreign_scheme(value, field)
        if not value and not field.place.quoted:
            return GAP
        return value if isinstance(value, Html) else html.escape(value)

    def inline(self, text: str, line: int = 0) -> str:
        """Sanitised to the markup the format allows; fields become marks while that happens."""
        fields: list[str] = []
        marked = "".join(self._marked(node, fields, line) for node in parse(text))
        cleaned = nh3.clean(
            marked,
            tags=MARKUP,
            attributes=_ATTRIBUTES,
            attribute_filter=_only_declared_links,
            link_rel=None,
        )
        filled = _MARK.sub(lambda mark: fields[int(mark[1])], cleaned)
        return filled.replace("<br>", "<br />")

    def _marked(self, node: Node, fields: list[str], line: int) -> str:
        if isinstance(node, Literal):
            return _PRIVATE.sub("", node.text)
        if not isinstance(node, Field):
            raise TemplateFault(_("A text cannot hold a tag."), line)
        fields.append(self.field(node))
        return f"\ue000{len(fields) - 1}\ue001"

    def _unit(self, node: UnitNode) -> str:
        text = self._text(node.id, node.line)
        if not node.place.quoted:
            return self.inline(text, node.line)
        return html.escape(html.unescape(fill_plain(text, self.values)))

    def _slot(self, node: SlotNode) -> str:
        own = self.slots.get(node.key)
        text = own if own else html.unescape(self._text(node.key, node.line))
        if node.place.quoted:
            return html.escape(" ".join(text.split()))
        shown = html.escape(text).replace("\r\n", "\n").replace("\n", "<br />")
        return f'<span data-slot="{node.key}">{shown}</span>' if self.marks else shown

    def _text(self, key: str, line: int) -> str:
        try:
            return self.texts[key]
        except KeyError as error:
            raise TemplateFault(_("The text %(key)s is missing.", key=key), line) from error


def _only_declared_links(element: str, attribute: str, value: str) -> str | None:
    if element == "a" and attribute == "href":
        return value if _MARK.fullmatch(value) else None
    return value


def _refuse_foreign_scheme(value: str, field: Field) -> None:
    found = _SCHEME.match(value)
    if found and found[1].lower() not in _SCHEMES:
        raise TemplateFault(
            _("%(name)s must be a web address that begins with https://.", name=field.name),
            field.line,
        )
