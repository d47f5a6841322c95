"""The check of a kit: every rule of docs/kit-format.md, every fault, with file and line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tpma.kits import library
from tpma.kits.checks import (
    addresses,
    compiling,
    markup,
    merge,
    mjml,
    sequence,
    slots,
    texts,
    wholeness,
)
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault
from tpma.kits.intake import from_folder, from_zip
from tpma.rendering.content import KitContent

_RULES: tuple[Callable[[Draft], Iterator[Fault]], ...] = (
    wholeness.faults,
    sequence.faults,
    merge.faults,
    texts.faults,
    slots.faults,
    addresses.faults,
    markup.faults,
    mjml.faults,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A kit that was checked. Without faults there is a `content`; `files` go with it."""

    content: KitContent | None
    files: dict[str, bytes]
    faults: list[Fault]


def folder(path: Path) -> Reading:
    return checked(library.open_kit(from_folder(path)))


def archive(data: bytes) -> Reading:
    """As `folder`, for an uploaded zip."""
    return checked(library.open_kit(from_zip(data)))


def checked(draft: Draft) -> Reading:
    """Apply every rule to a kit that was read; faults come in the order of files and lines."""
    found = set(draft.faults)
    for rule in _RULES if draft.raw else ():  # without a manifest the rest says nothing
        found.update(rule(draft))
    found.update(compiling.faults(draft, {fault.file for fault in found}))
    return Reading(draft.content, draft.files, sorted(found))
