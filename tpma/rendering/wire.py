"""A frozen mail as it goes over the wire: quoted-printable runs with holes, one copy a reader.

What can be known before a reader is, is: where each value belongs, what is the same for all. The
rest is a list copied, its holes set and joined.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from operator import itemgetter
from typing import Any

from tpma.rendering import quoted
from tpma.rendering.facts import Person
from tpma.rendering.headers import Addressed, Letterhead, header_lines

TOKEN = "token"
FOOTER = "legal.footer"
PERSON = {
    "person.first_name": "first_name",
    "person.last_name": "last_name",
    "person.company": "company",
}

Runs = tuple[str, ...]  # static, hole, static, hole, …, static
_Field = tuple[str, bytes, bytes]  # on one line; in the text part; in HTML
_Values = tuple[Any, ...]  # three fields, the token, a footer for text and for HTML
_Picker = Callable[[_Values], Sequence[Any]]

# Where in the values stands what fills a hole.
_SUBJECT_AT = {name: 3 * at for at, name in enumerate(PERSON)}
_TEXT_AT = {name: at + 1 for name, at in _SUBJECT_AT.items()} | {TOKEN: 9, FOOTER: 10}
_HTML_AT = {name: at + 2 for name, at in _SUBJECT_AT.items()} | {TOKEN: 9, FOOTER: 11}

# Control characters, and the marks that turn the direction of what follows.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
# What looks the same in a subject, a text and HTML, and on the wire too: words with single blanks.
_PLAIN = re.compile(r"(?!From )[A-Za-z0-9,;:()/+_-]+(?: [A-Za-z0-9,;:()/+_.-]+)*")


@dataclass(frozen=True, slots=True)
class Wire:
    """`runs` has an empty place at every odd index: for the header, then for the holes of the text
    part and of the HTML. `subject` is a format. What fills them is picked out of the values."""

    runs: list[bytes]
    pick: _Picker
    subject: str
    pick_subject: _Picker
    fallbacks: tuple[_Field, _Field, _Field]
    footers: Mapping[str, tuple[bytes, bytes]]

    @classmethod
    def of(
        cls,
        subject: Runs,
        text: Runs,
        html: Runs,
        *,
        fallbacks: Mapping[str, str],
        footers: Mapping[str, tuple[str, str]],
        boundary: bytes,
    ) -> "Wire":
        """Raises KeyError for a hole that nothing fills."""
        words = [run.replace("%", "%%") for run in subject]
        words[1::2] = ["%s"] * len(words[1::2])
        first, last, company = (fallbacks.get(name, "") for name in PERSON)
        return cls(
            runs=_body(_encoded(text), _encoded(html), boundary),
            pick=_picker([
                *(_TEXT_AT[name] for name in text[1::2]),
                *(_HTML_AT[name] for name in html[1::2]),
            ]),
            subject="".join(words),
            pick_subject=_picker([_SUBJECT_AT[name] for name in subject[1::2]]),
            fallbacks=(_written(first), _written(last), _written(company)),
            footers={
                country: (quoted.encode(text), quoted.encode(html))
                for country, (html, text) in footers.items()
            },
        )  # fmt: skip

    def message(self, person: Person, head: Letterhead, own: Addressed) -> bytes:
        """The whole mail of one reader. Raises Invalid for a header value that cannot be sent."""
        first, last = _field(person.first_name), _field(person.last_name)
        company = _field(person.company)
        if not (first[0] and last[0] and company[0]):
            given = zip((first, last, company), self.fallbacks, strict=True)
            first, last, company = (one if one[0] else instead for one, instead in given)
        footer = self.footers.get(person.country) or self.footers[""]
        token = own.token.encode("ascii")  # URL-safe: nothing to be quoted
        values = (*first, *last, *company, token, *footer)
        header = header_lines(head, own, self.subject % self.pick_subject(values))
        runs = self.runs.copy()
        runs[1::2] = (header, *self.pick(values))
        return b"".join(runs)


def one_line(value: str) -> str:
    """Without what cannot be seen, its words apart by single blanks."""
    if value.isascii() and value.isprintable() and "  " not in value:
        return value.strip()
    return " ".join(filter(None, _UNSEEN.sub(" ", value).split(" ")))


@lru_cache(maxsize=8192)
def _field(value: str) -> _Field:
    """Names and companies come again and again."""
    if len(value) < quoted.LONGEST and _PLAIN.fullmatch(value):  # nearly always
        written = value.encode()
        return value, written, written
    return _written(one_line(value))


def _written(line: str) -> _Field:
    return line, quoted.encode(line), quoted.encode(escape(line))


def _picker(places: list[int]) -> _Picker:
    if len(places) > 1:
        return itemgetter(*places)
    start = places[0] if places else 0  # for one place `itemgetter` gives no tuple
    return itemgetter(slice(start, start + len(places)))


def _encoded(runs: Runs) -> list[bytes]:
    """Static runs encoded, each hole between two soft line breaks."""
    encoded = [b"" if index % 2 else quoted.encode(run) for index, run in enumerate(runs)]
    for index in range(1, len(runs), 2):
        encoded[index - 1] += quoted.SOFT_BREAK
        encoded[index + 1] = quoted.SOFT_BREAK + encoded[index + 1]
    return encoded


def _body(text: list[bytes], html: list[bytes], boundary: bytes) -> list[bytes]:
    edge = b"--" + boundary
    start = (
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    )
    html[-1] += b"\r\n" + edge + b"--\r\n"  # first: of HTML without holes it is html[0], too
    text[0] = start + edge + _part_header(b"plain") + text[0]
    text[-1] += b"\r\n" + edge + _part_header(b"html") + html[0]
    return [b"", b"", *text, *html[1:]]


def _part_header(kind: bytes) -> bytes:
    return (
        b"\r\nContent-Type: text/" + kind + b"; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
