"""The language of kit templates: two tags, `t` and `slot`, and plain `{{ field }}` output.

Read by python-liquid's lexer; everything else Liquid knows is refused before anything is
rendered, and so is a field where its value could become code.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from liquid import Environment
from liquid.exceptions import LiquidError
from liquid.token import TOKEN_CONTENT, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_TAG, Token

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.rendering.places import Place, Position

_LEXER = Environment().tokenizer()
_FIELD = re.compile(r"[a-z]+(\.[a-z0-9_]+)?")
_ID = re.compile(r"[a-z0-9_]+")
_STRIPPING = re.compile(r"\{[{%]-|-[}%]\}")
_IN_STYLE = re.compile(r"locale\..+|brand\.colour(_text)?|(brand|vendor)\.logo_(width|height)")
_ADDRESS = re.compile(
    r"link\..+|image\..+|(brand|vendor)\.(url|logo|logo_reversed)|brand\.privacy_url"
)
_BLOCKS = frozenset({"legal.footer", "form"})


class TemplateFault(Invalid):
    """A template, or a text of a kit, holds what the language does not have."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message, field="template")
        self.line = line


@dataclass(frozen=True, slots=True)
class Literal:
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    line: int
    place: Place


@dataclass(frozen=True, slots=True)
class UnitNode:
    id: str
    text: str
    line: int
    place: Place
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class SlotNode:
    key: str
    default: str
    line: int
    place: Place


Node = Literal | Field | UnitNode | SlotNode


def is_markup(name: str) -> bool:
    return not name.endswith(".txt")


@lru_cache(maxsize=256)
def parse(source: str, markup: bool = True) -> tuple[Node, ...]:
    """The template as a flat list: the language does not nest. Raises its first TemplateFault."""
    nodes, faults = read(source, markup)
    if faults:
        raise faults[0]
    return nodes


def read(source: str, markup: bool = True) -> tuple[tuple[Node, ...], list[TemplateFault]]:
    """As `parse`, with every fault that can be told, in the order of lines.

    Where there are faults, the nodes are what could be made out.
    """
    found = [
        TemplateFault(
            _("Take the hyphen out of the tag: there is no whitespace control."),
            _line(source, hyphen.start()),
        )
        for hyphen in _STRIPPING.finditer(source)
    ]
    tokens, unclosed = _tokens(source)
    reader = _Reader(source, tokens, markup, cut=unclosed is not None)
    nodes = tuple(reader.nodes())
    found += reader.faults + ([unclosed] if unclosed else [])
    return nodes, sorted(found, key=lambda fault: fault.line)


def _tokens(source: str) -> tuple[list[Token], TemplateFault | None]:
    """Where a tag or field is not closed, what stands before it."""
    try:
        return list(_LEXER(source)), None
    except LiquidError as error:
        at = error.token.start_index if error.token else 0
        fault = TemplateFault(_("A tag or merge field is not closed."), _line(source, at))
    before = source[: max(source.rfind(opening, 0, at + 2) for opening in ("{{", "{%"))]
    try:
        return list(_LEXER(before)), fault
    except LiquidError:
        return [], fault


def _line(source: str, at: int) -> int:
    return source.count("\n", 0, at) + 1


