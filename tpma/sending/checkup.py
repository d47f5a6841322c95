"""The report as the check screen shows it: by family, what has to be mended first."""

from dataclasses import dataclass

from tpma.core.i18n import gettext as _
from tpma.sending import gate
from tpma.sending.findings import Check, Tone
from tpma.sending.service import Report

_ORDER = {Tone.RED: 0, Tone.AMBER: 1, Tone.GREEN: 2, Tone.NOT_NEEDED: 3}


@dataclass(frozen=True, slots=True)
class Group:
    """One family. What is open is shown at once, what is fine folds away."""

    key: str
    title: str
    open: list[Check]  # red and amber
    fine: list[Check]  # green and not needed

    @property
    def tone(self) -> str:
        """The worst of the group; a pending red is none."""
        tones = [check.tone for check in self.open if not check.pending]
        if Tone.RED in tones:
            return Tone.RED.value
        if tones:
            return Tone.AMBER.value
        return Tone.GREEN.value if self.passed or self.open else Tone.NOT_NEEDED.value

    @property
    def passed(self) -> int:
        return sum(check.tone is Tone.GREEN for check in self.fine)

    @property
    def unneeded(self) -> int:
        return len(self.fine) - self.passed


def groups(report: Report) -> list[Group]:
    """Families with something to mend first, then with a warning, then the rest in their order."""
    found = [_group(key, title, report) for key, title in gate.FAMILIES.items()]
    shown = (group for group in found if group.open or group.fine)
    return sorted(shown, key=lambda group: _ORDER[Tone(group.tone)])


def _group(key: str, title: str, report: Report) -> Group:
    own = sorted(
        (check for check in report.checks if check.family == key),
        key=lambda check: _ORDER[check.tone],
    )
    return Group(
        key,
        _(title),
        [check for check in own if check.tone in (Tone.RED, Tone.AMBER)],
        [check for check in own if check.tone in (Tone.GREEN, Tone.NOT_NEEDED)],
    )
