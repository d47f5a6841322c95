"""Decisions about sending: check a launch, launch it, take it back, stop it, queue its steps."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.audiences import queries as audiences
from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.identity.rules import Actor
from tpma.launches import compiling, own_mailer, steps
from tpma.launches import service as launches
from tpma.launches.compiling import Drawing
from tpma.launches.models import Launch, LaunchState
from tpma.launches.steps import Step
from tpma.sending import (
    gate,
    gathering,
    marks,
    open_work,
    pacing,
    planning,
    queueing,
    regating,
    reports,
    splitting,
    windows,
)
from tpma.sending.domains import link_hosts, senders
from tpma.sending.findings import Check, Tone
from tpma.sending.marks import Word
from tpma.sending.models import Message, SendState
from tpma.system import System


@dataclass(frozen=True, slots=True)
class Report:
    """The gate's findings on a launch, and the hash of kit, audience and sender."""

    checks: list[Check]
    gate_hash: str
    parts: dict[str, str] = field(default_factory=dict)
    words: dict[str, Word] = field(default_factory=dict)  # who took which warning on

    @property
    def green(self) -> bool:
        return gate.is_green(self.checks)

    @property
    def reds(self) -> int:
        return sum(check.tone is Tone.RED for check in self.checks)

    @property
    def to_mend(self) -> int:
        """Reds a person has to do something about."""
        return sum(check.tone is Tone.RED and not check.pending for check in self.checks)

    @property
    def unsaid(self) -> list[Check]:
        """Warnings nobody has taken on."""
        return [c for c in self.checks if c.wants_word and c.rule not in self.words]

    def to_json(self) -> dict[str, Any]:
        """As it is kept: findings, parts, and who took which warning on, by rule and moment."""
        said = {rule: word.at.isoformat() for rule, word in self.words.items()}
        return {**gate.to_json(self.checks), "parts": self.parts, "acknowledged": said}


def check(session: Session, system: System, launch: Launch, actor: Actor | None = None) -> Report:
    """Look at everything that stops campaigns or brings complaints. Changes nothing.

    `actor` is who would launch: the proof has to have gone to them.
    """
    parts = gathering.parts(session, system, launch)
    gate_hash = gate.fingerprint(parts)
    plan = compiling.drawing(session, launch, link_hosts.base_of(session, system.settings, launch))
    facts = gathering.facts(session, system, plan, gate_hash, actor)
    return Report(gate.report(facts), gate_hash, parts, marks.words(session, launch, gate_hash))


def launch(session: Session, system: System, actor: Actor, launch: Launch) -> datetime:
    """Check, freeze, plan and schedule: all of it or nothing. Returns the start (UTC).

    Raises Conflict, telling how many, if a check is red or a warning was not taken on.
    """
    launches.refuse_suspended(launch.enrolment)
    report = check(session, system, launch, actor)
    _refuse_unready(report)
    kept = report.to_json()
    senders.keep(session, system.settings, launch)
    launch.link_host = link_hosts.current(session, system.settings, launch.tenant_id)
    launches.ready(session, actor, launch, kept, report.gate_hash)
    reports.keep(session, actor, launch, report.gate_hash, kept)
    plan = compiling.drawing(session, launch, link_hosts.base_of(session, system.settings, launch))
    if launch.own_mailer:
        launch.link_no = own_mailer.link_no(launch)
        compiling.freeze(session, plan, own_mailer.editions(plan), [plan.brand.company.country])
    else:
        _plan(session, system, plan)
    start = launches.schedule(session, actor, launch, starter="sending.start")
    regating.watch(session, launch, start)
    return start


def _plan(session: Session, system: System, plan: Drawing) -> None:
    """Freeze what each reader's language and country need, and plan the first mail to them."""
    launch = plan.launch
    locales = planning.locale_plan(plan, planning.reader_locales(session, launch))
    countries = planning.reader_countries(session, launch)
    launch.markets = " ".join(audiences.markets(session, launch.tenant_id))
    wanted = {locale for locale in locales.values() if locale}
    compiling.freeze(session, plan, wanted, [code for code in countries if code])
    pacing.begin_in_the_east(session, launch)
    engaged_first = pacing.is_short(session, system, launch, sum(countries.values()))
    law = planning.first_law_of(launch, system.clock().date())
    planning.plan_first(session, plan, locales, law=law, engaged_first=engaged_first)


def _refuse_unready(report: Report) -> None:
    if not report.green:
        raise Conflict(
            _(
                "%(count)s things stop this launch. The check page names each and its cure.",
                count=report.reds,
            )
        )
    if report.unsaid:
        raise Conflict(
            _(
                "%(count)s warnings want your word first. Tick them on the check page.",
                count=len(report.unsaid),
            )
        )


def unschedule(session: Session, actor: Actor, launch: Launch) -> None:
    """Take a launch back before its hour: nothing has left, and the draft is as it was."""
    launches.unschedule(session, actor, launch)
    planning.unplan(session, launch)


def stop(session: Session, actor: Actor, launch: Launch) -> int:
    """Cancel (before the first mail) or abort: what has not left never will; how many rows.

    Mails already handed over stay handed over; the page closes at once.
    """
    launches.stop(session, actor, launch)
    result: Any = session.execute(
        update(Message)
        .where(
            Message.launch_id == launch.id,
            Message.tenant_id == launch.tenant_id,
            Message.send_state.in_(open_work.WAITING),
        )
        .values(send_state=SendState.CANCELLED, not_before=None)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)


def queue_step(
    session: Session, launch: Launch, step: int, now: datetime, *, canary: bool = False
) -> int:
    """Queue one mail of the kit and set the hour of the next. Safe to repeat.

    Returns the chunks made; none if the launch no longer runs.
    """
    if launch.state not in {LaunchState.RUNNING, LaunchState.PAUSED}:
        return 0
    mails = steps.of(launch)
    chunks = 0
    if launch.own_mailer:  # its moment has come, and the partner sends it
        launch.steps_queued = max(launch.steps_queued, step)
    else:
        if step > 1:
            planning.plan_next(session, launch, mails[step - 1])
        sample = splitting.sample(session, launch, now) if step == 1 else None
        chunks = queueing.queue(session, launch, step, now, canary=canary, only=sample)
    if step < launch.steps:
        _queue_later(session, launch, mails[step])
    return chunks


def _queue_later(session: Session, launch: Launch, step: Step) -> None:
    """The next mail's day counts from the start, at the same hour on the partner's wall clock."""
    jobs.enqueue(
        session,
        "sending.queue_step",
        due(session, launch, step),
        key=f"sending.queue_step:{launch.id}:{step.number}",
        launch_id=str(launch.id),
        step=step.number,
    )


def due(session: Session, launch: Launch, step: Step) -> datetime:
    """When a later mail of the kit is queued."""
    wall = queueing.wall_of(launch, step.number)
    if wall is not None:
        return windows.first_start(wall, queueing.zones_of(session, launch), launch.timezone)
    start = launch.started_at or launch.start_at
    if start is None:
        raise Conflict(_("This launch has not started."))
    return steps.moment(launch, start, step)


def expire(session: Session, now: datetime) -> int:
    """T19: what is still waiting when its launch has ended is not sent in the night after."""
    return open_work.expire(session, now)
