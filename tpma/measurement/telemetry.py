"""Figures for a monitoring system, in the text format of Prometheus (docs/operations.md).

Everything is counted in the database, so that any web process answers for all of them, and no
label holds more than ids, codes and states. Counting a large ledger takes time: an answer is
kept for ten seconds, and for at least twenty times as long as it took to make, so that scrapes
never take more than a twentieth of a connection.
"""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from time import monotonic

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.identity import platform
from tpma.measurement import telemetry_mail
from tpma.system import System

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LEAST_AGE = 10.0  # seconds
_SHARE = 20  # an answer is kept this many times as long as it took


class Exposition:
    """The newest answer of this process, made anew when it is too old."""

    def __init__(self, elapsed: Callable[[], float] = monotonic) -> None:
        self._elapsed = elapsed
        self._lock = Lock()
        self._text = b""
        self._until = float("-inf")

    def text(self, system: System) -> bytes:
        with self._lock:  # of scrapes at once, one counts and the others read what it found
            begun = self._elapsed()
            if begun >= self._until:
                self._text = exposition(system)
                done = self._elapsed()
                self._until = done + max(_LEAST_AGE, _SHARE * (done - begun))
            return self._text


def exposition(system: System) -> bytes:
    with system.db.reading() as session:
        found = [*telemetry_mail.families(session), *_jobs(session)]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Found(found))
    return generate_latest(registry)


class _Found(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _jobs(session: Session) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("tpma_jobs", "Jobs by state.", labels=["state"])
    for state, number in platform.job_counts(session).items():
        if state != "done":  # grows for ever and says nothing
            jobs.add_metric([state], number)
    yield jobs
    oldest = platform.overview(session).oldest_due
    waits = (clock_of(session)() - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily(
        "tpma_jobs_oldest_due_seconds",
        "How long the job due longest has waited; large when no worker runs.",
        value=waits,
    )
