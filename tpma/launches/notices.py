"""Mails about a launch to the people of its company who launch, each in their language."""

from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.core.i18n import speaking
from tpma.identity import queries as identity
from tpma.identity.models import UserStatus
from tpma.identity.rules import allowed
from tpma.launches.models import Launch


def kit_ended(session: Session, launch: Launch) -> None:
    """A launch did not start, because its kit had ended when its hour came."""
    for member in identity.members(session, launch.tenant_id):
        reader = member.user
        if member.pending or reader.status is not UserStatus.ACTIVE:
            continue
        if "launch.write" not in allowed(member.roles):
            continue
        with speaking(reader.locale, reader.timezone):
            subject = _("%(launch)s did not start", launch=launch.name)
            body = _(
                "%(launch)s (%(code)s) was to start now, but its kit has ended. The launch is "
                "cancelled, and no mail has left.\n\n"
                "Your texts stay. Choose another kit, or ask %(vendor)s to renew this one.",
                launch=launch.name,
                code=launch.campaign_code,
                vendor=launch.enrolment.vendor.trading_name,
            )
        cause = f"launch.kit_ended:{launch.id}:{reader.id.hex}"
        jobs.enqueue(
            session,
            "sending.notice",
            clock_of(session)(),
            key=cause,
            tenant_id=str(launch.tenant_id),
            cause=cause,
            recipient=reader.email,
            subject=subject[:200],
            body=body,
            locale=reader.locale,
        )
