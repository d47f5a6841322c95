"""What the rules of the gate say of a launch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tpma.core.i18n import gettext as _
from tpma.sending.facts import Facts, Sample

__all__ = ["Check", "Facts", "Rule", "Sample", "Severity", "Tone"]

Cure = tuple[str, str]  # (label, screen of the wizard or "brand", "kits", "contacts")


class Tone(StrEnum):
    RED = "ba"
    AMBER = "wa"
    GREEN = "ok"
    NOT_NEEDED = ""


class Severity(StrEnum):
    """What a rule may do when it does not hold (DELIVERY 5)."""

    BLOCKS = "B"  # nobody can override it
    WARNS = "W"  # somebody has to take it on, by name
    TELLS = "N"  # said and no more


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `cure` names the screen that mends it.

    `severity` is that of this finding: a rule that blocks may also warn (a short DKIM key).
    `pending` is a red that the platform mends by itself when Launch is pressed.
    """

    rule: str
    tone: Tone
    title: str
    text: str
    cure: Cure | None = None
    family: str = ""
    severity: Severity = Severity.BLOCKS
    source: str = ""
    pending: bool = False

    @property
    def wants_word(self) -> bool:
        """A warning that has to be acknowledged before Launch."""
        return self.tone is Tone.AMBER and self.severity is not Severity.TELLS


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says, before it is known as whose word it is."""

    tone: Tone
    text: str
    cure: Cure | None = None
    title: str = ""
    rule: str = ""  # of a finding that has an id of its own, as those of the brand
    severity: Severity | None = None
    pending: bool = False


def red(text: str, cure: Cure | None = None, title: str = "") -> Said:
    return Said(Tone.RED, text, cure, title)


def amber(text: str, cure: Cure | None = None, title: str = "") -> Said:
    """A warning: somebody has to take it on."""
    return Said(Tone.AMBER, text, cure, title, severity=Severity.WARNS)


def told(text: str, cure: Cure | None = None, title: str = "") -> Said:
    """Worth a look, and no more."""
    return Said(Tone.AMBER, text, cure, title, severity=Severity.TELLS)


def green(text: str, title: str = "") -> Said:
    return Said(Tone.GREEN, text, title=title)


def unneeded(text: str = "") -> Said:
    return Said(Tone.NOT_NEEDED, text or _("Not needed here: nothing leaves this machine"))


Look = Callable[[Facts], Iterable[Said]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule id of DELIVERY 5.1, or a house rule: pure, it sees the facts and nothing else."""

    id: str
    severity: Severity
    family: str
    title: str
    source: str
    look: Look

    def check(self, facts: Facts) -> list[Check]:
        return self.says(self.look(facts))

    def says(self, found: Iterable[Said]) -> list[Check]:
        return [self._check(said) for said in found]

    def _check(self, said: Said) -> Check:
        return Check(
            rule=said.rule or self.id,
            tone=said.tone,
            title=said.title or _(self.title),
            text=said.text,
            cure=said.cure,
            family=self.family,
            severity=said.severity or self.severity,
            source=self.source,
            pending=said.pending,
        )


def rule(
    rule_id: str, severity: Severity, title: str, source: str, family: str = ""
) -> Callable[[Look], Rule]:
    """Make a function of facts a rule; its family is its file's name."""

    def made(look: Look) -> Rule:
        own = family or look.__module__.rsplit(".", 1)[-1]
        return Rule(rule_id, severity, own, title, source, look)

    return made


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def total(counts: Mapping[str, int]) -> int:
    return sum(counts.values())
