"""A kit's templates, opened: texts and merge fields with their lines, tags with theirs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from tpma.kits.fields import words
from tpma.rendering.template import is_markup, look

VOID = words("area base br col embed hr img input link meta source track wbr")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text in a template."""

    id: str  # without the asset, for example "headline"
    text: str  # white space folded
    line: int
    slot: bool
    plain: bool  # stands in an attribute or a title, or is a slot: no markup


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag as it is written; names in small letters."""

    name: str
    attributes: dict[str, str]
    line: int
    path: tuple[str, ...]  # the open tags around it


@dataclass(slots=True)
class Template:
    file: str
    source: str
    pieces: list[Piece] = field(default_factory=list)
    fields: list[tuple[str, int]] = field(default_factory=list)  # name, line
    tags: list[Tag] = field(default_factory=list)
    unbalanced: list[tuple[str, int]] = field(default_factory=list)  # tag, line
    faults: list[tuple[str, int]] = field(default_factory=list)  # what the language refuses, line
    styles: list[tuple[str, int]] = field(default_factory=list)  # CSS, first line
    shown: str = ""  # what stands between tags, comments and heads left out


def open_template(file: str, source: str) -> Template:
    """Never raises: what cannot be read is told in `faults`."""
    template = Template(file, source)
    found, refused = look(source, file)
    template.faults = [(refusal.message, refusal.line) for refusal in refused]
    template.fields = found.fields
    if not refused:
        plain = not is_markup(file)
        template.pieces = [
            Piece(i, t, n, False, quoted or plain) for i, t, n, quoted in found.units
        ]
        template.pieces += [Piece(key, text, line, True, True) for key, text, line in found.slots]
    if is_markup(file):
        _Reader(template).read()
    return template


class _Reader(HTMLParser):
    """Tags with lines, and which of them are not closed in order."""

    def __init__(self, template: Template) -> None:
        super().__init__(convert_charrefs=False)
        self.template = template
        self.open: list[tuple[str, int]] = []

    def read(self) -> None:
        self.feed(self.template.source)
        self.close()
        self.template.unbalanced += self.open

    @property
    def line(self) -> int:
        return self.getpos()[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)
        if tag not in VOID:
            self.open.append((tag, self.line))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1][0] == tag:
            self.open.pop()
        elif tag not in {name for name, _line in self.open}:
            self.template.unbalanced.append((tag, self.line))
        else:
            self.template.unbalanced += self._close_down_to(tag)

    def _close_down_to(self, tag: str) -> Iterator[tuple[str, int]]:
        while (top := self.open.pop())[0] != tag:
            yield top

    def handle_data(self, data: str) -> None:
        around = {name for name, _line in self.open}
        if "mj-style" in around:
            self.template.styles.append((data, self.line))
        if "mj-head" not in around:
            self.template.shown += data

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in reversed(attrs)}
        path = tuple(name for name, _line in self.open)
        self.template.tags.append(Tag(tag, attributes, self.line, path))
