"""Look after an installation: its database, its settings, its catalogs."""

import tempfile
from pathlib import Path

import click

from tpma.core import schema
from tpma.core.errors import Invalid
from tpma.core.messages import faults_of_catalogs
from tpma.core.settings import listed, load
from tpma.sending import operating
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
