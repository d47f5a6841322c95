"""`tpma simulator`: the process, from a terminal or a test."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from tpma.simulator.errors import Refusal
from tpma.simulator.server import run
from tpma.simulator.world import Options


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Journal and state.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, help="0 takes a free one.")
@click.option("--tls-port", default=0, help="0 takes a free one.")
@click.option(
    "--plan",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON: knobs, identities, topics, queues.",
)
@click.option("--region", default="eu-west-1", show_default=True)
@click.option("--sink", is_flag=True, help="Do not sync the journal: for benchmarks.")
@click.option("--keep-raw", is_flag=True, help="Keep the bytes of every mail.")
@click.option("--with-parent", is_flag=True, help="End when the parent process does.")
@click.option("--may-call", multiple=True, metavar="HOST", help="A host events may be posted to.")
def simulator(
    home: Path,
    host: str,
    port: int,
    tls_port: int,
    plan: Path | None,
    region: str,
    sink: bool,
    keep_raw: bool,
    with_parent: bool,
    may_call: tuple[str, ...],
) -> None:
    """Serve an Amazon SES to rehearse against; one line of JSON says where."""
    options = Options(
        home=home, region=region, sink=sink, keep_raw=keep_raw, may_call=frozenset(may_call)
    )
    try:
        serving = run(
            options,
            host=host,
            port=port,
            tls_port=tls_port,
            plan=_plan(plan),
            with_parent=with_parent,
            tell=_tell,
        )
        asyncio.run(serving)
    except Refusal as refusal:
        raise click.ClickException(f"{plan}: {refusal.message}") from refusal
    except OSError as error:  # the home is in use or may not be written, the port is taken
        raise click.ClickException(str(error)) from error


def _plan(path: Path | None) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path else None
    except ValueError as error:
        raise click.ClickException(f"{path} is not JSON: {error}") from error


def _tell(line: str) -> None:
    click.echo(line)  # flushes
