"""In which line of a TOML file a key stands; the parser of the standard library forgets it."""

import re
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""For example ("asset", 0, "subject") or ("form", "field", 2)."""

_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=""")
_MULTILINE = re.compile(r'"""|' + "'''")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


@dataclass(frozen=True, slots=True)
class Lines:
    known: dict[Path, int]

    def of(self, *path: str | int) -> int:
        """The line of the key, else of the nearest table around it, else 1."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.known:
                return self.known[path[:length]]
        return 1


def locate(text: str) -> Lines:
    """Lines of tables and keys. Never fails: text that is no TOML gives fewer lines."""
    known: dict[Path, int] = {}
    table: Path = ()
    inside = False  # a multi-line string
    for number, line in enumerate(text.splitlines(), start=1):
        if not inside and (heading := _TABLE.match(line)):
            table = _open_table(known, _parts(heading[2]), heading[1] == "[[")
            known.setdefault(table, number)
        elif not inside and (key := _KEY.match(line)):
            known.setdefault((*table, *_parts(key[1])), number)
        inside ^= len(_MULTILINE.findall(line)) % 2 == 1
    return Lines(known)


def _parts(name: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(name))


def _open_table(known: dict[Path, int], name: Path, repeated: bool) -> Path:
    if not repeated:
        return name
    index = 0
    while (*name, index) in known:
        index += 1
    return (*name, index)
