"""Addresses nobody may write to: put on a list, and taken off it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.audiences.models import (
    Contact,
    Suppression,
    SuppressionReason,
    SuppressionScope,
)
from tpma.audiences.rules import may_lift
from tpma.core.bulk import insert_free, new_ids, new_marks
from tpma.core.db import clock_of
from tpma.core.errors import NotAllowed
from tpma.core.i18n import gettext as _
from tpma.core.signing import Signer
from tpma.core.text import Address, email_address
from tpma.identity.rules import Actor
from tpma.identity.service import record

HASH_OWNER = "platform"
"""Whose hash addresses are known by: one for all scopes, so that one column joins them."""

# A stronger reason replaces a weaker one, never the other way round.
_STRENGTH = {
    reason: n
    for n, reason in enumerate(
        ("soft_bounce", "manual", "hard_bounce", "unsubscribe", "complaint", "erasure")
    )
}


def address_hash(signer: Signer, email_norm: str) -> bytes:
    """16 bytes an address is known by once it is gone; also `messages.rcpt_key`."""
    return signer.keyed_hash(HASH_OWNER, email_norm)


def suppress(
    session: Session,
    signer: Signer,
    tenant_id: UUID | None,
    address: str | Address,
    reason: SuppressionReason,
    source: str,
    scope: SuppressionScope = SuppressionScope.PARTNER,
    actor: Actor | None = None,
) -> Suppression:
    """Nobody of this scope writes to the address again. `tenant_id` None: the platform's list.

    Known already: the stronger reason stays. Raises Invalid for what is no address.
    """
    known = address if isinstance(address, Address) else email_address(address)
    hashed = address_hash(signer, known.norm)
    found = _suppress(session, tenant_id, scope, hashed, reason, source, half_shown(known.shown))
    record(session, actor, tenant_id, "suppression.added", found, reason=reason.value)
    return found


class Person(NamedTuple):
    """A contact as far as it takes to stop writing to them."""

    id: UUID
    tenant_id: UUID
    locale: str
    email: str
    hmac: bytes | None


def person_of(contact: Contact) -> Person:
    return Person(contact.id, contact.tenant_id, contact.locale, contact.email, contact.hmac)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An address to put on a list: its hash, and what of it may be shown."""

    tenant_id: UUID | None
    hashed: bytes
    shown: str

    @property
    def key(self) -> tuple[UUID | None, bytes]:
        return self.tenant_id, self.hashed


def _suppress(
    session: Session,
    tenant_id: UUID | None,
    scope: SuppressionScope,
    hashed: bytes,
    reason: SuppressionReason,
    source: str,
    shown: str,
) -> Suppression:
    entry = _Entry(tenant_id, hashed, shown)
    _suppress_all(session, scope, [entry], reason, source)
    return _known(session, scope, [entry])[entry.key]


def _suppress_all(
    session: Session,
    scope: SuppressionScope,
    entries: Sequence[_Entry],
    reason: SuppressionReason,
    source: str,
) -> None:
    """One write for any number, and a read where some are known or somebody adds the same now.

    On the platform's list, whose rows have no owner, no key forbids the second: it is read first.
    """
    is_owned = all(entry.tenant_id for entry in entries)
    found = {} if is_owned else _known(session, scope, entries)
    missing = [entry for entry in entries if entry.key not in found]
    if _insert(session, scope, missing, reason, source) < len(missing):
        found |= _known(session, scope, missing)
    for entry in entries:
        row = found.get(entry.key)
        if row is None:  # it was added as it should be
            continue
        if row.lifted_at is not None or _STRENGTH[reason] > _STRENGTH[row.reason]:
            row.reason, row.source, row.lifted_at = reason, source[:200], None
            row.shown = "" if reason is SuppressionReason.ERASURE else entry.shown
        row.list_id = None  # known by itself now: taking a list back leaves it
    session.flush()


