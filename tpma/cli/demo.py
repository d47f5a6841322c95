"""`tpma demo`: one whole campaign on this machine, then served."""

import json
import time
from dataclasses import asdict

import click

from tpma.cli import demo_cast, demo_readers, demo_story, serve
from tpma.core import log, schema
from tpma.core.settings import load
from tpma.wiring import from_settings


@click.command()
@click.option("--once", is_flag=True, help="Play the story without serving.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of progress.")
def demo(once: bool, as_json: bool) -> None:
    """Set up Helio Cloud and four partners, run one campaign, serve it. Safe to repeat."""
    settings = load()
    log.configure(settings.log_format)
    started = time.monotonic()
    settings.home.mkdir(parents=True, exist_ok=True)
    schema.upgrade(settings.url_of_database)
    system = from_settings(settings)
    # Mails of the story name our address: whoever has its port is told before it begins.
    site = None if once else serve.listening(system)
    outcome = demo_story.play(system, _narrator(started, quiet=as_json))
    if as_json:
        click.echo(json.dumps(asdict(outcome), ensure_ascii=False, indent=2))
    if site:
        _sign_ins(settings.demo_password)
        serve.run(system, site)


def _narrator(started: float, *, quiet: bool) -> demo_readers.Say:
    def say(line: str) -> None:
        click.echo(f"{time.monotonic() - started:5.1f} s  {line}", err=quiet)

    return say


def _sign_ins(password: str) -> None:
    click.echo("\nSign in with the password " + password)
    for who, email in demo_cast.sign_ins():
        click.echo(f"  {email:28} {who}")
    click.echo()
