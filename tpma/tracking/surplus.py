"""Clicks that brought nobody to the page: what a machine we take for a person leaves behind.

Whoever clicks in a mail arrives at the landing page. Where the clicks we count as people's are
more than three times the visits we count as people's, a scanner slips through the rules.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from tpma.launches.models import Launch, Link
from tpma.launches.rules import LIVE
from tpma.rendering.links import PAGE
from tpma.tracking.models import EventType, TrackingCount, Verdict

MOST = 3.0  # clicks for each visit
LEAST = 20  # clicks before a share of them says anything


@dataclass(frozen=True, slots=True)
class Surplus:
    """Of one launch that is not over, both as we count people's."""

    launch_id: UUID
    code: str  # campaign code
    clicks: int  # on links that lead to the landing page
    visits: int

    @property
    def each(self) -> float:
        """Clicks for each visit; without any visit every click is one too many."""
        return self.clicks / max(self.visits, 1)

    @property
    def alarming(self) -> bool:
        return self.each > MOST


def surpluses(session: Session) -> list[Surplus]:
    """Launches under way with enough clicks to judge by, the most suspicious first."""
    count = TrackingCount
    leads_there = (
        select(Link.seq)
        .where(Link.launch_id == count.launch_id, Link.key == count.link_key, Link.target == PAGE)
        .correlate(count)
        .exists()
    )
    clicked = case(((count.type == EventType.CLICK) & leads_there, count.hits), else_=0)
    visited = case((count.type == EventType.PAGE_VIEW, count.hits), else_=0)
    clicks, visits = func.sum(clicked), func.sum(visited)
    rows = session.execute(
        select(Launch.id, Launch.campaign_code, clicks, visits)
        .join(Launch, Launch.id == count.launch_id)
        .where(Launch.state.in_(LIVE), count.verdict == Verdict.HUMAN)
        .where(count.type.in_([EventType.CLICK, EventType.PAGE_VIEW]))
        .group_by(Launch.id, Launch.campaign_code)
        .having(clicks >= LEAST)
    )
    found = [Surplus(launch, code, int(c), int(v)) for launch, code, c, v in rows]
    return sorted(found, key=lambda one: (-one.each, one.code))


def alarming(session: Session) -> list[Surplus]:
    return [one for one in surpluses(session) if one.alarming]
