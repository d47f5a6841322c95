"""A kit while it is looked at: everything the check needs, and what was wrong so far."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tpma.kits.catalogs import Catalog
from tpma.kits.faults import Fault
from tpma.kits.intake import MANIFEST
from tpma.kits.pictures import Picture
from tpma.kits.schema import Row
from tpma.kits.templates import Template
from tpma.kits.toml_lines import Lines
from tpma.rendering.content import KitContent


@dataclass(frozen=True, slots=True)
class Source:
    """A text of the kit in its source language, where it is written."""

    id: str  # the full unit id
    text: str  # white space folded
    file: str
    line: int
    markup: bool
    slot: bool = False


@dataclass(slots=True)
class Draft:
    """`raw` is kit.toml without what its shape forbids; `content` is there when nothing was.

    `files` are those a version keeps: the cover, declared images and style sheets.
    """

    all_files: dict[str, bytes]
    raw: dict[str, Any] = field(default_factory=dict)
    lines: Lines = field(default_factory=lambda: Lines({}))
    templates: dict[str, Template] = field(default_factory=dict)  # by asset key
    catalogs: dict[str, Catalog] = field(default_factory=dict)  # by locale
    pictures: dict[str, Picture] = field(default_factory=dict)  # by path
    sources: list[Source] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    content: KitContent | None = None
    faults: list[Fault] = field(default_factory=list)

    @property
    def kit(self) -> dict[str, Any]:
        return self.part("kit")

    @property
    def form(self) -> dict[str, Any]:
        return self.part("form")

    def part(self, name: str) -> dict[str, Any]:
        """A section of kit.toml that is not a list; empty when it is not there."""
        found: dict[str, Any] = self.raw.get(name, {})
        return found

    @property
    def source_locale(self) -> str:
        return str(self.kit.get("source_locale", ""))

    @property
    def locales(self) -> list[str]:
        """All declared ones, the source locale among them."""
        return list(self.kit.get("locales", []))

    def rows(self, name: str) -> list[Row]:
        return list(self.raw.get(name, []))

    def line(self, *path: str | int) -> int:
        return self.lines.of(*path)

    def at_row(self, rule: str, message: str, row: Row, key: str) -> Fault:
        return self.at(rule, message, *row.where, key)

    def at(self, rule: str, message: str, *path: str | int) -> Fault:
        """A fault of kit.toml, in the line of this key."""
        return Fault(MANIFEST, self.lines.of(*path), rule, message)

    def of_kind(self, *kinds: str) -> Iterator[tuple[Row, Template]]:
        """The assets of these kinds whose template is there."""
        for row in self.rows("asset"):
            if row["kind"] in kinds and row["key"] in self.templates:
                yield row, self.templates[row["key"]]

    def unique(self) -> dict[str, Source]:
        """The first place of every unit."""
        found: dict[str, Source] = {}
        for source in self.sources:
            found.setdefault(source.id, source)
        return found
