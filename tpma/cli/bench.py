"""`tpma bench`: the goals of docs/performance.md, measured in one run on this machine."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict

import click

from tpma.cli.benchmarks import (
    importing,
    latency,
    ledger,
    memory,
    pipeline,
    rendering,
    smtp,
    tracking,
    world,
)
from tpma.cli.benchmarks.rows import Row
from tpma.core import log
from tpma.core.errors import Conflict

Subject = Callable[[bool], Iterator[Row]]
SUBJECTS: dict[str, Subject] = {
    "rendering": rendering.rows,
    "pipeline": pipeline.rows,
    "smtp": smtp.rows,
    "latency": latency.rows,
    "ledger": ledger.rows,
    "importing": importing.rows,
    "memory": memory.rows,
    "tracking": tracking.tracking_rows,
}


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rounds over less: under a minute, and rougher.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of the table.")
@click.option("--only", type=click.Choice(list(SUBJECTS)), help="Measure one subject.")
@click.option("--strict", is_flag=True, help="End with an error if a goal is missed.")
def bench(quick: bool, as_json: bool, only: str | None, strict: bool) -> None:
    """Measure what the goals of docs/performance.md say, side by side, on this machine alone."""
    log.configure("text")  # to standard error: the table is what is asked for
    if not world.postgres_answers():
        click.echo(
            f"Without PostgreSQL: none answers at {world.postgres_url()} (TPMA_BENCH_POSTGRES).",
            err=True,
        )
    found: list[Row] = []
    for name in [only] if only else list(SUBJECTS):
        for row in SUBJECTS[name](quick):
            found.append(row)
            if not as_json:
                click.echo(_line(row))
    if as_json:
        click.echo(json.dumps([_told(row) for row in found], indent=2))
    missed = [row.what for row in found if not row.met]
    if missed and strict:
        raise Conflict(f"{len(missed)} of {len(found)} goals are missed: {'; '.join(missed)}")


def _line(row: Row) -> str:
    mark = "met   " if row.met else "MISSED"
    bound = "at most" if row.at_most else "at least"
    return (
        f"{mark} {row.ratio:9.3g}x  (goal: {bound} {row.goal:g}x)  {row.what}: "
        f"{row.ours:,.4g} against {row.reference:,.4g} {row.unit}"
    )


def _told(row: Row) -> dict[str, object]:
    kept = asdict(row)
    return {name: kept[name] for name in ("what", "unit", "ours", "reference", "ratio", "goal")} | {
        "at_most": row.at_most,
        "met": row.met,
    }
