"""A scheduled launch whose kit, audience or sender changed goes back to draft, and we say so."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, speaking
from tpma.identity.models import User
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.sending import gathering, planning, reports
from tpma.sending.models import GateReport
from tpma.system import System

AHEAD = (timedelta(days=1), timedelta(hours=1))  # when it is looked at before the start
PARTS = {
    "kit": lazy("the kit, your texts or your brand"),
    "audience": lazy("the audience"),
    "sender": lazy("the sender"),
}


def watch(session: Session, launch: Launch, start: datetime) -> None:
    """Look again a day and an hour before the start, as far as these are to come."""
    now = clock_of(session)()
    for ahead in AHEAD:
        if start - ahead > now:
            jobs.enqueue(session, "sending.regate", start - ahead, launch_id=str(launch.id))


def changed(session: Session, system: System, launch: Launch) -> list[str]:
    """Parts of a scheduled launch that are others than those checked; reads only."""
    found = reports.newest(session, launch)
    if launch.state is not LaunchState.SCHEDULED or found is None:
        return []
    return reports.changed(found, gathering.parts(session, system, launch))


def look(session: Session, system: System, launch: Launch) -> bool:
    """Take a launch back to draft if something changed; True if it was."""
    parts = changed(session, system, launch)
    if not parts:
        return False
    report = reports.newest(session, launch)
    reports.supersede(session, launch, parts)
    launches.reopen(session, launch, parts)
    planning.unplan(session, launch)
    if report is not None:
        _tell(session, system, launch, report, parts)
    return True


def start(session: Session, system: System, launch: Launch) -> bool:
    """Start the launch at its hour; False if it was taken back, moved or cancelled meanwhile."""
    if launch.start_at is not None and launch.start_at > system.clock():
        return False
    if look(session, system, launch):
        return False
    return launches.start(session, launch)


def words_for(parts: list[str]) -> str:
    """The changed parts as a person reads them."""
    return ", ".join(_(PARTS[part]) for part in parts if part in PARTS)


def _tell(
    session: Session, system: System, launch: Launch, report: GateReport, parts: list[str]
) -> None:
    user = session.scalar(select(User).where(User.id == report.user_id))
    if user is None:
        return
    with speaking(user.locale):
        subject = _("%(name)s was taken back to draft", name=launch.name)
        body = _(
            "Since you launched %(code)s, %(parts)s changed. What was checked is no longer what "
            "would be sent, so nothing was sent. Check it again here:\n\n%(link)s",
            code=launch.campaign_code,
            parts=words_for(parts),
            link=f"{system.settings.base_url}/portal/launches/{launch.id}/check",
        )
    jobs.enqueue(
        session,
        "sending.notice",
        clock_of(session)(),
        tenant_id=str(launch.tenant_id),
        cause=f"launch.regated:{report.id}",
        recipient=user.email,
        subject=subject,
        body=body,
        locale=user.locale,
    )
