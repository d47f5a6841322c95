"""A mail compiled once for a launch and a language: static runs with holes for the reader.

No template engine runs for a recipient. Static runs are quoted-printable already; a message
is a list of byte strings joined.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from html import escape
from operator import itemgetter
from typing import Any

from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.rendering import forms, quoted
from tpma.rendering.facts import Person
from tpma.rendering.headers import MailHeaders, header_lines

TOKEN = "token"
FOOTER = "legal.footer"
PERSON = {
    "person.first_name": "first_name",
    "person.last_name": "last_name",
    "person.company": "company",
}

# Control characters, and the marks that turn the direction of what follows.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")

Runs = tuple[str, ...]  # static, hole, static, hole, …, static


@dataclass(frozen=True)
class MailSkeleton:
    """`footers` by the reader's country, "" for any other: (HTML, text)."""

    asset: str
    locale: str  # the `lang` of the mail
    subject_runs: Runs
    html_runs: Runs
    text_runs: Runs
    fallbacks: Mapping[str, str]
    footers: Mapping[str, tuple[str, str]]
    marked: bool = False  # a preview: slots are marked, and it is never sent

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal skeletons are equal bytes."""
        return json.dumps(
            asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "MailSkeleton":
        raw: dict[str, Any] = json.loads(stored)
        for name in ("subject_runs", "html_runs", "text_runs"):
            raw[name] = tuple(raw[name])
        raw["footers"] = {country: tuple(pair) for country, pair in raw["footers"].items()}
        return cls(**raw)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `to_bytes()`, hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def subject(self, person: Person) -> str:
        return _joined(self.subject_runs, self._person(person))

    def html(self, person: Person, token: str) -> str:
        values = {name: escape(value) for name, value in self._person(person).items()}
        footer = self._footer(person.country)[0]
        return _joined(self.html_runs, {**values, TOKEN: token, FOOTER: footer})

    def text(self, person: Person, token: str) -> str:
        footer = self._footer(person.country)[1]
        return _joined(self.text_runs, {**self._person(person), TOKEN: token, FOOTER: footer})

    def message(self, person: Person, token: str, headers: MailHeaders) -> bytes:
        """The whole mail (RFC 5322, multipart/alternative), lines ended with CRLF.

        Raises Invalid for a header value that cannot be sent, Conflict for a preview.
        """
        if self.marked:
            raise Conflict(_("This is a preview and cannot be sent."))
        names = self._person(person)
        runs = self._wire.copy()
        runs[1::2] = self._wire_values(names, person.country, token)
        runs[0] = header_lines(headers, _joined(self.subject_runs, names)) + runs[0]
        return b"".join(runs)

    def template(self, country: str) -> tuple[str, str, str]:
        """Subject, text and HTML with {{fields}}, for a provider that puts a reader's values in.

        The footer is that of the country. Raises Conflict for a preview, Invalid if the words of
        the mail could be taken for a field.
        """
        if self.marked:
            raise Conflict(_("This is a preview and cannot be sent."))
        html, text = self._footer(country)
        return (
            forms.written(self.subject_runs, {name: forms.field(name) for name in PERSON}),
            forms.written(self.text_runs, forms.fields(PERSON) | {FOOTER: text}),
            forms.written(self.html_runs, forms.fields(PERSON, "_html") | {FOOTER: html}),
        )

    def values(self, person: Person, token: str) -> dict[str, str]:
        """What fills the fields of `template`, escaped for the place it stands in."""
        names = self._person(person)
        text = {_TEXT_FIELDS[name]: value for name, value in names.items()}
        html = {_HTML_FIELDS[name]: _escaped(value) for name, value in names.items()}
        return {**text, **html, "token": token}

    def _person(self, person: Person) -> dict[str, str]:
        """The person's fields on one line each, the kit's fallback where there is nothing."""
        fallback = self.fallbacks.get
        return {
            name: _one_line(getattr(person, own)) or fallback(name, "")
            for name, own in PERSON.items()
        }

    def _footer(self, country: str) -> tuple[str, str]:
        return self.footers.get(country, self.footers[""])

    def _wire_values(self, names: Mapping[str, str], country: str, token: str) -> list[bytes]:
        text: dict[str, bytes] = {}
        html: dict[str, bytes] = {}
        for name, value in names.items():
            text[name], html[name] = _wire_value(value)
        footers = self._wire_footers
        text[FOOTER], html[FOOTER] = footers.get(country) or footers[""]
        text[TOKEN] = html[TOKEN] = token.encode("ascii")  # URL-safe: nothing to be quoted
        of_text, of_html = self._pickers
        return [*of_text(text), *of_html(html)]

    @cached_property
    def _pickers(self) -> tuple[Callable[..., tuple[bytes, ...]], Callable[..., tuple[bytes, ...]]]:
        """What takes the values of the holes, in their order, out of a mapping."""
        return _picker(self.text_runs[1::2]), _picker(self.html_runs[1::2])

    @cached_property
    def _wire_footers(self) -> dict[str, tuple[bytes, bytes]]:
        return {
            country: (quoted.encode(text), quoted.encode(html))
            for country, (html, text) in self.footers.items()
        }

    @cached_property
    def _wire(self) -> list[bytes]:
        """The body with empty places at every odd index: the text part's holes, then the HTML's."""
        text, html = _encoded(self.text_runs), _encoded(self.html_runs)
        edge = b"--" + self._boundary
        html[-1] += b"\r\n" + edge + b"--\r\n"
        text[0] = self._mime_header + edge + _part_header(b"plain") + text[0]
        text[-1] += b"\r\n" + edge + _part_header(b"html") + html[0]
        return text + html[1:]

    @property
    def _boundary(self) -> bytes:
        """`=_` cannot occur in quoted-printable, so no body can contain it."""
        return b"=_tpma_" + self.digest[:24].encode()

    @property
    def _mime_header(self) -> bytes:
        return (
            b"MIME-Version: 1.0\r\n"
            b'Content-Type: multipart/alternative; boundary="' + self._boundary + b'"\r\n\r\n'
        )


def _picker(names: Runs) -> Callable[..., tuple[bytes, ...]]:
    if len(names) < 2:  # for one name `itemgetter` gives no tuple
        return lambda values: tuple(values[name] for name in names)
    return itemgetter(*names)


def _joined(runs: Runs, values: Mapping[str, str]) -> str:
    filled = list(runs)
    filled[1::2] = [values[name] for name in runs[1::2]]
    return "".join(filled)


def _encoded(runs: Runs) -> list[bytes]:
    """Static runs encoded, each hole between two soft line breaks."""
    encoded = [b"" if index % 2 else quoted.encode(run) for index, run in enumerate(runs)]
    for index in range(1, len(runs), 2):
        encoded[index - 1] += quoted.SOFT_BREAK
        encoded[index + 1] = quoted.SOFT_BREAK + encoded[index + 1]
    return encoded


def _part_header(kind: bytes) -> bytes:
    return (
        b"\r\nContent-Type: text/" + kind + b"; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )


_TEXT_FIELDS = {name: forms.name(name) for name in PERSON}
_HTML_FIELDS = {name: forms.name(name, "_html") for name in PERSON}
_escaped = lru_cache(maxsize=8192)(escape)


@lru_cache(maxsize=8192)
def _wire_value(value: str) -> tuple[bytes, bytes]:
    """In the text part and in the HTML part. Names and companies come again and again."""
    text, escaped = quoted.encode(value), escape(value)
    return text, text if escaped == value else quoted.encode(escaped)


@lru_cache(maxsize=8192)
def _one_line(value: str) -> str:
    if value.isascii() and value.isprintable() and "  " not in value:
        return value.strip()
    return " ".join(filter(None, _UNSEEN.sub(" ", value).split(" ")))
