"""Workers as processes of their own, for tests that kill them: python -m tests.sending.killed

A line on its input makes one more worker and answers with its process id. Everything is imported
before the first, so a worker begins at once.
"""

import os
import signal
import sys

from tpma.wiring import from_settings
from tpma.worker import handlers
from tpma.worker.loop import Worker


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the killed leave no zombies behind
    handlers.load()
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # its log is not our answer
            Worker(from_settings()).run()
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
