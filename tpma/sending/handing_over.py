"""The network part of a wave: outside any transaction, paced, many calls at a time."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from threading import Lock
from types import TracebackType

from tpma.ports.mail import BulkTransport, MailTransport, Outcome, Scope, SendResult
from tpma.sending.limits import Grant
from tpma.sending.preparing import Prepared
from tpma.system import System

CALL_SECONDS = 30.0  # from the commit of the intent to the last moment a submission may begin
LONGEST_CALL = 35.0  # of one submission: 3 s to connect and 30 s to read, rounded up
LATE = 0.3  # seconds; less is the end of a wave or of a turn (rates.BRIEF), and made up for
_SWITCH = 0.0003  # seconds; what it costs to hand a call to a thread, and more
_REMEMBERED = 16  # calls whose times are known
_PART = 0.4  # of a call's work: a wait of so much is worth one more thread
Results = list[tuple[Prepared, SendResult]]


def deadline() -> float:
    """The last moment for submissions whose intent is committed from now on.

    Taken before that commit: a worker frozen right after it must find the moment over.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME) + CALL_SECONDS


class HandOver:
    """Hands committed mails to the transport, each in its place of the rate.

    Threads hide the provider's latency where the transport gains by it, as many as that takes: the
    interpreter runs one at a time, so more of them, and any at all for a provider that answers at
    once, only wait for one another and keep who writes the ledger waiting. The first call is made
    alone and tells how far the provider is; the calls after it go on telling. Threads live as long
    as the `with`.
    """

    def __init__(self, system: System, sleep: Callable[[float], None] = time.sleep) -> None:
        self._mail = system.mail
        self._sleep = sleep
        parallel = system.mail.capabilities.parallel
        self._most = system.settings.send_threads if parallel else 1
        self._pool: ThreadPoolExecutor | None = None
        self._spent = Spent()

    def __enter__(self) -> "HandOver":
        if self._most > 1:
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="hand-over")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    @property
    def threads(self) -> int:
        """How many are worth it now; all of them while nobody knows."""
        return self._most if self._spent.is_unknown else min(self._most, self._spent.worth)

    def turn(self, grant: Grant) -> "Pace":
        """The places of a turn begin to run now."""
        return Pace(grant, self._sleep)

    def begin(
        self, committed: Sequence[Prepared], pace: "Pace", deadline: float
    ) -> Callable[[], Results]:
        """Hand these over; what is returned waits for the answers. None begins after `deadline`.

        After a "not now" that concerns more than one mail the rest is not even tried: it is
        known to be unsent.
        """
        calls = _calls(committed, self._mail.capabilities.batch_max)
        wave = _Wave(self._mail, calls, pace, deadline, self._spent)
        if self._pool is not None and self._spent.is_unknown:
            wave.make_one()
        threads = self.threads
        if self._pool is None or threads == 1:
            return wave.answers
        begun = [self._pool.submit(wave.make_all) for _each in range(threads)]
        return lambda: wave.answers(begun)


class Spent:
    """What the last calls took: seconds at the interpreter, and seconds away from it."""

    def __init__(self) -> None:
        self._calls: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    @property
    def is_unknown(self) -> bool:
        return not self._calls

    def add(self, busy: float, away: float) -> None:
        self._calls.append((busy, away))

    @property
    def worth(self) -> int:
        """Threads that fill the time one is away. The shortest is taken: in the others is the wait
        for the interpreter, which more threads make longer."""
        busy, away = map(min, zip(*list(self._calls), strict=True))
        return 1 + int(away / max(busy, _SWITCH) + 1 - _PART)


def _calls(committed: Sequence[Prepared], most: int) -> Iterator[Sequence[Prepared]]:
    """One mail a call; where a transport takes more, at most so many of one form."""
    if most == 1:
        yield from ((one,) for one in committed)
        return
    by_form = sorted(committed, key=_form_of)
    for _digest, group in groupby(by_form, key=_form_of):
        mails = list(group)
        yield from (mails[at : at + most] for at in range(0, len(mails), most))


def _form_of(prepared: Prepared) -> str:
    filled = prepared.envelope.filled
    return filled.form.digest if filled else ""


class Pace:
    """The places of one turn, given out in the order of its mails.

    Who is late does not catch up: on a machine with too much to do all workers are late together,
    and a second's places taken at once are a burst the provider answers with "not now".
    """

    def __init__(
        self,
        grant: Grant,
        sleep: Callable[[float], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._begun = now()
        self._lock = Lock()
        self._grant = grant
        self._sleep = sleep
        self._next = 0
        self.held: SendResult | None = None  # the provider's "not now" to all that follows

    def taken(self, count: int) -> int:
        """Take places for a call of so many mails; the last of them is when it may begin."""
        self._next += count
        return self._next - 1

    def wait_for(self, place: int) -> None:
        own = self._grant.wait + place * self._grant.gap
        with self._lock:
            now = self._now()
            if now - own - self._begun > LATE:
                self._begun = now - own  # the places after this one are as late
            left = self._begun + own - now
        if left > 0:
            self._sleep(left)


class _Wave:
    """One wave under way: calls that any number of threads take, each the next one."""

    def __init__(
        self,
        mail: MailTransport,
        calls: Iterable[Sequence[Prepared]],
        pace: Pace,
        deadline: float,
        spent: Spent,
    ) -> None:
        self._mail = mail
        self._pace = pace
        self._deadline = deadline
        self._spent = spent
        self._left = deque((at, call, pace.taken(len(call))) for at, call in enumerate(calls))
        self._made: list[Results] = [[] for _call in self._left]

    def make_one(self) -> bool:
        """The next call; False if none is left."""
        try:
            at, call, place = self._left.popleft()
        except IndexError:
            return False
        self._made[at] = self._one(call, place)
        return True

    def make_all(self) -> None:
        while self.make_one():
            pass

    def answers(self, begun: Sequence[Future[None]] = ()) -> Results:
        """In the order of the mails, once all calls are made: by who has `begun`, or here."""
        for thread in begun:
            thread.result()
        self.make_all()
        return [each for call in self._made for each in call]

    def _one(self, call: Sequence[Prepared], place: int) -> Results:
        if self._pace.held is None:
            self._pace.wait_for(place)
        held = self._pace.held
        results = [held] * len(call) if held else self._measured(call)
        for result in results:
            if result.outcome is Outcome.NOT_SENT and result.scope is not Scope.MESSAGE:
                self._pace.held = result
        return list(zip(call, results, strict=True))

    def _measured(self, call: Sequence[Prepared]) -> list[SendResult]:
        began, cpu = time.perf_counter(), time.thread_time()
        results = self._sent(call)
        busy = time.thread_time() - cpu
        self._spent.add(busy, time.perf_counter() - began - busy)
        return results

    def _sent(self, call: Sequence[Prepared]) -> list[SendResult]:
        if self._mail.capabilities.batch_max > 1 and isinstance(self._mail, BulkTransport):
            return self._mail.send_batch([one.envelope for one in call], self._deadline)
        return [self._mail.send(one.envelope, self._deadline) for one in call]
