"""Whose turn it is, and whether every limit has a place for it; both in one transaction.

A launch without a place is passed over and holds up nobody: what is sure to wait for long (a
window that is closed, a domain's day, a mailbox provider) is put off, what waits for seconds
(a slowed launch) is looked at again with the next claim.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from tpma.launches.models import Launch
from tpma.sending import lanes, limits
from tpma.sending.envelopes import reputation_of
from tpma.sending.lanes import Turn
from tpma.sending.limits import Ask, Grant, Short
from tpma.sending.windows import Window
from tpma.system import System

_MOST_PASSED = 5
_MOST_LOOKS = 50  # of one claim; the next claim goes on from there


def take(session: Session, system: System, owner: str, now: datetime) -> tuple[Turn, Grant] | None:
    """A turn and its places, all charged; None if it is nobody's turn now."""
    passed: list[UUID] = []
    for _look in range(_MOST_LOOKS):
        turn = lanes.next_turn(session, owner, now, passed)
        if turn is None or len(passed) == _MOST_PASSED:
            return None
        if _is_closed(session, turn, now):
            continue
        grant = _places(session, system, turn, now)
        if grant.count:
            return turn, grant
        if grant.until is not None and grant.short is not None:
            which = {"mailbox": int(turn.mailbox)} if grant.short is Short.MAILBOX else {}
            lanes.put_off(session, turn, grant.until, now, **which)
        else:
            passed.append(turn.launch_id)
    return None


def _places(session: Session, system: System, turn: Turn, now: datetime) -> Grant:
    domain = reputation_of(session, system, turn.launch_id)
    ask = Ask(system.mail.name, turn.launch_id, domain, turn.mailbox)
    wanted = lanes.canary_room(session, turn.launch_id, system.settings.send_batch)
    return limits.reserve(session, ask, wanted, now)


def _is_closed(session: Session, turn: Turn, now: datetime) -> bool:
    """A pause, a brake or a long queue may have brought a chunk to an hour at which its readers
    get no mail: it waits for the next one. Past the launch's last day it expires (T19)."""
    if not turn.zone:
        return False
    window = window_of(session.get_one(Launch, turn.launch_id))
    opens = window.opens(now, turn.zone)
    if opens == now:
        return False
    lanes.put_off(session, turn, opens, now, zone=turn.zone)
    return True


def window_of(launch: Launch) -> Window:
    return Window(launch.hours_from, launch.hours_until, launch.weekdays)
