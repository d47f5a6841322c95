"""Whom the law lets a partner write to, as one SQL condition: consents CONS-01 to CONS-06.

Beside it stands the age of a consent nobody made use of (CONS-07), which is no law, and is asked
where a launch is counted and planned.

`tpma.audiences.rules.law_fault` says the same for one person; a test holds the two together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Uuid,
    and_,
    case,
    column,
    func,
    literal,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.orm import Session

from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
)
from tpma.audiences.rules import implied_months, months_before
from tpma.identity.models import Organisation
from tpma.localization import packs
from tpma.localization.packs import ConsentLaw

FROM_VENDOR = "vendor"  # Contact.source of addresses a vendor handed over
MARKETING = ConsentPurpose.PARTNER_MARKETING
FORGOTTEN = "CONS-07"  # agreed long ago, and never got a mail
FORGOTTEN_AFTER = 24  # months
LAWS = (*(f"CONS-0{number}" for number in range(1, 7)), FORGOTTEN)  # why somebody is held back

# The ledger of mails stands further down the corridor: its table is named here, nothing of that
# room is called.
_mails = table("messages", column("tenant_id"), column("rcpt_key"), column("send_state"))


def newest(condition: ColumnElement[bool], purpose: ConsentPurpose) -> ColumnElement[bool]:
    """The newest row of the ledger for the contact and purpose meets the condition."""
    return func.coalesce(_of_newest(case((condition, 1), else_=0), purpose), 0) == 1


def _of_newest(what: Any, purpose: ConsentPurpose) -> Any:
    """By the end of the index and to its row at once; the highest number first, and then the row
    that has it, is a second look-up for each reader."""
    return (
        select(what)
        .where(Consent.contact_id == Contact.id, Consent.purpose == purpose)
        .order_by(Consent.seq.desc())
        .limit(1)
        .correlate(Contact)
        .scalar_subquery()
    )


def markets(session: Session, tenant_id: UUID) -> list[str]:
    """Where a partner's readers live, and its own country: what "strictest" is taken from."""
    lands = select(Contact.country).where(Contact.tenant_id == tenant_id, Contact.country != "")
    home = select(Organisation.country).where(Organisation.id == tenant_id)
    return sorted({*session.scalars(lands.distinct()), *session.scalars(home)})


def lawful(
    session: Session, tenant_id: UUID, now: datetime, purpose: ConsentPurpose = MARKETING
) -> ColumnElement[bool]:
    """This contact's newest consent carries mail in their country today, and we can prove it."""
    return legal_problem(session, tenant_id, now, purpose) == ""


def legal_problem(
    session: Session, tenant_id: UUID, now: datetime, purpose: ConsentPurpose = MARKETING
) -> ColumnElement[str]:
    """The rule id a contact fails ("CONS-02"), "" if none: the first that holds is told."""
    return problem_under(markets(session, tenant_id), now.date(), purpose)


def problem(
    session: Session, tenant_id: UUID, now: datetime, purpose: ConsentPurpose = MARKETING
) -> ColumnElement[str]:
    """As `legal_problem`, and CONS-07: whom a launch that is planned now leaves out."""
    lands = markets(session, tenant_id)
    return problem_under(lands, now.date(), purpose, forgotten_by=tenant_id)


def problem_under(
    lands: Sequence[str],
    today: date,
    purpose: ConsentPurpose = MARKETING,
    *,
    forgotten_by: UUID | None = None,
) -> ColumnElement[str]:
    """As `legal_problem`, told the markets (ISO 3166-1): their strictest law is that of readers
    whose country is unknown. Asks the ledger once a contact, however many laws there are.
    `forgotten_by` is the partner whose mails CONS-07 looks for; without it nothing is asked of age.

    Where no law is in force nobody can be judged, and everybody fails CONS-05.
    """
    known = packs.in_force(today)
    if not known:
        return literal("CONS-05")
    own = {country: pack.consent for country, pack in known.items()}
    strict = {"": packs.strictest(lands, today).consent}
    unmet = or_(*(fault for _rule, fault in _faults(strict, today)))
    whens: list[tuple[ColumnElement[bool], str]] = [
        (Consent.state != ConsentState.GRANTED, "CONS-01"),
        (Consent.evidence["purchased"].as_boolean(), "CONS-04"),
        (and_(Contact.source == FROM_VENDOR, ~_handed_over()), "CONS-06"),
        *((fault, rule) for rule, fault in _faults(own, today)),
        (and_(unmet, ~_in(known)), "CONS-05"),
    ]
    if forgotten_by is not None:
        whens.append((_forgotten(forgotten_by, today), FORGOTTEN))
    return func.coalesce(_of_newest(case(*whens, else_=""), purpose), "CONS-01")


