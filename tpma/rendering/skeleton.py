"""A mail compiled once for a launch and a language: static runs with holes for the reader.

No template engine runs for a recipient. Static runs are quoted-printable already; a message
is a list of byte strings joined.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from html import escape
from typing import Any

from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.rendering import forms
from tpma.rendering.facts import Person
from tpma.rendering.headers import Addressed, Letterhead
from tpma.rendering.wire import FOOTER, PERSON, TOKEN, Runs, Wire, one_line


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

    def message(self, person: Person, head: Letterhead, own: Addressed) -> bytes:
        """The whole mail (RFC 5322, multipart/alternative), lines ended with CRLF.

        Raises Invalid for a header value that cannot be sent, Conflict for a preview.
        """
        if self.marked:
            raise Conflict(_("This is a preview and cannot be sent."))
        return self._wire.message(person, head, own)

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

    @cached_property
    def _wire(self) -> Wire:
        return Wire.of(
            self.subject_runs,
            self.text_runs,
            self.html_runs,
            fallbacks=self.fallbacks,
            footers=self.footers,
            # `=_` cannot occur in quoted-printable, so no body can contain it.
            boundary=b"=_tpma_" + self.digest[:24].encode(),
        )


def _joined(runs: Runs, values: Mapping[str, str]) -> str:
    filled = list(runs)
    filled[1::2] = [values[name] for name in runs[1::2]]
    return "".join(filled)


_TEXT_FIELDS = {name: forms.name(name) for name in PERSON}
_HTML_FIELDS = {name: forms.name(name, "_html") for name in PERSON}
_escaped, _one_line = lru_cache(maxsize=8192)(escape), lru_cache(maxsize=8192)(one_line)
