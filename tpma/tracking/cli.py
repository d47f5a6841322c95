"""`tpma tracking`: verdicts and figures worked out anew."""

from collections.abc import Iterator

import click
from sqlalchemy import select

from tpma.launches.models import Launch
from tpma.system import System
from tpma.tracking import counting, loading, queries, service

_MAILS = 1000  # a transaction


@click.group()
def tracking() -> None:
    """Hits on links and pixels: who made them, and what they add up to."""


@tracking.command()
@click.pass_obj
def rebuild(system: System) -> None:
    """Count every launch's events anew, a launch a transaction."""
    with system.db.reading() as session:
        launches = list(session.scalars(select(Launch.id).order_by(Launch.id)))
    rows = 0
    for launch_id in launches:
        with system.db.transaction() as session:
            rows += counting.rebuild(session, [launch_id])
    click.echo(f"{rows} figures of {len(launches)} launches")


@tracking.command()
@click.pass_obj
def rejudge(system: System) -> None:
    """Ask the rules of this version about every hit again, and count anew what changes."""
    changed = 0
    for ids in _mails_with_events(system):
        with system.db.transaction() as session:
            changed += service.rejudge(session, ids)
    click.echo(f"{changed} hits have another verdict now")


@tracking.command()
@click.pass_obj
def load(system: System) -> None:
    """Load the hits that wait in files."""
    click.echo(f"{loading.catch_up(system)} hits loaded")


def _mails_with_events(system: System) -> Iterator[list[int]]:
    """Ids of mails somebody or something touched, a thousand at a time."""
    last = 0
    while True:
        with system.db.reading() as session:
            found = list(session.scalars(queries.touched(last).limit(_MAILS)))
        if not found:
            return
        yield found
        last = found[-1]