class _Reader:
    """Goes on behind a fault, so that one reading tells them all."""

    def __init__(self, source: str, tokens: list[Token], markup: bool, cut: bool) -> None:
        self.source = source
        self.tokens: Iterator[Token] = iter(tokens)
        self.position = Position() if markup else None
        self.cut = cut  # the end of the source is not among the tokens
        self.faults: list[TemplateFault] = []
        self.foreign: set[str] = set()  # tags that were refused: their end tags are theirs

    @property
    def place(self) -> Place:
        return self.position.place if self.position else Place.PLAIN

    def nodes(self) -> Iterator[Node]:
        for token in self.tokens:
            if self._is_literal(token):
                yield self._literal(token)
            elif token.kind == TOKEN_OUTPUT:
                yield self._field()
            elif token.kind == TOKEN_TAG and token.value in ("t", "slot"):
                yield self._block(token)
            elif not self._is_of_a_refused_tag(token):
                self.foreign.add(token.value)
                self._refuse(
                    token,
                    _("Only the tags t and slot exist, and merge fields like {{ brand.name }}."),
                )

    def _is_of_a_refused_tag(self, token: Token) -> bool:
        """Its expression or its end, of which the refusal has said enough."""
        ends = token.kind == TOKEN_TAG and token.value.removeprefix("end") in self.foreign
        return token.kind == TOKEN_EXPRESSION or (ends and token.value.startswith("end"))

    def _is_literal(self, token: Token) -> bool:
        """Not so is what stands in `raw`: the lexer hands it over as content."""
        return token.kind == TOKEN_CONTENT and not self.source.startswith("{%", token.start_index)

    def _literal(self, token: Token) -> Literal:
        if self.position:
            self.position.read(token.value)
        return Literal(token.value)

    def _field(self) -> Field:
        expression = next(self.tokens)
        named = _FIELD.fullmatch(expression.value)
        if not named:
            self._refuse(
                expression, _("A merge field is a plain name, without filters: {{ brand.name }}.")
            )
        field = Field(expression.value, _line(self.source, expression.start_index), self.place)
        if named:
            self._check(field, expression)
        if self.position:
            self.position.fill()
        return field

    def _block(self, opening: Token) -> UnitNode | SlotNode:
        key = self._expression(opening)
        if key.kind != TOKEN_EXPRESSION or not _ID.fullmatch(key.value):
            self._refuse(
                opening, _("Name the text by small letters, digits and _, for example headline.")
            )
        place, line = self.place, _line(self.source, opening.start_index)
        if place not in (Place.HTML, Place.PLAIN, Place.ATTRIBUTE):
            self._refuse(
                opening, _("No text can stand here: only between tags or in a quoted attribute.")
            )
        text, fields = self._inside(opening)
        if self.position:
            self.position.fill()
        if opening.value == "slot":
            return SlotNode(key.value, text, line, place)
        return UnitNode(key.value, text, line, place, fields)

    def _expression(self, opening: Token) -> Token:
        """What follows the tag's name; the tag itself where nothing does."""
        found = next(self.tokens, opening)
        if found.kind != TOKEN_EXPRESSION:
            self.tokens = chain([] if found is opening else [found], self.tokens)
            return opening
        return found

    def _inside(self, opening: Token) -> tuple[str, tuple[Field, ...]]:
        """The text up to the end tag, white space folded, and the merge fields in it."""
        start = self.source.index("%}", opening.start_index) + 2
        fields: list[Field] = []
        for token in self.tokens:
            if token.kind == TOKEN_TAG and token.value == f"end{opening.value}":
                end = self.source.rindex("{%", start, token.start_index)
                return " ".join(self.source[start:end].split()), tuple(fields)
            if token.kind == TOKEN_OUTPUT and opening.value == "t":
                fields.append(self._field())
            elif self._is_literal(token):
                self._literal(token)
            elif not self._is_of_a_refused_tag(token):
                self.foreign.add(token.value)
                self._refuse(
                    token, _("Within this text there can be no tag, and in a slot no merge field.")
                )
        if not self.cut:
            self._refuse(opening, _("This text is not closed with its end tag."))
        return "", tuple(fields)

    def _check(self, field: Field, token: Token) -> None:
        """Refuse a field where its value could become code, whatever the value is."""
        allowed = {
            Place.HTML: True,
            Place.PLAIN: field.name not in _BLOCKS,
            Place.ATTRIBUTE: field.name not in _BLOCKS,
            Place.ADDRESS: not field.name.startswith("person.") and field.name not in _BLOCKS,
            Place.ADDRESS_START: bool(_ADDRESS.fullmatch(field.name)),
            Place.STYLE: bool(_IN_STYLE.fullmatch(field.name)),
        }
        if not allowed.get(field.place, False):
            self._refuse(token, _("The merge field %(name)s cannot stand here.", name=field.name))

    def _refuse(self, token: Token, message: str) -> None:
        self.faults.append(TemplateFault(message, _line(self.source, token.start_index)))
