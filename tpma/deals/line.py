"""Who stands where for one account: the protected registration, and the line behind it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tpma.deals import rules
from tpma.deals.models import DealRegistration, DealState
from tpma.identity.models import Organisation


def lock(session: Session, deal: DealRegistration) -> None:
    """Decide about one account at a time: whoever comes second waits here and sees the first.

    Two statements, because a row inserted while the first one waited is not in its answer.
    """
    session.flush()
    session.execute(
        _same_account(deal)
        .with_only_columns(DealRegistration.id)
        .order_by(DealRegistration.id)
        .with_for_update()
    )
    session.execute(_same_account(deal).execution_options(populate_existing=True)).all()


def protector(session: Session, deal: DealRegistration, now: datetime) -> DealRegistration | None:
    """The registration that protects this account and product from `deal` (HARD conflict)."""
    zone = zone_of(session, deal)
    return next(
        (
            other
            for other in _others(session, deal, (DealState.APPROVED,))
            if other.protected_until is not None
            and rules.still_protected(other.protected_until, zone, now)
        ),
        None,
    )


def place(session: Session, deal: DealRegistration) -> int:
    """1 for the first complete undecided registration of the account and product."""
    if deal.complete_at is None:
        return 1
    mine = _priority(deal)
    return 1 + sum(_priority(other) < mine for other in _others(session, deal, rules.UNDECIDED))


def ahead(session: Session, deal: DealRegistration) -> DealRegistration | None:
    """The registration that has to be decided before `deal`, if there is one."""
    if deal.complete_at is None:
        return None
    first = min(_others(session, deal, rules.UNDECIDED), key=_priority, default=None)
    return first if first is not None and _priority(first) < _priority(deal) else None


def free(session: Session, deal: DealRegistration, now: datetime) -> bool:
    """Whether nothing stands before an approval."""
    return ahead(session, deal) is None and protector(session, deal, now) is None


def alone(session: Session, deal: DealRegistration, now: datetime) -> bool:
    """Whether nobody else protects, has registered or waits for the account and product."""
    others = _others(session, deal, (*rules.UNDECIDED, DealState.QUEUED))
    return not others and protector(session, deal, now) is None


def rivals(session: Session, deal: DealRegistration) -> list[DealRegistration]:
    """Those that must wait when `deal` becomes protected."""
    return _others(session, deal, rules.WAITING)


def waiting_behind(session: Session, deal: DealRegistration) -> list[DealRegistration]:
    """Those that were put in line because `deal` was protected, in their order."""
    return sorted(_others(session, deal, (DealState.QUEUED,)), key=_priority)


def own_open(session: Session, deal: DealRegistration) -> DealRegistration | None:
    """An open registration of the same partner for the same account and product."""
    same = _others(session, deal, rules.OPEN)
    return next((other for other in same if other.tenant_id == deal.tenant_id), None)


def other_partners(session: Session, deal: DealRegistration) -> list[str]:
    """Names that may not be said to the partner of `deal`."""
    found = session.scalars(
        select(Organisation)
        .join(DealRegistration, DealRegistration.tenant_id == Organisation.id)
        .where(
            DealRegistration.vendor_id == deal.vendor_id,
            DealRegistration.account_domain == deal.account_domain,
            DealRegistration.tenant_id != deal.tenant_id,
        )
    )
    return [name for row in found for name in (row.trading_name, row.legal_name) if name]


def zone_of(session: Session, deal: DealRegistration) -> str:
    """The vendor's zone, in which days of protection end."""
    return session.get_one(Organisation, deal.vendor_id).timezone


def _same_account(deal: DealRegistration) -> Select[DealRegistration]:
    return select(DealRegistration).where(
        DealRegistration.vendor_id == deal.vendor_id,
        DealRegistration.account_domain == deal.account_domain,
    )


def _others(
    session: Session, deal: DealRegistration, states: Iterable[DealState]
) -> list[DealRegistration]:
    if not deal.account_domain:
        return []
    found: Iterable[DealRegistration] = session.scalars(
        _same_account(deal).where(DealRegistration.state.in_(list(states)))
    )
    return [
        other
        for other in found
        if other.id != deal.id and rules.overlap(other.product_families, deal.product_families)
    ]


def _priority(deal: DealRegistration) -> rules.Priority:
    complete_at = deal.complete_at or deal.created_at
    return rules.priority(complete_at, len(rules.items(deal.evidence)), deal.id)