def _known(
    session: Session, scope: SuppressionScope, entries: Sequence[_Entry]
) -> dict[tuple[UUID | None, bytes], Suppression]:
    wanted = {entry.key for entry in entries}
    rows = session.scalars(
        select(Suppression).where(
            Suppression.email_hmac.in_([entry.hashed for entry in entries]),
            Suppression.scope == scope,
        )
    )
    keyed = (((row.tenant_id, row.email_hmac), row) for row in rows)
    return {key: row for key, row in keyed if key in wanted}


def _suppression(
    session: Session, tenant_id: UUID | None, scope: SuppressionScope, hashed: bytes | None
) -> Suppression | None:
    return session.scalar(
        select(Suppression).where(
            Suppression.tenant_id == tenant_id if tenant_id else Suppression.tenant_id.is_(None),
            Suppression.scope == scope,
            Suppression.email_hmac == hashed,
        )
    )


def _insert(
    session: Session,
    scope: SuppressionScope,
    entries: Sequence[_Entry],
    reason: SuppressionReason,
    source: str,
) -> int:
    """How many were not there. Two at once may mean the same address: the second meets the row
    of the first."""
    ordered = sorted(entries, key=lambda entry: entry.hashed)
    is_erased = reason is SuppressionReason.ERASURE
    rows = [
        {
            "id": id_,
            "tenant_id": entry.tenant_id,
            "email_hmac": entry.hashed,
            "shown": "" if is_erased else entry.shown,
        }
        for id_, entry in zip(new_ids(session, len(ordered)), ordered, strict=True)
    ]
    return insert_free(
        session,
        Suppression,
        rows,
        scope=scope,
        reason=reason,
        source=source[:200],
        lifted_at=None,
        **new_marks(session),
    )


def half_shown(address: str) -> str:
    """a…@harborpoint.example: enough to recognise, not enough to write to."""
    local, _at, domain = address.partition("@")
    return f"{local[:1]}…@{domain}"


def lift(
    session: Session,
    actor: Actor | None,
    entry: Suppression,
    owner: SuppressionScope = SuppressionScope.PARTNER,
) -> None:
    """Take an address off its owner's list. Raises NotAllowed where only the person may."""
    if not may_lift(entry.reason, entry.scope, owner):
        raise NotAllowed(_("Only the person can undo this, by signing up and confirming again."))
    entry.lifted_at = clock_of(session)()
    record(session, actor, entry.tenant_id, "suppression.lifted", entry, reason=entry.reason.value)


def suppress_contact(
    session: Session, contact: Contact, reason: SuppressionReason, source: str
) -> None:
    """Put a contact's own address on its partner's list."""
    suppress_people(session, [person_of(contact)], reason, source)


def suppress_people(
    session: Session, people: Sequence[Person], reason: SuppressionReason, source: str
) -> None:
    """Put these people's own addresses on their partners' lists."""
    entries = [
        _Entry(person.tenant_id, person.hmac, half_shown(person.email))
        for person in people
        if person.hmac is not None
    ]
    if entries:
        _suppress_all(session, SuppressionScope.PARTNER, entries, reason, source)


def lift_unsubscribe(session: Session, contact: Contact) -> None:
    """After the person signed up and confirmed again. Other reasons stay."""
    found = _suppression(session, contact.tenant_id, SuppressionScope.PARTNER, contact.hmac)
    if found and found.reason is SuppressionReason.UNSUBSCRIBE and found.lifted_at is None:
        found.lifted_at = clock_of(session)()


def lift_soft_bounce(session: Session, contact: Contact) -> bool:
    """After its time; False if the address is free already, or closed for another reason."""
    found = _suppression(session, contact.tenant_id, SuppressionScope.PARTNER, contact.hmac)
    if not found or found.reason is not SuppressionReason.SOFT_BOUNCE or found.lifted_at:
        return False
    found.lifted_at = clock_of(session)()
    record(session, None, contact.tenant_id, "suppression.lifted", found, reason=found.reason.value)
    return True
