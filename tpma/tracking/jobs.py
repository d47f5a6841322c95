"""Hits whose web process is gone, and clicks that only time can tell more of."""

from datetime import datetime

from tpma import jobs
from tpma.system import System
from tpma.tracking import loading, service, unsubscribing


@jobs.sweeps("tracking.load")
def load(system: System) -> int:
    """What a web process left behind that died; the living load their own."""
    return loading.catch_up(system)


@jobs.handles("tracking.settle")
def settle(system: System, message_ids: list[int]) -> None:
    """Half a minute later: did the browser behind these clicks fetch the page's style sheet?"""
    with system.db.transaction() as session:
        service.rejudge(session, message_ids)


@jobs.handles("tracking.mailed_unsubscribe")
def mailed_unsubscribe(system: System, token: str, at: str) -> None:
    """A reader's client wrote to the address of List-Unsubscribe."""
    unsubscribing.by_mail(system, token, datetime.fromisoformat(at))
