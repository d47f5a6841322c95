"""Decisions about sending: check a launch, launch it, take it back, stop it, queue its steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.audiences import queries as audiences
from tpma.audiences.models import Consent, Contact
from tpma.branding import reports
from tpma.core.errors import Conflict, TpmaError
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.launches import compiling
from tpma.launches import service as launches
from tpma.launches.compiling import Drawing
from tpma.launches.models import Launch, LaunchState
from tpma.localization.rules import legal_text_locale
from tpma.rendering.facts import Person
from tpma.rendering.mail import MailSkeleton
from tpma.sending import gate, planning
from tpma.sending.envelopes import From, Recipient, build, sender_of
from tpma.sending.findings import Check, Facts, Sample, Tone
from tpma.sending.models import Message, SendState
from tpma.system import System

_SAMPLE_TOKEN_SUBJECT = 0  # no message has it, so a sample's links lead nowhere


@dataclass(frozen=True, slots=True)
class Report:
    """The gate's findings on a launch, and the hash of everything they looked at."""

    checks: list[Check]
    gate_hash: str

    @property
    def green(self) -> bool:
        return gate.is_green(self.checks)

    @property
    def reds(self) -> int:
        return sum(check.tone is Tone.RED for check in self.checks)


def check(session: Session, system: System, launch: Launch) -> Report:
    """Look at everything that stops campaigns or brings complaints. Changes nothing."""
    plan = compiling.drawing(session, launch, system.settings.base_url)
    facts = _facts(session, system, plan)
    return Report(gate.report(facts), _gate_hash(launch, facts))


def launch(session: Session, system: System, actor: Actor, launch: Launch) -> datetime:
    """Check, freeze, plan and schedule: all of it or nothing. Returns the start (UTC).

    Raises Conflict, telling how many, if any check is red.
    """
    launches.refuse_suspended(launch.enrolment)
    report = check(session, system, launch)
    if not report.green:
        raise Conflict(
            _(
                "%(count)s things stop this launch. The check page names each and its cure.",
                count=report.reds,
            )
        )
    launches.ready(session, actor, launch, gate.to_json(report.checks), report.gate_hash)
    plan = compiling.drawing(session, launch, system.settings.base_url)
    locales = planning.locale_plan(plan, planning.reader_locales(session, launch))
    countries = [code for code in planning.reader_countries(session, launch) if code]
    wanted = {locale for locale in locales.values() if locale}
    compiling.freeze(session, plan, wanted, countries)
    start = launches.schedule(session, actor, launch)
    planning.plan_first(session, plan, locales)
    return start


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
            Message.send_state.in_([SendState.PLANNED, SendState.QUEUED]),
        )
        .values(send_state=SendState.CANCELLED)
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
    steps = launch.frozen_manifest["steps"]
    if step > 1:
        planning.plan_next(session, launch, step, steps[step - 1]["condition"])
    chunks = planning.queue(session, launch, step, now, canary=canary)
    if step < len(steps):
        _queue_later(session, launch, step + 1, steps[step]["day"])
    return chunks


def _queue_later(session: Session, launch: Launch, step: int, day: int) -> None:
    """The next mail's day counts from the start, at the same hour on the partner's wall clock."""
    start = launch.started_at or launch.start_at
    if start is None:
        raise Conflict(_("This launch has not started."))
    local = launches.local(start, launch.timezone)
    due = (local.replace(tzinfo=None) + timedelta(days=day)).replace(tzinfo=local.tzinfo)
    jobs.enqueue(
        session,
        "sending.queue_step",
        due,
        key=f"sending.queue_step:{launch.id}:{step}",
        launch_id=str(launch.id),
        step=step,
    )


def expire(session: Session, now: datetime) -> int:
    """T19: what is still waiting when its launch has ended is not sent in the night after."""
    over = select(Launch.id).where(Launch.ends_at < now)
    result: Any = session.execute(
        update(Message)
        .where(
            Message.launch_id.in_(over),
            Message.send_state.in_([SendState.PLANNED, SendState.QUEUED]),
        )
        .values(send_state=SendState.EXPIRED)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)


# --- gathering what the gate looks at -------------------------------------------------------


