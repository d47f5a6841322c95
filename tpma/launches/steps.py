"""The mails of a launch in the order of their numbers, as frozen with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tpma.launches.models import Launch
from tpma.rendering.content import AssetSpec


@dataclass(frozen=True, slots=True)
class Step:
    """Numbers begin at 1. Planned mails come first, then those a reader's own deed sends."""

    number: int
    asset: str
    day: int
    condition: str  # none clicked not_clicked form not_form
    hours: int = 0
    after: str = "start"  # start, trigger
    link: str = ""  # of a click: this link alone counts
    exit_on_form: bool = True

    @property
    def is_triggered(self) -> bool:
        return self.after == "trigger"

    @property
    def delay(self) -> timedelta:
        """From the start of the launch, or from the deed that sends it."""
        return timedelta(days=self.day, hours=self.hours)

    @property
    def exits(self) -> tuple[str, ...]:
        """What ends a reader's way to this mail (`DeedKind`); the first mail has no way yet."""
        if self.number == 1:
            return ()
        return ("deal", "form") if self.exit_on_form else ("deal",)


def frozen(mail: AssetSpec) -> dict[str, Any]:
    """A mail of the kit as the manifest of a launch keeps it."""
    return {
        "asset": mail.key,
        "day": mail.day,
        "condition": mail.condition,
        "hours": mail.hours,
        "after": mail.after,
        "link": mail.link,
        "exit_on_form": mail.exit_on_form,
    }


def of(launch: Launch) -> list[Step]:
    """Those of a launch that was scheduled once; of a draft there are none."""
    kept = launch.frozen_manifest.get("steps", [])
    return [Step(number=number, **step) for number, step in enumerate(kept, start=1)]


def triggered_by(launch: Launch, condition: str) -> list[Step]:
    return [s for s in of(launch) if s.is_triggered and s.condition == condition]


def moment(launch: Launch, start: datetime, step: Step) -> datetime:
    """A planned mail's day counts from the start, at the same hour on the partner's wall clock."""
    local = start.astimezone(ZoneInfo(launch.timezone))
    return (local.replace(tzinfo=None) + step.delay).replace(tzinfo=local.tzinfo)


def coming(launch: Launch) -> list[tuple[datetime, Step]]:
    """The planned mails still to come, dated from the start."""
    start = launch.started_at or launch.start_at
    left = [s for s in of(launch) if launch.steps_queued < s.number <= launch.steps]
    return [(moment(launch, start, step), step) for step in left] if start else []
