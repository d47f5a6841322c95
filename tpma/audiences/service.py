"""What happens to people's data: known, consent given and withdrawn, suppressed, erased."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from tpma.audiences.listings import Standing, newest_consent
from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    ConsentText,
    Contact,
    ContactImport,
    ContactStatus,
    ContactTag,
    ImportRow,
    SuppressionReason,
)
from tpma.audiences.people import Met, contacts_of, fill, find_or_create_contact, forget
from tpma.audiences.suppressing import (
    Person,
    address_hash,
    lift,
    lift_soft_bounce,
    lift_unsubscribe,
    person_of,
    suppress,
    suppress_contact,
    suppress_people,
)
from tpma.core.bulk import insert_free, insert_rows, new_rows
from tpma.core.db import clock_of
from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.identity.service import Change, record, record_all

__all__ = [
    "Leaving",
    "Met",
    "Person",
    "Wording",
    "address_hash",
    "confirm_consent",
    "contacts_of",
    "erase",
    "fill",
    "find_or_create_contact",
    "keep_wordings",
    "lift",
    "lift_soft_bounce",
    "record_consent",
    "set_opt_in_only",
    "set_tracks_readers",
    "suppress",
    "suppress_contact",
    "withdraw",
    "withdraw_all",
]


@dataclass(frozen=True, slots=True)
class Wording:
    """The text of a box as people are shown it."""

    tenant_id: UUID
    purpose: ConsentPurpose
    locale: str
    version: str
    text: str
    recipients_named: Sequence[str]
    sha256: str

    @property
    def key(self) -> tuple[UUID, str]:
        return self.tenant_id, self.sha256


def keep_wordings(
    session: Session, shown: Iterable[Wording]
) -> dict[tuple[UUID, str], ConsentText]:
    """Texts word for word, by tenant and hash; the same words are kept once."""
    wanted: dict[tuple[UUID, str], Wording] = {}
    for wording in shown:
        wanted.setdefault(wording.key, wording)
    if not wanted:
        return {}
    found = _wordings(session, wanted)
    missing = sorted(wanted.keys() - found.keys())
    if not missing:
        return found
    rows = [
        row | {name: getattr(wanted[key], name) for name in Wording.__slots__}
        for row, key in zip(new_rows(session, len(missing)), missing, strict=True)
    ]
    insert_free(session, ConsentText, rows)
    return found | _wordings(session, missing)


_WORDINGS = select(ConsentText).where(
    ConsentText.tenant_id.in_(bindparam("tenants", expanding=True)),
    ConsentText.sha256.in_(bindparam("hashes", expanding=True)),
)


def _wordings(
    session: Session, keys: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], ConsentText]:
    tenants, hashes = ({key[place] for key in keys} for place in (0, 1))
    rows = session.scalars(_WORDINGS, {"tenants": [*tenants], "hashes": [*hashes]})
    return {key: text for text in rows if (key := (text.tenant_id, text.sha256)) in keys}


def record_consent(
    session: Session,
    contact: Contact,
    purpose: ConsentPurpose,
    basis: ConsentBasis,
    text: ConsentText | None = None,
    locale: str = "",
    evidence: Mapping[str, Any] | None = None,
    state: ConsentState = ConsentState.GRANTED,
) -> Consent:
    """One more row of the ledger. `state` is PENDING_DOI where the person must still confirm."""
    row = Consent(
        tenant_id=contact.tenant_id,
        contact_id=contact.id,
        purpose=purpose,
        basis=basis,
        state=state,
        at=clock_of(session)(),
        text_id=text.id if text else None,
        locale=locale or contact.locale,
        evidence=dict(evidence or {}),
    )
    session.add(row)
    session.flush()
    return row


def confirm_consent(
    session: Session,
    contact: Contact,
    purpose: ConsentPurpose,
    evidence: Mapping[str, Any],
    *,
    asked_at: datetime | None = None,
) -> Consent:
    """The person confirmed what they were asked: when, by which mail and in which words is the
    proof CONS-02 looks for. Twice is once. An earlier unsubscribe is over.

    Raises Conflict if nothing was asked, or it was withdrawn since.
    """
    asked = newest_consent(session, contact, purpose)
    if asked is not None and asked.state is ConsentState.GRANTED:
        return asked
    if asked is None or asked.state is not ConsentState.PENDING_DOI:
        raise Conflict(_("This question is no longer open. Sign up again if you wish to."))
    row = record_consent(
        session, contact, purpose, asked.basis, locale=asked.locale, evidence=evidence
    )
    row.text_id = asked.text_id
    row.asked_at, row.confirmed_at = asked_at or asked.asked_at or asked.at, row.at
    if purpose == ConsentPurpose.PARTNER_MARKETING:
        lift_unsubscribe(session, contact)
    return row


def withdraw(
    session: Session,
    contact: Contact,
    purpose: ConsentPurpose,
    channel: str,
    actor: Actor | None = None,
) -> None:
    """The person no longer agrees; `channel` says how we know (one_click, page, portal…).

    For the partner's own mail the address is suppressed too. Doing it twice changes nothing.
    """
    newest = newest_consent(session, contact, purpose)
    held = Standing(newest.state, newest.basis) if newest else None
    request = structlog.contextvars.get_contextvars().get("request", "")
    leaving = Leaving(person_of(contact), held, request)
    withdraw_all(session, [leaving], purpose, channel, actor)


@dataclass(frozen=True, slots=True)
class Leaving:
    """One person who no longer agrees; `held` is what the ledger says of them."""

    person: Person
    held: Standing | None
    request_id: str


def withdraw_all(
    session: Session,
    leavers: Sequence[Leaving],
    purpose: ConsentPurpose,
    channel: str,
    actor: Actor | None = None,
) -> None:
    """`withdraw` for several people, each once."""
    session.flush()
    going = [
        one for one in leavers if one.held is None or one.held.state is not ConsentState.WITHDRAWN
    ]
    evidence = {"channel": channel}
    insert_rows(
        session,
        Consent,
        [_withdrawn(one) for one in going],
        purpose=purpose,
        state=ConsentState.WITHDRAWN,
        at=clock_of(session)(),
        text_id=None,
        evidence=evidence,
        asked_at=None,
        confirmed_at=None,
    )
    changes = [
        Change(one.person.tenant_id, one.person.id, evidence, one.request_id) for one in going
    ]
    record_all(session, actor, Contact, "consent.withdrawn", changes)
    if purpose == ConsentPurpose.PARTNER_MARKETING:
        people = [one.person for one in leavers]
        suppress_people(session, people, SuppressionReason.UNSUBSCRIBE, channel)


def _withdrawn(one: Leaving) -> dict[str, Any]:
    return {
        "tenant_id": one.person.tenant_id,
        "contact_id": one.person.id,
        "basis": one.held.basis if one.held else ConsentBasis.CONSENT,
        "locale": one.person.locale,
    }


def erase(session: Session, actor: Actor | None, contact: Contact) -> None:
    """Forget a person: nothing that names them stays but a keyed hash, so that a later import
    cannot bring them back. The row itself stays as a tombstone for the figures that count it."""
    suppress_contact(session, contact, SuppressionReason.ERASURE, "")
    _forget_staged(session, contact)
    session.execute(delete(ContactTag).where(ContactTag.contact_id == contact.id))
    for row in session.scalars(select(Consent).where(Consent.contact_id == contact.id)):
        row.evidence = {k: row.evidence[k] for k in _PROOF if k in row.evidence}
    forget(contact)
    contact.email_norm, contact.hmac = f"erased:{contact.id}", None
    contact.status = ContactStatus.ERASED
    record(session, actor, contact.tenant_id, "contact.erased", contact)
    session.flush()


# What of the evidence still proves a consent without telling who gave it.
_PROOF = ("channel", "import", "form", "page", "shown_text_sha256", "checkbox")


def set_opt_in_only(session: Session, actor: Actor, tenant_id: UUID, on: bool) -> None:
    """Whether mails of this partner (or of this vendor's kits) go only to who signed up."""
    company = session.get_one(Organisation, tenant_id, with_for_update=True)
    if company.opt_in_only == on:
        return
    company.opt_in_only = on
    record(session, actor, tenant_id, "organisation.opt_in_only", company, on=on)
    session.flush()


def set_tracks_readers(session: Session, actor: Actor, tenant_id: UUID, on: bool) -> None:
    """Whether mails of this partner (or of this vendor's kits) may tell who opened and clicked."""
    company = session.get_one(Organisation, tenant_id, with_for_update=True)
    if company.tracks_readers == on:
        return
    company.tracks_readers = on
    record(session, actor, tenant_id, "organisation.tracks_readers", company, on=on)
    session.flush()


def _forget_staged(session: Session, contact: Contact) -> None:
    """Rows of an import that wait in its error file."""
    own = select(ContactImport.id).where(ContactImport.tenant_id == contact.tenant_id)
    session.execute(
        delete(ImportRow).where(
            ImportRow.import_id.in_(own), ImportRow.email_norm == contact.email_norm
        )
    )
