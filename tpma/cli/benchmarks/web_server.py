"""The server that is measured, a process of its own: python -P web_server.py hello|tpma port.

With gunicorn its two applications are `web_server:hello` and `web_server:tpma()`.
"""

import logging
import signal
import sys
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING

import waitress

from tpma.app import create_app
from tpma.web import security

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_HELLO = b"Hello\n"
THREADS = 16  # as many as clients: none waits for a thread


def hello(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """As little as a server can be asked for."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [_HELLO]


def tpma() -> "WSGIApplication":
    """The application as another's server runs it, without limits on how often one may ask."""
    security.limiter.enabled = False
    return create_app()


def main(which: str, port: int) -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # full queues are what we want
    app = tpma() if which == "tpma" else hello
    server = waitress.create_server(app, host="127.0.0.1", port=port, threads=THREADS, ident=None)
    signal.signal(signal.SIGTERM, _leave)
    try:
        server.run()
    except SystemExit:
        server.close()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
