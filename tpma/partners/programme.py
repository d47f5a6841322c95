"""What a vendor's admin sets for a whole programme: its holidays, and approval by rule."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.partners import calendars, queries
from tpma.partners.models import Programme

Limits = Mapping[str, Mapping[str, int]]
"""Key of a tier → currency → the largest value, in minor units, that is approved by rule."""


def change(
    session: Session, actor: Actor, programme: Programme, *, holidays: str, limits: Limits
) -> bool:
    """Set both; whether anything changed. The audit row holds what changed, before and after.

    Deadlines that run already stay as they were promised. Raises Invalid(field="holidays").
    """
    changes: dict[str, Any] = {}
    days = calendars.holidays(holidays)
    if days != programme.holidays:
        changes["holidays"] = {"before": programme.holidays, "after": days}
        programme.holidays = days
    for tier in queries.tiers(session, programme.tenant_id, programme.id):
        wanted = {c: minor for c, minor in limits.get(tier.key, {}).items() if minor > 0}
        if wanted != tier.auto_approve:
            changes[f"auto_approve.{tier.key}"] = {"before": tier.auto_approve, "after": wanted}
            tier.auto_approve = wanted
    if changes:
        record(session, actor, programme.tenant_id, "programme.changed", programme, **changes)
    return bool(changes)
