"""Look after an installation: its database, its settings, its catalogs."""

import tempfile
from dataclasses import astuple
from pathlib import Path

import click

from tpma.core import schema
from tpma.core.errors import Invalid
from tpma.core.messages import faults_of_catalogs
from tpma.core.settings import listed, load
from tpma.sending import operating, restoring
from tpma.system import System


@click.command()
@click.option(
    "--down", "target", metavar="REVISION", help="Go back to a revision, for example 0001."
)
def migrate(target: str | None) -> None:
    """Bring the database to the shape this version needs."""
    settings = load()
    settings.home.mkdir(parents=True, exist_ok=True)
    if target:
        schema.downgrade(settings.url_of_database, target)
    else:
        schema.upgrade(settings.url_of_database)
    click.echo(f"The database is at revision {schema.current(settings.url_of_database)}.")


@click.command()
@click.option(
    "--cause",
    type=click.Choice(operating.CAUSES),
    default=operating.RESTORED,
    show_default=True,
    help="Why: restored from a backup, or the operator's wish.",
)
@click.pass_obj
def pause_all(system: System, cause: str) -> None:
    """Pause every launch that sends or is going to, before anything is started.

    The step after a backup was restored; may be repeated. Launches go on one by one, from the
    page Delivery or by their partners.
    """
    with system.db.transaction() as session:
        paused = operating.pause_all(session, cause)
    click.echo(f"{paused} launches paused ({cause}).")


@click.command()
@click.option(
    "--events",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Archive of events, one a line as the queue delivered it; may be given several times.",
)
@click.pass_obj
def reconcile(system: System, files: tuple[Path, ...]) -> None:
    """After a backup was restored: pause every launch, and find out what left since.

    Mails that may have left are in doubt until an event or the mail server settles them; nothing
    is sent again by itself. Run it before anything is started, and again as evidence comes.
    """
    archived = [line for file in files for line in file.read_text("utf-8").splitlines()]
    found = restoring.reconcile(system, archived)
    click.echo(f"{found.paused} launches paused, {found.doubted} mails may have left since.")
    click.echo(f"{found.events} events read, {found.unreadable} were none.")
    if found.lines:
        click.echo(_row("launch", "state", "doubted", "left", "unsent", "open"))
    for line in found.lines:
        click.echo(_row(*map(str, astuple(line))))


def _row(*cells: str) -> str:
    code, state, *numbers = cells
    return " ".join([f"{code:<20}", f"{state:<11}", *(f"{number:>8}" for number in numbers)])


@click.command()
def check() -> None:
    """Check models against migrations, and the catalogs for completeness (for developers)."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'check.db'}"
        schema.upgrade(url)
        schema.check(url)
    faults = faults_of_catalogs()
    for fault in faults:
        click.echo(fault)
    if faults:
        raise Invalid(
            f"{len(faults)} faults in the catalogs. `make messages` extracts new strings."
        )
    click.echo("Migrations build the models; every catalog is complete.")


@click.command()
def settings() -> None:
    """Print every TPMA_* variable: its value, where it came from, what it means."""
    for variable, value, source, meaning in listed(load()):
        click.echo(f"{variable}={value}  [{source}]\n    {meaning}")
