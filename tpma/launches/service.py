"""What a partner does with a launch, up to the moment it may be sent (then: `tpma.sending`)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.branding import cobranding as branding
from tpma.branding.models import BrandProfile
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.text import slug
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.kits import dates
from tpma.kits import queries as kits
from tpma.kits.models import Kit, KitVersion
from tpma.kits.rules import over_at
from tpma.launches import codes, notices
from tpma.launches.drafting import (
    RUNS_FOR,
    Sender,
    Timing,
    choose_audience,
    set_goal,
    set_sender,
    word,
)
from tpma.launches.models import Launch, LaunchState
from tpma.launches.rules import EDITABLE, UNDER_WAY, LaunchEvent, after
from tpma.partners.models import Enrolment, Vendor
from tpma.partners.queries import looked_after
from tpma.partners.rules import may_launch

__all__ = [
    "Sender",
    "Timing",
    "choose_audience",
    "create",
    "end",
    "end_with_kits",
    "finish_sends",
    "get",
    "get_for_vendor",
    "is_editable",
    "local",
    "pause",
    "ready",
    "refuse_suspended",
    "reopen",
    "resume",
    "schedule",
    "set_goal",
    "set_sender",
    "start",
    "stop",
    "unschedule",
    "word",
]
_MINT_TRIES = 5


def create(session: Session, actor: Actor, enrolment: Enrolment, version: KitVersion) -> Launch:
    """Start a draft with everything prefilled, under a fresh campaign code.

    A draft of the same kit version that nobody has touched is handed back instead of a second.
    """
    refuse_suspended(enrolment)
    partner = session.get_one(Organisation, enrolment.partner_id)
    untouched = _untouched_draft(session, enrolment, version)
    if untouched is not None:
        return untouched
    content = kits.content(session, version.id)
    cobranded = branding.cobranded(session, enrolment, version)
    brand = session.scalar(select(BrandProfile).where(BrandProfile.tenant_id == partner.id))
    kit = session.get_one(Kit, version.kit_id)
    launch = Launch(
        tenant_id=partner.id,
        vendor_id=enrolment.tenant_id,
        enrolment_id=enrolment.id,
        kit_version_id=version.id,
        cobranded_kit_id=cobranded.id,
        name=kit.title,
        primary_locale=partner.default_locale,
        goal_leads=content.goal_leads,
        currency=partner.base_currency,
        from_name=(brand.sender_name or brand.name) if brand else partner.trading_name,
        reply_to=(brand.reply_to if brand else "") or partner.email,
        timezone=partner.timezone,
        ends_at=clock_of(session)() + RUNS_FOR,
    )
    _insert_with_code(session, launch, _prefix(session, enrolment.tenant_id), kit)
    record(session, actor, partner.id, "launch.created", launch, code=launch.campaign_code)
    return launch


def refuse_suspended(enrolment: Enrolment) -> None:
    """Raises Conflict for a partner whose enrolment does not let it launch now."""
    if not may_launch(enrolment.state):
        raise Conflict(
            _("Your place in this programme is not active. Ask your contact at the vendor.")
        )


def _untouched_draft(session: Session, enrolment: Enrolment, version: KitVersion) -> Launch | None:
    return session.scalar(
        select(Launch).where(
            Launch.tenant_id == enrolment.partner_id,
            Launch.enrolment_id == enrolment.id,
            Launch.kit_version_id == version.id,
            Launch.state == LaunchState.DRAFT,
            Launch.step == 1,
        )
    )


def _prefix(session: Session, vendor_id: UUID) -> str:
    return session.scalars(
        select(Vendor.code_prefix).where(Vendor.organisation_id == vendor_id)
    ).one()


def _insert_with_code(session: Session, launch: Launch, prefix: str, kit: Kit) -> None:
    """The unique index is the authority on codes; a clash draws again, at most five times."""
    for _attempt in range(_MINT_TRIES):
        launch.campaign_code = codes.mint(prefix, kit.key)
        launch.page_slug = f"{kit.slug}-{slug(launch.campaign_code)}"  # unique as the code is
        try:
            with session.begin_nested():
                session.add(launch)
                session.flush()
            return
        except IntegrityError:
            continue
    raise Conflict(_("No free campaign code could be drawn. Try again."))


def get(session: Session, tenant_id: UUID, launch_id: UUID) -> Launch:
    """One launch of this partner. Another partner's launch is simply not found."""
    found = session.scalar(
        select(Launch).where(Launch.id == launch_id, Launch.tenant_id == tenant_id)
    )
    if found is None:
        raise NotFound(_("There is no such launch."))
    return found