def _facts(session: Session, system: System, plan: Drawing) -> Facts:
    launch = plan.launch
    counted = audiences.counts(session, launch.tenant_id, launch.segment_id, launch.vendor_id)
    spoken = planning.reader_locales(session, launch)
    wanted = sorted({launch.primary_locale, *(tag for tag in spoken if tag)})
    served = {tag: plan.served(tag) for tag in wanted}
    countries = {c: n for c, n in planning.reader_countries(session, launch).items() if c}
    lands = [land for land in countries if land not in plan.content.deny]
    samples, faults = _samples(session, system, plan, [t for t in wanted if served[t]], lands)
    return Facts(
        today=system.clock().date(),
        now=system.clock(),
        code=launch.campaign_code,
        start_at=launch.start_at,
        ends_at=launch.ends_at,
        kit_retires=launch.kit_version.kit.retires_on,
        vendor_zone=launch.enrolment.vendor.timezone,
        from_name=launch.from_name,
        reply_to=launch.reply_to,
        partner_name=plan.brand.company.name,
        goal_leads=launch.goal_leads,
        planned_cost_minor=launch.planned_cost_minor,
        matching=counted.matching,
        writable=counted.writable,
        suppressed=counted.suppressed,
        no_consent=counted.held,
        vendor_held=counted.vendor_held,
        not_opted_in=counted.not_opted_in,
        opt_in_rule_of=_opt_in_rule_of(session, launch),
        consent_by_basis=_bases(session, launch),
        locales=served,
        readers_by_locale=spoken,
        policy=plan.policy,
        accepted_fallback=launch.accepted_fallback,
        missing_consents=_missing_consents(plan, served),
        denied_countries={c: n for c, n in countries.items() if c in plan.content.deny},
        brand=tuple(
            reports.brand_report(session, launch.tenant_id, lands)
            + reports.kit_report(session, launch.cobranded_kit)
        ),
        cobranded_state=launch.cobranded_kit.state.value,
        compile_faults=tuple(faults),
        samples=tuple(samples),
        unresolved=planning.unwritable_names(session, launch),
        leaves_machine=system.mail.capabilities.leaves_machine,
        links=dict.fromkeys(plan.link_numbers, ""),
    )


def _opt_in_rule_of(session: Session, launch: Launch) -> tuple[str, ...]:
    companies = [session.get_one(Organisation, launch.tenant_id), launch.enrolment.vendor]
    return tuple(company.trading_name for company in companies if company.opt_in_only)


def _gate_hash(launch: Launch, facts: Facts) -> str:
    return gate.fingerprint(
        str(launch.kit_version_id),
        str(launch.segment_id),
        facts.matching,
        facts.writable,
        facts.from_name,
        facts.reply_to,
        str(launch.start_at),
        sorted(facts.locales.items()),
        [sample.html for sample in facts.samples],
    )


def _bases(session: Session, launch: Launch) -> dict[str, int]:
    rows = session.execute(
        select(Consent.basis, func.count(func.distinct(Consent.contact_id)))
        .join(Contact, Contact.id == Consent.contact_id)
        .where(*audiences.chosen(session, launch.tenant_id, launch.segment_id))
        .group_by(Consent.basis)
    )
    return {str(row[0]): row[1] for row in rows}


def _missing_consents(plan: Drawing, served: dict[str, str | None]) -> tuple[str, ...]:
    """Locales whose page would need a consent text that may not be shown there."""
    units = [plan.content.units[consent.text] for consent in plan.content.consents]
    return tuple(
        tag
        for tag, by in served.items()
        if by and any(legal_text_locale(unit, tag) is None for unit in units)
    )


def _samples(
    session: Session,
    system: System,
    plan: Drawing,
    locales: Iterable[str],
    countries: Iterable[str],
) -> tuple[list[Sample], list[tuple[str, str]]]:
    """Every mail in every language as it would leave, and what cannot be made at all."""
    samples: list[Sample] = []
    faults: list[tuple[str, str]] = []
    sender = sender_of(session, system.settings, plan.launch)
    lands = list(countries)
    try:
        compiling.link_targets(plan)
    except TpmaError as fault:
        faults.append((_("Links"), fault.message))
    for tag in locales:
        for asset in plan.content.mails:
            try:
                skeleton = compiling.mail(session, plan, asset.key, tag, countries=lands)
                samples.append(_sample(system, skeleton, asset.key, tag, sender))
            except TpmaError as fault:
                faults.append((f"{asset.key}, {tag}", fault.message))
        try:
            compiling.page(session, plan, tag)
        except TpmaError as fault:
            faults.append((f"{plan.content.page.key}, {tag}", fault.message))
    return samples, faults


def _sample(
    system: System, skeleton: MailSkeleton, asset: str, locale: str, sender: From
) -> Sample:
    reader = Person("Ada", "Reader", "Reader Company", "")
    recipient = Recipient(0, 1, 0, locale, 1, UUID(int=0), "reader@reader.example", reader)
    envelope = build(
        skeleton,
        recipient,
        sender,
        attempt_id=uuid4(),
        signer=system.signer,
        settings=system.settings,
        now=system.clock(),
    )
    token = system.signer.token(_SAMPLE_TOKEN_SUBJECT)
    return Sample(
        asset, locale, envelope.raw, skeleton.html(reader, token), skeleton.text(reader, token)
    )
