"""Addresses that bring bounces or answers nobody reads, as SQL conditions on a contact."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, or_

from tpma.audiences.models import Contact
from tpma.audiences.wordlists import words


def shared_mailbox() -> ColumnElement[bool]:
    """info@, sales@: read by several people, or by nobody."""
    names = sorted(words("mailboxes", "shared") | words("mailboxes", "machines"))
    return or_(*(Contact.email_norm.startswith(f"{name}@", autoescape=True) for name in names))


def disposable() -> ColumnElement[bool]:
    return _at(words("domains", "disposable"))


def mistyped() -> ColumnElement[bool]:
    return _at(words("domains", "typos"))


def _at(domains: Iterable[str]) -> ColumnElement[bool]:
    return or_(
        *(Contact.email_norm.endswith(f"@{name}", autoescape=True) for name in sorted(domains))
    )
