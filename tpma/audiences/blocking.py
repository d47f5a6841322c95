"""What a line of a suppression list names: an address, a domain, or nothing we can block. Pure."""

from dataclasses import dataclass

from tpma.audiences.rows import address_of
from tpma.audiences.values import cleaned
from tpma.core.errors import Invalid
from tpma.core.i18n import lazy
from tpma.core.text import Address, is_free_mail, is_public_suffix, mail_domain

WORDS: dict[str, str] = {
    "nothing": lazy("There is no address and no domain in this row."),
    "bad_entry": lazy("That is neither an e-mail address nor a mail domain."),
    "two_addresses": lazy("Two addresses stand in one cell. Give each a row."),
    "free_mail": lazy(
        "Millions of people have an address at this mail provider. Add it by hand and confirm it "
        "if you mean all of them."
    ),
    "public_suffix": lazy("Companies register their names under this ending; it is nobody's."),
    "broken_row": lazy("A quotation mark in this row is never closed."),
}


@dataclass(frozen=True, slots=True)
class Domain:
    """A mail domain, with or without what is under it."""

    name: str
    subdomains: bool


def domain_of(text: str, subdomains: bool = False) -> Domain:
    """From harborpoint.example, @harborpoint.example or *.harborpoint.example.

    Raises Invalid(field="domain") for what is none.
    """
    plain = text.strip().removeprefix("*@").removeprefix("@")
    under = plain.startswith(("*.", "."))
    return Domain(mail_domain(plain.removeprefix("*").removeprefix(".")), subdomains or under)


def entry_of(cell: str, subdomains: bool = False) -> Address | Domain | str:
    """What a cell names; a key of WORDS for what cannot be blocked by a list."""
    text = cleaned(cell)
    if not text:
        return "nothing"
    if "@" in text.removeprefix("*").removeprefix("@"):
        return _address(text)
    try:
        found = domain_of(text, subdomains)
    except Invalid:
        return "bad_entry"
    if is_public_suffix(found.name):
        return "public_suffix"
    return "free_mail" if is_free_mail(found.name) else found


def _address(text: str) -> Address | str:
    try:
        return address_of(text)
    except Invalid:
        return "two_addresses" if text.count("@") > 1 else "bad_entry"
