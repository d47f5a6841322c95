"""What the provider lets us send, asked once a minute by whichever worker comes first."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.core.errors import Unavailable
from tpma.core.log import logger
from tpma.ports.mail import Quota
from tpma.sending import limits, rates, warmup
from tpma.sending.models import ProviderAccount
from tpma.system import System

_log = logger("sending")
ASK_EVERY = timedelta(minutes=1)
_UNKNOWN = Quota(0.0, 0.0, 0.0, sending_enabled=False, sandbox=False, enforcement="UNKNOWN")


def refresh(system: System) -> bool:
    """Ask, and set the account's rate by the answer; False if somebody did within the minute.

    Without an answer the last one stays in force; before the first, nothing is sent.
    """
    if not system.mail.capabilities.leaves_machine or not _my_turn(system):
        return False
    try:
        told = system.mail.quota()
    except Unavailable as error:
        _log.warning("the provider's limits are not known", why=error.message)
        return False
    with system.db.transaction() as session:
        _keep(session, system, told)
        if domain := warmup.organisational(system.settings.mail_domain):
            warmup.begin(session, domain, system.clock(), known=True)
    return True


def _my_turn(system: System) -> bool:
    """One worker a minute: whoever moves the date on asks."""
    now = system.clock()
    with system.db.transaction() as session:
        moved = session.scalars(
            update(ProviderAccount)
            .where(ProviderAccount.transport == system.mail.name)
            .where(ProviderAccount.read_at <= now - ASK_EVERY)
            .values(read_at=now)
            .returning(ProviderAccount.transport)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if moved is not None:
            return True
        first = upsert(session, ProviderAccount).values(
            transport=system.mail.name, read_at=now, **_columns(_UNKNOWN)
        )
        made = session.execute(
            first.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        )
        return bool(made.rowcount == 1)  # type: ignore[attr-defined]


def _columns(quota: Quota) -> dict[str, float | bool | str]:
    return {
        "max_per_second": quota.max_per_second,
        "max_24h": quota.max_24h,
        "sent_24h": quota.sent_24h,
        "sending_enabled": quota.sending_enabled,
        "sandbox": quota.sandbox,
        "enforcement": quota.enforcement,
    }


def _keep(session: Session, system: System, told: Quota | None) -> None:
    """A transport without limits of its own may still be given a rate (TPMA_SEND_RATE)."""
    ours = system.settings.send_rate
    rates_known = [rates.SHARE * told.max_per_second] if told else []
    wanted = min([*rates_known, *([ours] if ours else [])], default=None)
    now = system.clock()
    limits.set_rate(session, limits.account_scope(system.mail.name), wanted, now)
    account = session.get_one(ProviderAccount, system.mail.name)
    quota = told or Quota(0.0, -1.0, 0.0, sending_enabled=True, sandbox=False, enforcement="NONE")
    for name, value in _columns(quota).items():
        setattr(account, name, value)
