"""What a check has to say: one rule broken, and how to mend it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    ERROR = "error"  # stops a launch
    WARNING = "warning"  # is shown, and a person of the vendor looks at it


@dataclass(frozen=True, slots=True)
class Finding:
    """`message` and `cure` are one sentence each, in the reader's language."""

    rule: str  # "logo.aspect"
    severity: Severity
    message: str
    cure: str
    field: str = ""  # where it can be mended: a field of the brand profile, or "<asset>.<slot>"

    @property
    def sentence(self) -> str:
        return f"{self.message} {self.cure}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def ratio_words(ratio: float) -> str:
    """A contrast as it is read, kept in its direction in a right-to-left line."""
    return ltr(f"{ratio:.2f} : 1")


def ltr(text: str) -> str:
    """Figures that keep their order in a right-to-left line (LRI … PDI)."""
    return f"\u2066{text}\u2069"


def error(rule: str, message: str, cure: str, field: str = "") -> Finding:
    return Finding(rule, Severity.ERROR, message, cure, field)


def warning(rule: str, message: str, cure: str, field: str = "") -> Finding:
    return Finding(rule, Severity.WARNING, message, cure, field)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def kept(findings: Iterable[Finding | None]) -> list[Finding]:
    """The checks that found something."""
    return [finding for finding in findings if finding is not None]
