"""The `tpma` command: the same services, driven from a terminal.

A command's module is imported when it is called: a server has no use for the bench, the demo or the
simulator, which would hold 9 MB in it.
"""

import sys
from functools import cache
from importlib import import_module

import click
from sqlalchemy.exc import OperationalError
from werkzeug.local import LocalProxy

from tpma.core.errors import TpmaError, Unavailable
from tpma.wiring import started

_COMMANDS = {
    "serve": "tpma.cli.serve",
    "worker": "tpma.cli.serve",
    "migrate": "tpma.cli.manage",
    "check": "tpma.cli.manage",
    "settings": "tpma.cli.manage",
    "pause-all": "tpma.cli.manage",
    "doctor": "tpma.cli.doctor",
    "bench": "tpma.cli.bench",
    "demo": "tpma.cli.demo",
    "kits": "tpma.kits.cli",
    "user": "tpma.identity.cli",
    "feed": "tpma.sending.cli",
    "rehearse": "tpma.sending.rehearsing.cli",
    "tracking": "tpma.tracking.cli",
    "simulator": "tpma.simulator.cli",
}


class _Commands(click.Group):
    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        found: click.Command = getattr(import_module(_COMMANDS[name]), name.replace("-", "_"))
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tpma")
@click.pass_context
def cli(context: click.Context) -> None:
    """Through-partner marketing automation: publish kits, launch campaigns, follow the money."""
    # Made when a command first asks for it: `tpma kits check` needs no database and makes none.
    context.obj = LocalProxy(cache(started))


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
