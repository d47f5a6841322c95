"""Local servers that take everything, each a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tpma.cli.benchmarks import ses_sink, smtp_sink


@contextmanager
def _running(file: str, *words: str) -> Iterator[int]:
    """The port of the server; it ends with its standard input."""
    with subprocess.Popen(
        [sys.executable, file, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


@contextmanager
def smtp() -> Iterator[int]:
    with _running(str(smtp_sink.__file__)) as port:
        yield port


@contextmanager
def ses(latency_ms: int = 0) -> Iterator[int]:
    with _running(str(ses_sink.__file__), str(latency_ms)) as port:
        yield port
