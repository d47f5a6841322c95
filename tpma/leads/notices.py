"""The mail that tells a partner's people about a new lead, each in their own language."""

from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import best_match, moment, speaking
from tpma.core.i18n import gettext as _
from tpma.identity import queries as identity
from tpma.identity.models import Membership, UserStatus
from tpma.leads.models import Lead

_TOLD = frozenset({"PS", "PA"})  # sales, and whoever looks after the company


def announce(session: Session, lead: Lead, base_url: str) -> None:
    """Queue one notice for each person who works leads. No vendor is told."""
    for member in identity.members(session, lead.tenant_id):
        if _is_told(member):
            _tell(session, lead, member, base_url)


def _is_told(member: Membership) -> bool:
    is_here = not member.pending and member.user.status is UserStatus.ACTIVE
    return is_here and bool(_TOLD & set(member.roles))


def _tell(session: Session, lead: Lead, member: Membership, base_url: str) -> None:
    user = member.user
    locale = best_match([user.locale]) or "en"
    cause = f"lead.created:{lead.id}:{user.id}"
    with speaking(locale, user.timezone):
        jobs.enqueue(
            session,
            "sending.notice",
            clock_of(session)(),
            key=cause,
            tenant_id=str(lead.tenant_id),
            cause=cause,
            recipient=user.email,
            subject=_subject(lead),
            body=_body(lead, base_url),
            locale=locale,
        )


def _subject(lead: Lead) -> str:
    if not lead.company:
        return _("New lead: %(name)s", name=name_of(lead))[:200]
    return _("New lead: %(name)s, %(company)s", name=name_of(lead), company=lead.company)[:200]


def _body(lead: Lead, base_url: str) -> str:
    return "\n\n".join(
        [
            _(
                "%(name)s filled in the form of %(launch)s (%(code)s).",
                name=name_of(lead),
                launch=lead.launch.name,
                code=lead.campaign_code,
            ),
            _("Accept or decline until %(due)s:", due=moment(lead.due_at)),
            f"{base_url}/portal/leads/{lead.id}",
        ]
    )


def name_of(lead: Lead) -> str:
    """The person as we call them, by their address where they gave no name."""
    return " ".join(filter(None, (lead.given_name, lead.family_name))) or lead.email
