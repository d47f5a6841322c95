"""What a feed needs from time to time; run by every worker, safe anywhere and any number of
times."""

from tpma.core.log import logger
from tpma.sending import feedback, watermark
from tpma.sending.events import canary
from tpma.system import System

_log = logger("events")


def tick(system: System) -> int:
    """Place what could not be placed, send canaries, raise alarms; how much there was to do."""
    return feedback.rematch(system) + canary.schedule(system) + _alarm(system)


def _alarm(system: System) -> int:
    """Log each watched feed that is silent: an alarm for whoever reads the log."""
    if canary.feed_of(system) is None:
        return 0
    with system.db.transaction() as session:
        stale = watermark.raise_alarms(session, system.clock())
    for name in stale:
        _log.error("event feed is silent", alarm="feed_stale", feed=name)
    return len(stale)
