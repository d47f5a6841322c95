"""Web processes that write hits and load them, for tests that kill them (test_loading.py).

Run as python -m tests.tracking.clicked.

A line on its input (a file) makes one more process and answers with its id. Each
hit has a link key of its own, which is written to the file once the hit is taken.
"""

import itertools
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from tpma.sending.models import Message
from tpma.system import System
from tpma.tracking import loading
from tpma.tracking.front import Desk
from tpma.tracking.hits import Hit
from tpma.tracking.models import EventType
from tpma.tracking.rules import Visit
from tpma.wiring import from_settings

_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the killed leave no zombies behind
    loading._GATHER, loading._BATCH = 0.001, 7  # so that a kill mostly meets a transaction
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # its log is not our answer
            _click(from_settings(), Path(line.strip()))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _click(system: System, taken: Path) -> None:
    with system.db.reading() as session:
        mails = session.execute(select(Message.id, Message.launch_id)).all()
    desk = Desk(lambda: system, loads=True)
    file = os.open(taken, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in itertools.count():
        mail = mails[number % len(mails)]
        key = f"{os.getpid()}.{number}"
        at = system.clock() + timedelta(minutes=number)
        desk.note(Hit(EventType.CLICK, Visit(at, agent=_AGENT), mail.launch_id, mail.id, key))
        os.write(file, f"{key}\n".encode())


if __name__ == "__main__":
    main()
