"""Group commit: requests that come while one commits are done together in the next transaction.

A transaction costs its statements and a sync of the disk, and a database of one file takes one
writer at a time. Who comes first goes at once and alone; who comes meanwhile shares both.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Generic, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tpma.core.db import Database, is_crossed

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_MOMENT = 0.004  # seconds
_MOST = 64  # items a transaction: how long one may wait for the others


@dataclass(slots=True, eq=False)
class _Ticket(Generic[_Item, _Result]):
    db: Database
    item: _Item
    results: Sequence[_Result] = ()  # one, once it is done
    error: BaseException | None = None
    called: Event = field(default_factory=Event)  # it is done, or it is its turn to lead

    @property
    def is_done(self) -> bool:
        return bool(self.results) or self.error is not None


class Together(Generic[_Item, _Result]):
    """`work` does any number of items in a transaction and gives a result for each, in order.

    Where it raises, nothing is written and every item is tried alone, so that nobody fails for
    another's sake, nor for waiting crosswise with somebody else, as one who holds many rows may; a
    database in trouble is everybody's error at once. What is wrong with one item
    may also be told by its result.
    """

    def __init__(self, work: Callable[[Session, Sequence[_Item]], Sequence[_Result]]) -> None:
        self._work = work
        self._waiting: deque[_Ticket[_Item, _Result]] = deque()
        self._is_led = False  # somebody is at work, and calls the first who waits when done
        self._present = 1  # so many were here as the last ones were done, they among them
        self._enough = Event()  # as many wait now
        self._lock = Lock()  # of all these; held for a moment only

    def do(self, db: Database, item: _Item) -> _Result:
        """The item's result; it is committed when this returns. Raises what `work` raises."""
        ticket = _Ticket[_Item, _Result](db, item)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._is_led = not self._is_led, True
            if len(self._waiting) >= self._present:
                self._enough.set()
        if not leads:
            ticket.called.wait()
        if not ticket.is_done:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        return ticket.results[0]

    def _lead(self) -> None:
        """Do what waits for the same database as the first one, who leads; then call the next."""
        self._gather()
        with self._lock:
            tickets = [self._waiting.popleft()]
            while self._waiting and len(tickets) < _MOST and self._waiting[0].db is tickets[0].db:
                tickets.append(self._waiting.popleft())
        try:
            self._run(tickets)
        except BaseException as error:
            for ticket in tickets:  # nobody waits for what will not be done
                ticket.error = ticket.error or error
            raise
        finally:
            with self._lock:
                self._present = len(tickets) + len(self._waiting)
                self._is_led = bool(self._waiting)
                following = [self._waiting[0]] if self._waiting else []
            # Each by an event of its own: at one lock, those who are done would wait for the next.
            for ticket in (*following, *tickets):
                ticket.called.set()

    def _gather(self) -> None:
        """Where several were here a moment ago, give as many a moment to be here again: what they
        ask next is being read just now. Who comes alone waits for nobody."""
        with self._lock:
            self._enough.clear()
            is_enough = len(self._waiting) >= self._present
        if not is_enough:
            self._enough.wait(_MOMENT)

    def _run(self, tickets: Sequence[_Ticket[_Item, _Result]]) -> None:
        try:
            self._commit(tickets)
        except Exception as error:
            is_trouble = isinstance(error, OperationalError) and not is_crossed(error)
            if len(tickets) == 1 or is_trouble:
                for ticket in tickets:
                    ticket.error = error
                return
            for ticket in tickets:
                self._run([ticket])

    def _commit(self, tickets: Sequence[_Ticket[_Item, _Result]]) -> None:
        with tickets[0].db.transaction() as session:
            results = self._work(session, [ticket.item for ticket in tickets])
        for ticket, result in zip(tickets, results, strict=True):
            ticket.results = (result,)
