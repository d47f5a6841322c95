"""One row of an upload as a staged contact, with what is wrong with it.

Faults keep a row out; warnings let it in and tell. Both are codes here and words in WORDS.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tpma.audiences.reading import Record
from tpma.audiences.values import (
    cleaned,
    country_code,
    language_tag,
    phone_number,
    split_name,
    tags_of,
)
from tpma.audiences.wordlists import words
from tpma.core.errors import Invalid
from tpma.core.i18n import lazy
from tpma.core.text import Address, email_address, registrable_domain

WORDS: dict[str, str] = {
    "no_address": lazy("The e-mail address is missing."),
    "bad_address": lazy("That is not an e-mail address we can write to."),
    "two_addresses": lazy("Two addresses stand in one cell. Give each person a row."),
    "not_a_person": lazy("Nobody reads mail at this address; it serves machines."),
    "broken_row": lazy("A quotation mark in this row is never closed."),
    "erased": lazy("This person asked us to forget them. The address stays out."),
    "role_account": lazy("Taken in, but this is a shared mailbox and may not be one person's."),
    "country_unknown": lazy("Taken in without a country: we do not know this one."),
    "language_unknown": lazy("Taken in without a language: we do not know this one."),
    "shortened": lazy("Taken in, with a text that was too long and is cut off."),
}

# Longest text of each field, as in `Contact`.
_LONGEST = {
    "given_name": 100,
    "family_name": 100,
    "title": 120,
    "phone": 32,
    "company": 200,
}
_MACHINES = words("mailboxes", "machines")
_SHARED = words("mailboxes", "shared")
# A strict part of what `email_address` takes, at a twentieth of the time; a property test holds
# the two together.
_PLAIN = re.compile(
    r"(?P<local>[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*)"
    r"@(?P<domain>(?:[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*\.)+(?:com|net|org|de|io|eu|fr|uk|jp|es|it))"
)
_NAMED = re.compile(r"[^<>]*<([^<>\s]+@[^<>\s]+)>")
_RAW_LONGEST = 300  # characters of a cell kept for the error file


def address_of(cell: str) -> Address:
    """The address in a cell, also from “Ada <ada@…>” and mailto links. Raises Invalid."""
    text = cell
    if "<" in text and (named := _NAMED.fullmatch(text)):
        text = named[1]
    text = text.removeprefix("mailto:")
    found = _PLAIN.fullmatch(text)
    if found is None or len(text) > 100 or len(found["local"]) > 60:
        return email_address(text)
    domain = found["domain"].lower()
    return Address(f"{found['local']}@{domain}", f"{found['local'].casefold()}@{domain}", domain)


@dataclass(slots=True)
class Reader:
    """Turns records into staged rows by a mapping of column numbers to fields.

    `denied` are the columns nothing is kept of, not even in the error file.
    """

    mapping: Mapping[int, str]
    denied: frozenset[int]
    hashed: Callable[[str], bytes]
    _domains: dict[str, str] = field(default_factory=dict)

    def row(self, record: Record) -> dict[str, Any]:
        """Values of an ImportRow, without its import and its contact's id."""
        found = _empty(record.line)
        if record.broken:
            return found | {"fault": "broken_row", "raw": self._raw(record.cells)}
        cells = record.cells
        for number, name in self.mapping.items():
            if number < len(cells) and cells[number]:
                _SETTERS[name](found, cleaned(cells[number]))
        self._address(found)
        if found["fault"] or found["warning"]:
            found["raw"] = self._raw(cells)
        return found

    def _address(self, found: dict[str, Any]) -> None:
        typed = found["email"]
        found["email"] = ""
        if not typed:
            found["fault"] = "no_address"
            return
        try:
            address = address_of(typed)
        except Invalid:
            found["fault"] = "two_addresses" if typed.count("@") > 1 else "bad_address"
            return
        local = address.norm.partition("@")[0]
        if local in _MACHINES:
            found["fault"] = "not_a_person"
            return
        if local in _SHARED:
            found["warning"] = found["warning"] or "role_account"
        found["email"], found["email_norm"] = address.shown, address.norm
        found["company_domain"] = self._company_domain(address.domain)
        found["hmac"] = self.hashed(address.norm)

    def _company_domain(self, domain: str) -> str:
        if domain not in self._domains:
            if len(self._domains) > 20_000:  # a list of strangers' domains must not fill memory
                self._domains.clear()
            self._domains[domain] = (registrable_domain(domain) or "")[:200]
        return self._domains[domain]

    def _raw(self, cells: Sequence[str]) -> list[str]:
        return [
            "" if number in self.denied else cleaned(cell)[:_RAW_LONGEST]
            for number, cell in enumerate(cells[:200])
        ]


def _empty(line: int) -> dict[str, Any]:
    return {
        "line": line,
        "email": "",
        "email_norm": None,
        "hmac": None,
        "given_name": "",
        "family_name": "",
        "title": "",
        "phone": "",
        "company": "",
        "company_domain": "",
        "country": "",
        "locale": "",
        "tags": [],
        "fault": None,
        "warning": None,
        "raw": None,
    }


def _fitted(found: dict[str, Any], name: str, text: str) -> None:
    longest = _LONGEST[name]
    if len(text) > longest:
        found["warning"] = "shortened"
    found[name] = text[:longest]


def _text_setter(name: str) -> Callable[[dict[str, Any], str], None]:
    return lambda found, text: _fitted(found, name, text)


def _set_email(found: dict[str, Any], text: str) -> None:
    found["email"] = text


def _set_phone(found: dict[str, Any], text: str) -> None:
    _fitted(found, "phone", phone_number(text))


def _set_name(found: dict[str, Any], text: str) -> None:
    given, family = split_name(text)
    if not found["given_name"]:
        _fitted(found, "given_name", given)
    if not found["family_name"]:
        _fitted(found, "family_name", family)


def _set_country(found: dict[str, Any], text: str) -> None:
    found["country"] = country_code(text)
    if text and not found["country"]:
        found["warning"] = "country_unknown"


def _set_locale(found: dict[str, Any], text: str) -> None:
    found["locale"] = language_tag(text)
    if text and not found["locale"]:
        found["warning"] = "language_unknown"


def _set_tags(found: dict[str, Any], text: str) -> None:
    found["tags"] = tags_of(text)


_SETTERS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "email": _set_email,
    "given_name": _text_setter("given_name"),
    "family_name": _text_setter("family_name"),
    "name": _set_name,
    "company": _text_setter("company"),
    "title": _text_setter("title"),
    "phone": _set_phone,
    "country": _set_country,
    "locale": _set_locale,
    "tags": _set_tags,
}
