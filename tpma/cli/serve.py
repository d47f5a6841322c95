"""`tpma serve`: web and worker in one process. `tpma worker`: the worker alone."""

import signal
import threading
from types import FrameType

import click
import waitress

from tpma.app import create_app
from tpma.system import System
from tpma.tracking.front import Desk
from tpma.wiring import started
from tpma.worker.loop import Worker, settle


@click.command()
@click.option("--web-only", is_flag=True, help="Leave the work to `tpma worker` or Celery.")
def serve(web_only: bool) -> None:
    """Serve the pages, and do the work, in one process."""
    system = started()
    run(system, web_only=web_only)


def run(system: System, *, web_only: bool = False) -> None:
    """Serve until interrupted; the worker finishes its batch before the process ends."""
    chosen = system.settings
    app = create_app(system)
    server = waitress.create_server(
        app,
        host=chosen.host,
        port=chosen.port,
        threads=chosen.threads,
        ident=None,
        max_request_body_size=chosen.max_upload_mb * 1024 * 1024,
    )
    worker = None if web_only else Worker(system)
    thread = threading.Thread(target=worker.run, name="worker") if worker else None
    if thread:
        thread.start()
    desk: Desk = app.extensions["tpma.desk"]
    desk.start()
    _close_on(signal.SIGTERM)
    click.echo(f"tpma is at {chosen.base_url} (Ctrl-C stops it)")
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        server.close()
        desk.stop()
        if worker and thread:
            worker.stop()
            thread.join()


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
