"""What is wrong with a kit, and where."""

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """`file` is a path in the kit, `line` counts from 1, `rule` stands in docs/kit-format.md."""

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


def extension(path: str) -> str:
    """Without the dot, in lower case."""
    return PurePosixPath(path).suffix.lower().lstrip(".")