def get_for_vendor(
    session: Session, vendor_id: UUID, launch_id: UUID, manager_id: UUID | None = None
) -> Launch:
    """For the channel manager `manager_id`, only one of a partner they look after."""
    found = session.scalar(
        select(Launch).where(
            Launch.id == launch_id,
            Launch.vendor_id == vendor_id,
            looked_after(Launch.enrolment_id, vendor_id, manager_id),
        )
    )
    if found is None:
        raise NotFound(_("There is no such launch."))
    return found


def ready(
    session: Session, actor: Actor, launch: Launch, report: Mapping[str, Any], gate_hash: str
) -> None:
    """The gate is green: keep its report, and the hash of what it looked at."""
    was = launch.state
    launch.state = after(launch.state, LaunchEvent.PREFLIGHT)
    launch.preflight = dict(report)
    launch.gate_hash = gate_hash
    if was is not launch.state:
        record(session, actor, launch.tenant_id, "launch.ready", launch, gate=gate_hash[:12])


def schedule(
    session: Session, actor: Actor, launch: Launch, starter: str = "launches.start"
) -> datetime:
    """Fix the start and queue it; nothing is sent here. Returns the moment it starts (UTC).

    `starter` is the job that starts it: a room downstream may look once more before it does.

    The job is written in the caller's transaction and runs only if that commits.
    Raises Conflict unless the launch is ready, Invalid if the chosen time has passed meanwhile.
    """
    now = clock_of(session)()
    start = launch.start_at or now
    if start < now:
        raise Invalid(_("The start you chose has passed. Choose a new time."), field="start_at")
    launch.state = after(launch.state, LaunchEvent.SCHEDULE)
    launch.scheduled_at = now
    launch.expired_at = None
    launch.start_at = start
    launch.steps_queued = 0
    jobs.enqueue(session, starter, start, launch_id=str(launch.id), start=start.isoformat())
    record(session, actor, launch.tenant_id, "launch.scheduled", launch, code=launch.campaign_code)
    return start


def unschedule(session: Session, actor: Actor, launch: Launch) -> None:
    """Back to ready, while nothing has left. The planned messages are dropped by the caller."""
    launch.state = after(launch.state, LaunchEvent.UNSCHEDULE)
    launch.scheduled_at = None
    launch.start_at = launch.chosen_start = None
    record(session, actor, launch.tenant_id, "launch.unscheduled", launch)


def reopen(session: Session, launch: Launch, changed: list[str]) -> None:
    """Back to draft: what was checked is no longer what would be sent. Nothing has left."""
    launch.state = after(launch.state, LaunchEvent.REGATE)
    launch.scheduled_at = None
    if launch.chosen_start is not None:
        launch.start_at, launch.chosen_start = launch.chosen_start, None
    launch.preflight, launch.gate_hash = {}, ""
    record(session, None, launch.tenant_id, "launch.regated", launch, changed=changed)


def start(session: Session, launch: Launch) -> bool:
    """The moment has come: the page goes live and the first mail is queued.

    False if the launch was cancelled, moved or started meanwhile, or if its kit has ended:
    then it is cancelled, and its people are told.
    """
    now = clock_of(session)()
    if launch.state is not LaunchState.SCHEDULED or launch.start_at is None:
        return False
    if launch.start_at > now:
        return False
    if dates.is_over(session, launch.kit_version_id, now):
        _cancel_with_kit(session, launch, now)
        return False
    launch.state = after(launch.state, LaunchEvent.START)
    _begin(session, launch, now)
    record(session, None, launch.tenant_id, "launch.started", launch)
    return True


def _begin(session: Session, launch: Launch, at: datetime) -> None:
    launch.started_at = at
    jobs.enqueue(session, "pages.publish", at, launch_id=str(launch.id))
    jobs.enqueue(session, "sending.queue_step", at, launch_id=str(launch.id), step=1)
    jobs.enqueue(
        session,
        "launches.end",
        launch.ends_at,
        key=f"launches.end:{launch.id}",
        launch_id=str(launch.id),
    )


def _cancel_with_kit(session: Session, launch: Launch, now: datetime) -> None:
    launch.state = after(launch.state, LaunchEvent.CANCEL)
    launch.stopping_at = now
    record(session, None, launch.tenant_id, "launch.cancel", launch, cause="kit_ended")
    notices.kit_ended(session, launch)


