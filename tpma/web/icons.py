"""Tabler outline icons (MIT), inlined: no icon font, no request."""

import json
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup


@lru_cache(maxsize=1)
def _paths() -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = json.loads(Path(__file__).with_name("icons.json").read_text())
    return loaded


@lru_cache(maxsize=512)
def icon(name: str, size: str = "", flip: bool = False) -> Markup:
    """`size` is "", "sm" or "lg"; `flip` mirrors arrows in right-to-left pages.

    Raises KeyError for a name that is not in icons.json.
    """
    shapes = "".join(f'<path d="{d}"/>' for d in _paths()[name])
    classes = " ".join(c for c in ("i", size, "flip" if flip else "") if c)
    return Markup(f'<svg class="{classes}" viewBox="0 0 24 24" aria-hidden="true">{shapes}</svg>')
