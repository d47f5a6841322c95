"""The five screens between a kit and a launch."""

from dataclasses import dataclass

from tpma.core.i18n import lazy


@dataclass(frozen=True, slots=True)
class Screen:
    number: int
    name: str
    endpoint: str
    label: str


SCREENS = (
    Screen(1, "audience", "launches_portal.audience", lazy("Audience")),
    Screen(2, "message", "launches_portal.message", lazy("Message")),
    Screen(3, "goal", "launches_portal.goal", lazy("Goal and money")),
    Screen(4, "time", "launches_portal.time", lazy("Sender and time")),
    Screen(5, "check", "sending_check.check", lazy("Check and launch")),
)
