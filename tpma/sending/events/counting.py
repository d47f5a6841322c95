"""How many events of each kind ended how: by day, for the doctor and for alarms."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.sending.events.models import EventCount


def count(session: Session, now: datetime, source: str, kind: str, result: str) -> None:
    """Add one. The last statement of its transaction: this row is everybody's."""
    told = upsert(session, EventCount).values(
        day=now.strftime("%Y-%m-%d"), source=source[:16], kind=kind[:24], result=result, n=1
    )
    session.execute(
        told.on_conflict_do_update(
            index_elements=["day", "source", "kind", "result"], set_={"n": EventCount.n + 1}
        )
    )


def counted(session: Session, result: str) -> int:
    """All events that ended so."""
    return int(
        session.scalar(select(func.sum(EventCount.n)).where(EventCount.result == result)) or 0
    )
