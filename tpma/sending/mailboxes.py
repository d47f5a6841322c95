"""Who keeps a reader's mailbox, as far as the address tells it.

The domains are those at which the three large providers give addresses to everybody, by their own
sign-up pages in March 2026. Companies that have their mail kept there under a domain of their own
are "other": only DNS knows, and a launch does not ask it for every reader.
"""

from enum import IntEnum

from sqlalchemy import ColumnElement, case
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.core.db import text_after


class Mailbox(IntEnum):
    OTHER = 0
    GMAIL = 1
    MICROSOFT = 2
    YAHOO = 3


NAMES: dict[Mailbox, str] = {
    Mailbox.GMAIL: "Gmail",
    Mailbox.MICROSOFT: "Microsoft",
    Mailbox.YAHOO: "Yahoo",
}

DOMAINS: dict[Mailbox, tuple[str, ...]] = {
    Mailbox.GMAIL: ("gmail.com", "googlemail.com"),
    Mailbox.MICROSOFT: (
        "outlook.com", "hotmail.com", "live.com", "msn.com",
        "outlook.de", "hotmail.de", "live.de",
        "outlook.fr", "hotmail.fr", "live.fr",
        "hotmail.co.uk", "live.co.uk", "hotmail.it", "live.it", "outlook.it",
        "outlook.es", "hotmail.es", "live.nl", "hotmail.nl",
        "outlook.jp", "hotmail.co.jp", "live.jp",
        "outlook.com.br", "hotmail.com.br", "live.ca", "hotmail.ca", "live.com.au",
    ),
    Mailbox.YAHOO: (
        "yahoo.com", "ymail.com", "rocketmail.com", "aol.com",
        "yahoo.de", "yahoo.fr", "yahoo.co.uk", "yahoo.it", "yahoo.es", "yahoo.ca",
        "yahoo.com.br", "yahoo.com.au", "yahoo.co.in", "yahoo.in", "yahoo.com.mx",
        "aol.de", "aol.co.uk", "aol.fr",
    ),
}  # fmt: skip

_BY_DOMAIN = {domain: box for box, domains in DOMAINS.items() for domain in domains}


def mailbox_of(domain: str) -> Mailbox:
    return _BY_DOMAIN.get(domain.lower(), Mailbox.OTHER)


def of_contact(session: Session) -> ColumnElement[int]:
    """The provider of a contact's address, in SQL: one look at its domain, no network."""
    domain = text_after(session, Contact.email_norm, "@")
    return case(
        *((domain.in_(domains), int(box)) for box, domains in DOMAINS.items()),
        else_=int(Mailbox.OTHER),
    )


def name_of(code: int) -> str:
    """The provider's own name; "" for all the others together."""
    return NAMES.get(Mailbox(code), "")
