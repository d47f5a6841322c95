"""The network part of a batch: outside any transaction, paced, many calls at a time."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending.limits import Grant
from tpma.sending.preparing import Prepared
from tpma.system import System

CALL_SECONDS = 30.0  # from the commit of the intent to the last moment a submission may begin
LONGEST_CALL = 35.0  # of one submission: 3 s to connect and 30 s to read, rounded up


def deadline() -> float:
    """The last moment for submissions whose intent is committed from now on.

    Taken before that commit: a worker frozen right after it must find the moment over.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME) + CALL_SECONDS


class HandOver:
    """Hands committed mails to the transport, each in its place of the rate.

    Threads hide the provider's latency where the transport gains by it; they live as long as
    the `with`.
    """

    def __init__(self, system: System, sleep: Callable[[float], None] = time.sleep) -> None:
        self._mail = system.mail
        self._sleep = sleep
        parallel = system.mail.capabilities.parallel
        self._threads = system.settings.send_threads if parallel else 1
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> "HandOver":
        if self._threads > 1:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="hand-over")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def __call__(
        self, committed: Sequence[Prepared], grant: Grant, deadline: float
    ) -> list[tuple[Prepared, SendResult]]:
        """What came of each; none begins after `deadline`. After a "not now" that concerns more
        than one mail the rest is not even tried: it is known to be unsent."""
        run = _Run(self._mail.send, self._sleep, grant, deadline)
        places = range(len(committed))
        if self._pool is None:
            results = list(map(run.one, committed, places))
        else:
            results = list(self._pool.map(run.one, committed, places))
        return list(zip(committed, results, strict=True))


class _Run:
    """One batch under way."""

    def __init__(
        self,
        send: Callable[..., SendResult],
        sleep: Callable[[float], None],
        grant: Grant,
        deadline: float,
    ) -> None:
        self._send = send
        self._sleep = sleep
        self._grant = grant
        self._begun = time.monotonic()
        self._deadline = deadline
        self._held: SendResult | None = None

    def one(self, prepared: Prepared, place: int) -> SendResult:
        self._wait_for(place)
        if self._held is not None:
            return self._held
        result = self._send(prepared.envelope, self._deadline)
        if result.outcome is Outcome.NOT_SENT and result.scope is not Scope.MESSAGE:
            self._held = result
        return result

    def _wait_for(self, place: int) -> None:
        due = self._begun + self._grant.wait + place * self._grant.gap
        left = due - time.monotonic()
        if left > 0 and self._held is None:
            self._sleep(left)
