"""The `tpma` command: the same services, driven from a terminal."""

import sys
from functools import cache

import click
from sqlalchemy.exc import OperationalError
from werkzeug.local import LocalProxy

from tpma.cli import bench, demo, doctor, manage, serve
from tpma.core.errors import TpmaError, Unavailable
from tpma.identity.cli import user
from tpma.kits.cli import kits
from tpma.sending.cli import feed
from tpma.sending.rehearsing.cli import rehearse
from tpma.simulator.cli import simulator
from tpma.tracking.cli import tracking
from tpma.wiring import started


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tpma")
@click.pass_context
def cli(context: click.Context) -> None:
    """Through-partner marketing automation: publish kits, launch campaigns, follow the money."""
    # Made when a command first asks for it: `tpma kits check` needs no database and makes none.
    context.obj = LocalProxy(cache(started))


for command in (
    serve.serve,
    serve.worker,
    manage.migrate,
    manage.check,
    manage.settings,
    manage.pause_all,
    manage.reconcile,
    doctor.doctor,
    bench.bench,
    demo.demo,
    kits,
    user,
    feed,
    rehearse,
    tracking,
    simulator,
):
    cli.add_command(command)


def main() -> None:
    """Run the command; a domain error becomes one line on stderr and its exit code."""
    try:
        cli(prog_name="tpma", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except TpmaError as error:
        click.echo(f"tpma: {error.message}", err=True)
        sys.exit(error.exit_code)
    except OperationalError as error:
        click.echo(f"tpma: The database cannot be used: {_first_line(error.orig)}", err=True)
        sys.exit(Unavailable.exit_code)
    except OSError as error:  # a folder that may not be written, a port that is taken
        click.echo(f"tpma: {error}", err=True)
        sys.exit(TpmaError.exit_code)


def _first_line(error: object) -> str:
    """What the driver said, without its hints."""
    return (str(error).splitlines() or ["no reason given"])[0]