def _forgotten(tenant_id: UUID, today: date) -> ColumnElement[bool]:
    """The consent, or the purchase it rests on, is two years old and no mail was ever taken. Who
    was written to is looked up once a statement, and only if somebody's consent is that old."""
    mailed = select(_mails.c.rcpt_key).where(
        _mails.c.tenant_id == literal(tenant_id, Uuid()), _mails.c.send_state == "accepted"
    )
    old = ~_since(months_before(today, FORGOTTEN_AFTER))
    return and_(old, Contact.hmac.not_in(mailed))


def _faults(
    laws: Mapping[str, ConsentLaw], today: date
) -> Iterator[tuple[str, ColumnElement[bool]]]:
    """(rule, what a consent fails it by) for the laws of countries, in the order they are told.

    "" stands for every country: its law is asked of whoever is looked at.
    """
    for basis in ConsentBasis:
        refusing = [land for land, law in laws.items() if not _carries(law, basis)]
        if refusing:
            yield "CONS-01", and_(Consent.basis == basis, _in(refusing))
    proving = [land for land, law in laws.items() if law.double_opt_in]
    if proving:
        unproven = and_(Consent.basis == ConsentBasis.CONSENT, Consent.confirmed_at.is_(None))
        yield "CONS-02", and_(unproven, _in(proving))
    ending: dict[tuple[int, int], list[str]] = {}
    for land, law in laws.items():
        months = implied_months(law, inquiry=False), implied_months(law, inquiry=True)
        if months[0]:
            ending.setdefault(months, []).append(land)
    for months, lands in ending.items():
        yield "CONS-03", and_(_lapsed(*months, today), _in(lands))


def _in(lands: Iterable[str]) -> ColumnElement[bool]:
    """The contact's country is one of these; of "" every contact's is.

    Looked for in one text: a list of thirty codes is thirty parameters, and SQLite makes a table
    of them for every contact.
    """
    codes = sorted(lands)
    if "" in codes:
        return true()
    return and_(Contact.country != "", literal(" ".join(codes)).contains(Contact.country))


def _carries(law: ConsentLaw, basis: ConsentBasis) -> bool:
    customers = basis is not ConsentBasis.SOFT_OPT_IN or law.existing_customer
    return basis.value in law.bases and customers


def _lapsed(bought: int, inquired: int, today: date) -> ColumnElement[bool]:
    """The implied consent rests on a purchase or an inquiry so many months old."""
    asked = func.coalesce(Consent.evidence["relation"].as_string(), "") == "inquiry"
    fresh = or_(
        and_(asked, _since(months_before(today, inquired))),
        and_(~asked, _since(months_before(today, bought))),
    )
    return and_(Consent.basis == ConsentBasis.SOFT_OPT_IN, ~fresh)


def _since(day: date) -> ColumnElement[bool]:
    start = datetime.combine(day, time.min, UTC)
    return or_(Consent.obtained_on >= day, and_(Consent.obtained_on.is_(None), Consent.at >= start))


def _handed_over() -> ColumnElement[bool]:
    """The transfer from the vendor is written down: contract, joint controllers, or a consent."""
    return func.coalesce(Consent.evidence["transfer"].as_string(), "") != ""


def agreed_before(day: date, purpose: ConsentPurpose = MARKETING) -> ColumnElement[bool]:
    """The contact's newest consent, or the purchase it rests on, is older than the day."""
    return newest(~_since(day), purpose)
