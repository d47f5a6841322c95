"""Marks that survive a compiler: what they stand for is put in, or left open, afterwards.

The MJML compiler writes attribute values as Rust prints them, with `\\u{…}` for what it takes
for unprintable and with backslashes doubled. So whatever could be changed passes through it as
letters and digits, and so do the holes a reader's values will fill.
"""

import re

_SAFE = re.compile(r"[A-Za-z0-9 #.,:;/?=_~+%()&-]*")


class Holes:
    """`salt` is made from everything that goes into the template, so no text can hold it."""

    def __init__(self, salt: str) -> None:
        self._mark = re.compile(rf"h{salt}([sk])(\d+)e")
        self._salt = salt
        self._names: list[str] = []
        self._kept: list[str] = []

    def hole(self, name: str) -> str:
        """A mark that stays open under this name."""
        if name not in self._names:
            self._names.append(name)
        return f"h{self._salt}s{self._names.index(name)}e"

    def keep(self, text: str) -> str:
        """A mark for the text itself, or the text if no compiler would change it."""
        if _SAFE.fullmatch(text):
            return text
        self._kept.append(text)
        return f"h{self._salt}k{len(self._kept) - 1}e"

    def restored(self, compiled: str) -> str:
        """The kept texts back in their places; a kept text may hold holes."""
        return self._mark.sub(
            lambda mark: self._kept[int(mark[2])] if mark[1] == "k" else mark[0], compiled
        )

    def runs(self, compiled: str) -> tuple[str, ...]:
        """Static text and names of holes in turn; first and last are static."""
        runs: list[str] = []
        at = 0
        for mark in self._mark.finditer(compiled):
            runs += [compiled[at : mark.start()], self._names[int(mark[2])]]
            at = mark.end()
        return (*runs, compiled[at:])
