"""The wizard's first four screens: what a draft says, and what it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.audiences.models import Segment
from tpma.branding import cobranding as branding
from tpma.core.db import clock_of
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.money import Money
from tpma.core.text import email_address, one_line
from tpma.identity.rules import Actor
from tpma.launches.models import Launch
from tpma.launches.rules import LaunchEvent, after

RUNS_FOR = timedelta(days=90)
EVERY_DAY = "1234567"  # ISO weekdays
SPREADS = (0, 1, 2, 4, 8, 12, 24, 48, 72)  # hours offered
# Two subjects: per cent of the readers that are the sample, and hours their clicks are waited for.
# Less proves nothing, more leaves no rest to profit; after two days most who click have clicked.
TRIAL_SHARE, TRIAL_HOURS = (10, 50), (1, 48)


@dataclass(frozen=True, slots=True)
class Timing:
    """Screen 4, by whose clock and how fast: hours from `hours_from` (0 to 23) up to
    `hours_until` (1 to 24) on ISO weekdays; `spread_hours` 0 is as fast as it may go."""

    reader_time: bool = False
    hours_from: int = 0
    hours_until: int = 24
    weekdays: str = EVERY_DAY
    spread_hours: int = 0
    trial_share: int | None = None  # of two subjects, per cent; None: as it is
    trial_hours: int | None = None

    @property
    def is_any_time(self) -> bool:
        return (self.hours_from, self.hours_until, self.weekdays) == (0, 24, EVERY_DAY)


@dataclass(frozen=True, slots=True)
class Sender:
    """Screen 4: who writes, and when. `start_at` None means as soon as it is launched."""

    from_name: str
    reply_to: str
    start_at: datetime | None
    timezone: str
    timing: Timing = Timing()


def choose_audience(
    session: Session,
    launch: Launch,
    segment_id: UUID | None,
    *,
    accept_fallback: bool,
    own_mailer: bool = False,
) -> None:
    """Screen 1. None is everybody; or the partner sends it with its own mailer, to whom it likes.

    Raises NotFound for a segment of somebody else.
    """
    _editable(launch)
    launch.own_mailer = own_mailer
    if segment_id is not None:
        owned = session.scalar(
            select(Segment.id).where(
                Segment.id == segment_id, Segment.tenant_id == launch.tenant_id
            )
        )
        if owned is None:
            raise NotFound(_("There is no such segment."))
    launch.segment_id = segment_id
    launch.accepted_fallback = accept_fallback
    _reached(launch, 2)


def word(
    session: Session, actor: Actor, launch: Launch, locale: str, values: Mapping[str, str]
) -> None:
    """Screen 2: the partner's own words. `values` is "<asset>.<slot>" → text.

    Raises Invalid(field="<asset>.<slot>") for a slot that is locked, unknown or too long.
    """
    _editable(launch)
    for name, value in values.items():
        asset, _dot, slot = name.partition(".")
        branding.customise(session, launch.cobranded_kit, asset, slot, locale, value, actor)
    _reached(launch, 3)


def set_goal(launch: Launch, leads: int, pipeline: Money, cost: Money) -> None:
    """Screen 3: what it should bring and what it may cost, in the launch's currency."""
    _editable(launch)
    if leads < 1:
        raise Invalid(_("Say how many leads you hope for, at least 1."), field="goal_leads")
    if pipeline.currency != launch.currency or cost.currency != launch.currency:
        raise Invalid(_("Amounts are in %(currency)s.", currency=launch.currency), field="cost")
    launch.goal_leads = leads
    launch.goal_pipeline_minor = pipeline.minor
    launch.planned_cost_minor = cost.minor
    _reached(launch, 4)


def set_sender(session: Session, launch: Launch, sender: Sender) -> None:
    """Screen 4. Raises Invalid naming the field: a line break in a name never reaches a header."""
    _editable(launch)
    now = clock_of(session)()
    name = one_line(sender.from_name, 70, "from_name")
    if not name:
        raise Invalid(_("Enter the name readers see, for example your company."), field="from_name")
    if sender.timezone not in available_timezones():
        raise Invalid(_("Choose a time zone from the list."), field="timezone")
    if sender.start_at is not None and sender.start_at <= now:
        raise Invalid(_("Choose a time in the future."), field="start_at")
    launch.from_name = name
    launch.reply_to = _reply_to(sender.reply_to)
    launch.timezone = sender.timezone
    launch.start_at = sender.start_at
    launch.ends_at = (sender.start_at or now) + RUNS_FOR
    _let_out(launch, sender.timing, sender.start_at)
    _reached(launch, 5)


def _let_out(launch: Launch, timing: Timing, start_at: datetime | None) -> None:
    refuse_impossible(timing, start_at)
    launch.reader_time = timing.reader_time
    launch.hours_from, launch.hours_until = timing.hours_from, timing.hours_until
    launch.weekdays, launch.spread_hours = timing.weekdays, timing.spread_hours
    if timing.trial_share is not None:
        launch.trial_share = timing.trial_share
    if timing.trial_hours is not None:
        launch.trial_hours = timing.trial_hours


def refuse_impossible(timing: Timing, start_at: datetime | None) -> None:
    """Raises Invalid naming the field: hours that never come, or a clock that nothing asks."""
    if not 0 <= timing.hours_from < timing.hours_until <= 24:
        raise Invalid(_("Choose a later hour than the first one."), field="hours_until")
    if not timing.weekdays:
        raise Invalid(_("Tick at least one day."), field="weekday")
    if timing.spread_hours not in SPREADS:
        raise Invalid(_("Choose one of the options."), field="spread_hours")
    _refuse_beyond("trial_share", timing.trial_share, TRIAL_SHARE)
    _refuse_beyond("trial_hours", timing.trial_hours, TRIAL_HOURS)
    if timing.reader_time and start_at is None and timing.is_any_time:
        raise Invalid(
            _("Say in which hours readers may get it, or choose a day and an hour."),
            field="hours_from",
        )


def _refuse_beyond(field: str, value: int | None, bounds: tuple[int, int]) -> None:
    least, most = bounds
    if value is not None and not least <= value <= most:
        raise Invalid(
            _("Enter a number from %(least)s to %(most)s.", least=least, most=most), field=field
        )


def _reply_to(text: str) -> str:
    try:
        return email_address(text).shown
    except Invalid as error:
        raise Invalid(error.message, field="reply_to") from error


def _editable(launch: Launch) -> None:
    """An edit takes a checked launch back to draft: its report no longer describes it."""
    launch.state = after(launch.state, LaunchEvent.EDIT)
    launch.preflight = {}
    launch.gate_hash = ""


def _reached(launch: Launch, step: int) -> None:
    launch.step = max(launch.step, step)
