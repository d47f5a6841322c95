"""`tpma bench`: the goals of docs/performance.md, measured in one run on this machine."""

import json
from collections.abc import Callable, Iterator

import click

from tpma.cli.benchmarks import smtp
from tpma.cli.benchmarks.rows import Row
from tpma.core.errors import Conflict

Subject = Callable[[bool], Iterator[Row]]
SUBJECTS: dict[str, Subject] = {"smtp": smtp.rows}


@click.command()
def bench() -> None:
    for name in SUBJECTS:
        for row in SUBJECTS[name](True):
            click.echo(str(row))
