"""The fonts of this machine: which are installed, and which characters they can show.

WeasyPrint prints an empty box for a character no font has, and says nothing; even the text
extracted from such a PDF looks right. So the character maps are asked before rendering.
"""

import subprocess
import unicodedata
from functools import lru_cache
from shutil import which

from fontTools.ttLib import TTFont
from selectolax.lexbor import LexborHTMLParser

from tpma.core.errors import Unavailable
from tpma.core.i18n import gettext as _
from tpma.ports.pdf import MissingGlyph

STACK = (
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK TC",
    "Noto Sans CJK KR",
    "DejaVu Sans",
)
# One ideograph has several printed forms: the language of the document comes first.
_FIRST = {
    "zh": "Noto Sans CJK SC",
    "zh-Hant": "Noto Sans CJK TC",
    "ko": "Noto Sans CJK KR",
    "ja": "Noto Sans CJK JP",
}
_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_MOST_NAMED = 8


@lru_cache(maxsize=64)
def stack_for(families: tuple[str, ...], tag: str) -> tuple[str, ...]:
    """The installed ones of `families`, the language's own East Asian one before its siblings."""
    installed = [family for family in families if family in _installed()]
    script, language = "-".join(tag.split("-")[:2]), tag.split("-")[0]
    first = _FIRST.get(script) or _FIRST.get(language, "")
    if first not in installed:
        return tuple(installed)
    place = next(at for at, family in enumerate(installed) if "CJK" in family)
    others = [family for family in installed if family != first]
    return (*others[:place], first, *others[place:])


def require_glyphs(html: str, families: tuple[str, ...]) -> None:
    """Raises MissingGlyph naming the visible characters that no family has, and the cure."""
    body = LexborHTMLParser(html).body
    seen = set(body.text() if body is not None else "")
    lacking = sorted(
        character
        for character in seen
        if unicodedata.category(character) not in _UNSEEN
        and not 0xFE00 <= ord(character) <= 0xFE0F  # variation selectors
        and not any(ord(character) in _characters(family) for family in families)
    )
    if lacking:
        raise MissingGlyph(_message(lacking), field="font")


def _message(lacking: list[str]) -> str:
    named = ", ".join(f"{one} (U+{ord(one):04X})" for one in lacking[:_MOST_NAMED])
    return _(
        "No font of this installation shows %(characters)s. Install the package %(package)s.",
        characters=named + (" …" if len(lacking) > _MOST_NAMED else ""),
        package=_package(lacking[0]),
    )


def _package(character: str) -> str:
    """The Debian package whose fonts have the character's script."""
    name = unicodedata.name(character, "")
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH")):
        return "fonts-noto-cjk"
    return (
        "fonts-noto-core" if character.isalpha() else "fonts-noto-extra or fonts-noto-color-emoji"
    )


@lru_cache(maxsize=1)
def _installed() -> dict[str, tuple[str, int]]:
    """Family → file and index of its regular face, as fontconfig lists them.

    Raises Unavailable where fontconfig is not installed.
    """
    program = which("fc-list")
    if program is None:
        raise Unavailable(_("PDFs need fontconfig. Install the package fontconfig."))
    listed = subprocess.run(
        [program, "--format", "%{file}\t%{index}\t%{family}\t%{style[0]}\n"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found: dict[str, tuple[str, int]] = {}
    for line in sorted(listed.splitlines()):
        file, index, names, style = line.split("\t")
        for name in names.split(","):
            if name not in found or style in ("Regular", "Book"):
                found[name] = (file, int(index))
    return found


@lru_cache(maxsize=64)
def _characters(family: str) -> frozenset[int]:
    file, index = _installed()[family]
    with TTFont(file, fontNumber=index, lazy=True) as font:
        return frozenset(font.getBestCmap())
