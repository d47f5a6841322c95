"""`tpma rehearse`: a launch tried against the simulated provider, from the shell."""

import json

import click
from sqlalchemy import select

from tpma.core.errors import Conflict, NotFound
from tpma.launches import codes
from tpma.launches.models import Launch
from tpma.sending.findings import Tone
from tpma.sending.rehearsing import findings, service
from tpma.sending.rehearsing.models import Rehearsal, RehearsalState
from tpma.system import System

_MARKS = {Tone.RED: "!!", Tone.AMBER: " !", Tone.GREEN: "ok", Tone.NOT_NEEDED: "  "}
_SHOWN = (
    "readers", "sampled", "mails", "accepted", "delivered", "bounced_hard", "bounced_soft",
    "complained", "throttled", "proven", "copies", "seconds",
)  # fmt: skip


@click.command()
@click.argument("code")
@click.option(
    "--seed",
    type=click.IntRange(0, service.MOST_SEED),
    help="Draws the same trouble again for the same readers.",
)
@click.option("--json", "as_json", is_flag=True, help="All figures, for programs.")
@click.pass_obj
def rehearse(system: System, code: str, seed: int | None, as_json: bool) -> None:
    """Rehearse the launch with this campaign CODE; nobody gets a mail, and nothing counts.

    Its mails go to a simulated Amazon SES with bounces, complaints and throttling.
    """
    with system.db.transaction() as session:
        launch = session.scalar(select(Launch).where(Launch.campaign_code == codes.normalise(code)))
        if launch is None:
            raise NotFound(f"No launch has the code {code}: it stands on the launch's page.")
        rehearsal_id = service.begin(session, None, launch, seed).id
    service.hold(system, rehearsal_id)
    with system.db.reading() as session:
        found = session.get_one(Rehearsal, rehearsal_id)
    if found.state is RehearsalState.FAILED:
        raise Conflict(found.problem)
    _tell(found, as_json)


def _tell(found: Rehearsal, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.figures | {"seed": found.seed}, indent=2))
        return
    for name in _SHOWN:
        click.echo(f"{name.replace('_', ' ')}: {found.figures[name]}")
    for one in findings.of(found.figures):
        click.echo(f"{_MARKS[one.tone]} {one.title}. {one.text}")
    click.echo(f"seed: {found.seed}")
