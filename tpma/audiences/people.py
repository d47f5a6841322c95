"""Whom a partner gets to know: its contact with an address, found or new, and what fills it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact, ContactStatus
from tpma.audiences.suppressing import address_hash
from tpma.core.bulk import insert_free, new_rows
from tpma.core.signing import Signer
from tpma.core.text import Address, email_address, registrable_domain

_FILLABLE = ("given_name", "family_name", "title", "phone", "company", "country", "locale")
_Key = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Met:
    """Somebody gave their address to a partner; `known` is what else they told."""

    tenant_id: UUID
    address: Address
    source: str
    source_detail: str
    known: Mapping[str, str]

    @property
    def key(self) -> _Key:
        return self.tenant_id, self.address.norm


def find_or_create_contact(
    session: Session,
    signer: Signer,
    tenant_id: UUID,
    email: str | Address,
    *,
    source: str,
    source_detail: str = "",
    **known: str,
) -> Contact:
    """The partner's contact with this address. `known` fills what is still empty, and no more.

    Raises Invalid for what is no address.
    """
    address = email if isinstance(email, Address) else email_address(email)
    [found] = contacts_of(session, signer, [Met(tenant_id, address, source, source_detail, known)])
    fill(found, known)
    session.flush()
    return found


def contacts_of(session: Session, signer: Signer, people: Sequence[Met]) -> list[Contact]:
    """For each the contact with their address, new with what they told where there was none.

    All are locked: two forms of one person at once are judged one after the other. Whoever comes
    at the same moment meets the rows in the same order, first new ones and then all, so that no
    two wait for each other.
    """
    session.flush()
    firsts: dict[_Key, Met] = {}
    for met in people:
        firsts.setdefault(met.key, met)
    keys = sorted(firsts)
    rows = [
        row | _new(signer, firsts[key])
        for row, key in zip(new_rows(session, len(keys)), keys, strict=True)
    ]
    insert_free(session, Contact, rows)
    found = _locked(session, keys)
    return [found[met.key] for met in people]


def _new(signer: Signer, met: Met) -> dict[str, object]:
    address = met.address
    return {
        "tenant_id": met.tenant_id,
        "email": address.shown,
        "email_norm": address.norm,
        "company_domain": registrable_domain(address.domain) or "",
        "hmac": address_hash(signer, address.norm),
        "source": met.source,
        "source_detail": met.source_detail[:200],
        "status": ContactStatus.ACTIVE,
        **{field: met.known.get(field) or "" for field in _FILLABLE},
    }


def _locked(session: Session, keys: Sequence[_Key]) -> dict[_Key, Contact]:
    """In the order of their ids, as whoever locks several contacts does it."""
    if not keys:
        return {}
    tenants = {tenant_id for tenant_id, _norm in keys}
    norms = [norm for _tenant_id, norm in keys]
    rows = session.scalars(_LOCKED, {"tenants": [*tenants], "norms": norms})
    return {(contact.tenant_id, contact.email_norm): contact for contact in rows}


_LOCKED = (
    select(Contact)
    .where(
        Contact.tenant_id.in_(bindparam("tenants", expanding=True)),
        Contact.email_norm.in_(bindparam("norms", expanding=True)),
    )
    .order_by(Contact.id)
    .with_for_update()
)


def fill(contact: Contact, known: Mapping[str, str]) -> None:
    """What is still empty, and no more."""
    for field in _FILLABLE:
        if known.get(field) and not getattr(contact, field):
            setattr(contact, field, known[field])


def forget(contact: Contact) -> None:
    """Empty whatever was ever told of them."""
    for field in (*_FILLABLE, "email", "company_domain", "source_detail"):
        setattr(contact, field, "")
