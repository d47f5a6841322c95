"""Takes forms in as a process of its own: python -m tests.leads.posting

A pickle on its input says what; it answers "ready", and begins with the next line. One that is to
die does so when everything is written and nothing committed.
"""

import os
import pickle
import signal
import sys

from sqlalchemy import event

import tpma.models  # noqa: F401 - every table
from tests.factories.launches import SIGNER
from tpma.core.db import Database
from tpma.leads.capturing import capture_all


def main() -> None:
    url, now, forms, dies = pickle.load(sys.stdin.buffer)
    db = Database(url, lambda: now)
    with db.reading() as session:
        session.connection()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.buffer.readline()
    with db.transaction() as session:
        capture_all(session, SIGNER, "https://x.example", forms)
        if dies:
            event.listen(session, "before_commit", _die)


def _die(session: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
