"""Keyset pages: "Newer / Older", never page numbers, as cheap at the end as at the start."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request

Item = TypeVar("Item")
SIZE = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Up to SIZE items, newest first; `older` is the key to go on from, None at the end."""

    items: Sequence[Item]
    older: str | None
    first: bool


def page_of(rows: Sequence[Item], key: str = "id", size: int = SIZE) -> Page[Item]:
    """`rows` holds up to size + 1 rows, so that we know whether there are more."""
    shown = rows[:size]
    last: Any = getattr(shown[-1], key) if len(rows) > size else None
    return Page(shown, None if last is None else str(last), request.args.get("before") is None)