def end_with_kits(session: Session) -> int:
    """Launches whose kit has ended end with it: what has not left never will; how many.

    Their pages are closed by the same day (`tpma.pages.kept.Seen.is_open`).
    """
    now = clock_of(session)()
    found = session.execute(
        select(Launch, Kit.retires_on, Organisation.timezone)
        .join(KitVersion, KitVersion.id == Launch.kit_version_id)
        .join(Kit, Kit.id == KitVersion.kit_id)
        .join(Organisation, Organisation.id == Kit.tenant_id)
        .where(Launch.state.in_(UNDER_WAY), Launch.ends_at > now, Kit.retires_on <= now.date())
        .order_by(Launch.id)
        .with_for_update(of=Launch, skip_locked=True)
    ).all()
    over = [(row[0], over_at(row[1], row[2])) for row in found if row[1] is not None]
    return sum(_end_with_kit(session, launch, at) for launch, at in over if at <= now)


def _end_with_kit(session: Session, launch: Launch, at: datetime) -> bool:
    launch.ends_at = at
    launch.steps_queued = launch.steps  # no further mail of the kit is queued
    record(session, None, launch.tenant_id, "launch.kit_ended", launch, code=launch.campaign_code)
    end(session, launch)
    return True


def pause(session: Session, actor: Actor | None, launch: Launch, cause: str = "user") -> None:
    """Stop handing over mails. What is already in flight (at most one batch a worker) goes out."""
    launch.state = after(launch.state, LaunchEvent.PAUSE)
    launch.paused_cause = cause
    record(session, actor, launch.tenant_id, "launch.paused", launch, cause=cause)


def hold(session: Session, actor: Actor | None, launch: Launch, cause: str) -> None:
    """Pause a launch before its hour: it does not start by itself, only when it is resumed."""
    launch.state = after(launch.state, LaunchEvent.HOLD)
    launch.paused_cause = cause
    record(session, actor, launch.tenant_id, "launch.paused", launch, cause=cause)


def resume(session: Session, actor: Actor | None, launch: Launch) -> None:
    """Go on. One that was paused before its hour begins at that hour, or now if it has passed.

    Raises Conflict for such a one if its kit has ended meanwhile.
    """
    now = clock_of(session)()
    launch.state = after(launch.state, LaunchEvent.RESUME)
    launch.paused_cause = ""
    launch.resumed_at = now
    record(session, actor, launch.tenant_id, "launch.resumed", launch)
    if launch.started_at is None:
        if dates.is_over(session, launch.kit_version_id, now):
            raise Conflict(_("The kit of this launch has ended. Stop it, or have the kit renewed."))
        _begin(session, launch, max(launch.start_at or now, now))


def finish_sends(session: Session, launch: Launch) -> None:
    launch.state = after(launch.state, LaunchEvent.FINISH_SENDS)
    launch.finished_at = clock_of(session)()
    record(session, None, launch.tenant_id, "launch.finish_sends", launch)


def end(session: Session, launch: Launch) -> bool:
    """`ends_at` has come: no more leads are expected, and the page closes 30 days later."""
    if launch.state is not LaunchState.COLLECTING or launch.ends_at > clock_of(session)():
        return False
    launch.state = after(launch.state, LaunchEvent.END)
    jobs.enqueue(
        session,
        "pages.close",
        launch.ends_at + timedelta(days=30),
        key=f"pages.close:{launch.id}",
        launch_id=str(launch.id),
    )
    record(session, None, launch.tenant_id, "launch.ended", launch)
    return True


def stop(session: Session, actor: Actor, launch: Launch) -> LaunchEvent:
    """Cancel before the first mail, abort after it; the code is retired either way."""
    event = LaunchEvent.CANCEL
    if launch.state in {LaunchState.RUNNING, LaunchState.PAUSED}:
        event = LaunchEvent.ABORT
    launch.state = after(launch.state, event)
    launch.stopping_at = clock_of(session)()
    jobs.enqueue(session, "pages.close", launch.stopping_at, launch_id=str(launch.id))
    record(session, actor, launch.tenant_id, f"launch.{event.value}", launch)
    return event


def is_editable(launch: Launch) -> bool:
    return launch.state in EDITABLE


def local(moment: datetime, zone: str) -> datetime:
    """A moment as the clock on the partner's wall shows it."""
    return moment.astimezone(ZoneInfo(zone))
