"""The boxes somebody ticked, in the ledger of consents; asked once more where the law wants it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.listings import last_consents
from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    ConsentText,
    Contact,
    ContactStatus,
)
from tpma.core.bulk import insert_rows
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.launches.addresses import base_of
from tpma.leads.notices import Notices
from tpma.leads.places import Partner
from tpma.leads.words import said
from tpma.localization import packs
from tpma.pages.taking import Taken
from tpma.tracking.rules import Visit, agent_family, ip_prefix

OPEN_FOR = timedelta(days=7)
# Somebody else may type your address into a form, and again: so many questions a week, with a
# pause between two, and no more.
MOST_ASKED, PAUSE = 3, timedelta(minutes=10)
_PURPOSE = "doi"


@dataclass(frozen=True, slots=True)
class Given:
    """The boxes somebody ticked in a form."""

    taken: Taken
    contact: Contact
    country: str  # ISO 3166-1
    visit: Visit
    partner: Partner


@dataclass(slots=True)
class _Tick:
    """One of them, as the row of the ledger it becomes."""

    given: Given
    text: ConsentText
    row: dict[str, Any]
    is_asked: bool = False

    @property
    def key(self) -> tuple[UUID, ConsentPurpose]:
        return self.given.contact.id, self.row["purpose"]


def keep(session: Session, signer: Signer, base_url: str, forms: Sequence[Given]) -> Notices:
    """One row for each ticked box, with the wording and how we know. Empty boxes give nothing.

    What is to be asked by mail comes back, by its cause.
    """
    now = clock_of(session)()
    last = last_consents(session, [given.contact for given in forms])
    before: dict[tuple[UUID, ConsentPurpose], Mapping[str, Any]] = {
        key: {name: getattr(row, name) for name in _HELD} for key, row in last.items()
    }
    ticks = []
    for given in forms:
        for box, text in given.taken.ticked:
            tick = _tick(given, box, text, before, now)
            before[tick.key] = tick.row
            ticks.append(tick)
    rows = [tick.row for tick in ticks]
    if not _choose(session, ticks, last.keys(), now):
        insert_rows(session, Consent, rows)
        return {}
    numbers = session.connection().execute(_INSERT, rows).scalars()
    return dict(
        _question(signer, base_url, tick, number)
        for tick, number in zip(ticks, numbers, strict=True)
        if tick.is_asked
    )


_HELD = ("state", "basis", "asked_at", "confirmed_at", "obtained_on")
_INSERT = insert(Consent).returning(Consent.seq, sort_by_parameter_order=True)


def _tick(
    given: Given,
    box: Mapping[str, Any],
    text: ConsentText,
    before: Mapping[tuple[UUID, ConsentPurpose], Mapping[str, Any]],
    now: datetime,
) -> _Tick:
    purpose = ConsentPurpose(box["purpose"])
    newest = before.get((given.contact.id, purpose))
    law_asks = packs.pack_for(given.country, now.date()).consent.double_opt_in
    basis, state = _worth(newest, purpose, law_asks)
    row = {
        "tenant_id": given.contact.tenant_id,
        "contact_id": given.contact.id,
        "purpose": purpose,
        "basis": basis,
        "state": state,
        "at": now,
        "text_id": text.id,
        "locale": text.locale or given.contact.locale,
        "evidence": _evidence(given, box),
        **_proof(newest, basis),
    }
    return _Tick(given, text, row)


def _worth(
    newest: Mapping[str, Any] | None, purpose: ConsentPurpose, law_asks: bool
) -> tuple[ConsentBasis, ConsentState]:
    """What a tick is worth. A yes that holds stays one, and where a tick alone proves nothing, on
    the basis it had; who once withdrew is asked again wherever they live."""
    needs_proof = purpose is ConsentPurpose.PARTNER_MARKETING and law_asks
    if newest is not None and newest["state"] is ConsentState.GRANTED:
        return newest["basis"] if needs_proof else ConsentBasis.CONSENT, ConsentState.GRANTED
    asks = needs_proof or (newest is not None and purpose is ConsentPurpose.PARTNER_MARKETING)
    return ConsentBasis.CONSENT, ConsentState.PENDING_DOI if asks else ConsentState.GRANTED


def _proof(before: Mapping[str, Any] | None, basis: ConsentBasis) -> dict[str, Any]:
    """A second tick takes nothing away: who confirmed stays confirmed."""
    names = ("asked_at", "confirmed_at", "obtained_on")
    if (
        before is None
        or before["state"] is not ConsentState.GRANTED
        or before["basis"] is not basis
    ):
        return dict.fromkeys(names)
    return {name: before[name] for name in names}


def _choose(
    session: Session,
    ticks: Sequence[_Tick],
    known: Collection[tuple[UUID, ConsentPurpose]],
    now: datetime,
) -> bool:
    """Whether any is asked about, and which: three a week, ten minutes apart. The earlier link
    stays."""
    pending = [tick for tick in ticks if tick.row["state"] is ConsentState.PENDING_DOI]
    asked = _asked(session, {tick.given.contact.id for tick in pending if tick.key in known}, now)
    for tick in pending:
        before = asked.setdefault(tick.key, [])
        if len(before) < MOST_ASKED and (not before or now - max(before) >= PAUSE):
            tick.is_asked, tick.row["asked_at"] = True, now
            before.append(now)
    return any(tick.is_asked for tick in pending)


def _asked(
    session: Session, contacts: Collection[UUID], now: datetime
) -> dict[tuple[UUID, ConsentPurpose], list[datetime]]:
    """When these people were asked within the last week."""
    found: dict[tuple[UUID, ConsentPurpose], list[datetime]] = {}
    if not contacts:
        return found
    for contact_id, purpose, at in session.execute(
        _ASKED, {"contacts": [*contacts], "since": now - OPEN_FOR}
    ):
        if at is not None:
            found.setdefault((contact_id, purpose), []).append(at)
    return found


_ASKED = select(Consent.contact_id, Consent.purpose, Consent.asked_at).where(
    Consent.contact_id.in_(bindparam("contacts", expanding=True)),
    Consent.asked_at > bindparam("since"),
)


def _evidence(given: Given, box: Mapping[str, Any]) -> dict[str, Any]:
    visit = given.visit
    return {
        "page": str(given.taken.posted.page.id),
        "form": str(given.taken.id),
        "shown_text_sha256": box["sha256"],
        "checkbox": box["purpose"],
        "ip_prefix": ip_prefix(visit.address),
        "user_agent": agent_family(visit.agent),
        "captured_at": visit.at.isoformat(),
    }


def _question(
    signer: Signer, base_url: str, tick: _Tick, number: int
) -> tuple[str, dict[str, str]]:
    """The mail that asks, by its key."""
    posted = tick.given.taken.posted
    partner, locale = tick.given.partner.trading_name, posted.locale
    link = f"{base_of(posted.launch, base_url)}/confirm/{signer.token(number, _PURPOSE)}"
    cause = f"consent.ask:{number}"
    return cause, {
        "tenant_id": str(tick.given.contact.tenant_id),
        "recipient": tick.given.contact.email,
        "subject": said(locale, "subject", partner=partner),
        "body": said(locale, "body", partner=partner, text=tick.text.text, link=link),
        "locale": locale,
    }


def asked(session: Session, signer: Signer, token: str) -> Consent:
    """The question a confirmation link is about. Raises NotFound for a link that is not ours."""
    found = session.get(Consent, signer.subject(token, _PURPOSE))
    if found is None:
        raise NotFound(_("This link is not one of ours."))
    return found


def confirm(session: Session, row: Consent, visit: Visit) -> None:
    """The person said yes a second time. Twice is once.

    Raises Conflict if the question is older than seven days, was answered otherwise, or the
    person was forgotten.
    """
    contact = session.scalars(
        select(Contact)
        .where(Contact.id == row.contact_id, Contact.tenant_id == row.tenant_id)
        .with_for_update()
    ).one()
    is_late = clock_of(session)() - row.at > OPEN_FOR
    if is_late or contact.status is ContactStatus.ERASED:
        raise Conflict(_("This question is no longer open."))
    audiences.confirm_consent(
        session,
        contact,
        row.purpose,
        {
            **row.evidence,
            "channel": "double_opt_in",
            "confirmed_from": ip_prefix(visit.address),
            "confirmed_with": agent_family(visit.agent),
            "signed_up_at": row.at.isoformat(),
        },
        asked_at=row.asked_at,
    )


def partner_of(session: Session, row: Consent) -> Organisation:
    return session.get_one(Organisation, row.tenant_id)


def shown_text(session: Session, row: Consent) -> str:
    """The wording the question was about."""
    text = session.get(ConsentText, row.text_id) if row.text_id else None
    return text.text if text else ""


def shared(taken: Taken) -> bool:
    """Whether they agreed that the vendor gets their details."""
    wanted = ConsentPurpose.SHARE_WITH_VENDOR.value
    return any(box["purpose"] == wanted for box, _text in taken.ticked)
