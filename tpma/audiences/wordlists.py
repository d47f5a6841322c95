"""The word lists of this room (words.toml), read once."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def table(name: str) -> dict[str, list[str]]:
    """All lists of one table: fields, refused, countries…"""
    found: dict[str, list[str]] = _tables()[name]
    return found


def words(name: str, key: str) -> frozenset[str]:
    return frozenset(table(name)[key])
