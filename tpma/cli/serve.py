"""`tpma serve`: web and worker in one process. `tpma worker`: the worker alone."""

import signal
import socket
import threading
from errno import EADDRINUSE
from types import FrameType
from typing import Any, NamedTuple

import click
import waitress

from tpma.app import create_app
from tpma.core.errors import Unavailable
from tpma.system import System
from tpma.tracking.front import Desk
from tpma.wiring import started
from tpma.worker.loop import Worker, settle


@click.command()
@click.option("--web-only", is_flag=True, help="Leave the work to `tpma worker` or Celery.")
def serve(web_only: bool) -> None:
    """Serve the pages, and do the work, in one process."""
    system = started()
    run(system, listening(system), web_only=web_only)


class Site(NamedTuple):
    """A web server that has its port, and where its readers' hits are written down."""

    server: Any
    desk: Desk


def run(system: System, site: Site, *, web_only: bool = False) -> None:
    """Serve until interrupted; the worker finishes its batch before the process ends."""
    worker = None if web_only else Worker(system)
    thread = threading.Thread(target=worker.run, name="worker") if worker else None
    if thread:
        thread.start()
    site.desk.start()
    _close_on(signal.SIGTERM)
    click.echo(f"tpma is at {system.settings.base_url} (Ctrl-C stops it)")
    try:
        site.server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        site.server.close()
        site.desk.stop()
        if worker and thread:
            worker.stop()
            thread.join()


def listening(system: System) -> Site:
    """The web server, which has its port from now on and answers once it is run."""
    chosen = system.settings
    _refuse_taken_port(chosen.host, chosen.port)
    app = create_app(system)
    server = waitress.create_server(
        app,
        host=chosen.host,
        port=chosen.port,
        threads=chosen.threads,
        ident=None,
        max_request_body_size=chosen.most_body,
    )
    return Site(server, app.extensions["tpma.desk"])


def _refuse_taken_port(host: str, port: int) -> None:
    """Asked before the server is made, which would name neither the port nor a cure."""
    for family, kind, protocol, _name, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno != EADDRINUSE:
                    raise
                raise Unavailable(
                    f"TPMA_PORT: something else listens on port {port} of {host}. "
                    f"Stop it, or choose another port, for example TPMA_PORT={port % 65535 + 1}"
                ) from error


def _close_on(number: signal.Signals) -> None:
    """A service manager's stop is an orderly one."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit

    signal.signal(number, leave)


@click.command()
@click.option("--once", is_flag=True, help="Do what is due and stop.")
def worker(once: bool) -> None:
    """Do the work: jobs, mails, recovery. Any number of workers may run."""
    system = started()
    if once:
        settle(system)
        return
    running = Worker(system)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: running.stop())
    running.run()
