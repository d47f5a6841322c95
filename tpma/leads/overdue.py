"""Mails about answers that are due soon or were missed: one a reader, however many leads.

The vendor's channel manager reads campaign codes, launches and dates: never a person, an address
or a company, whatever the person agreed to.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.core.i18n import moment, ngettext, speaking
from tpma.identity import queries as identity
from tpma.identity.models import User, UserStatus
from tpma.leads.models import Lead
from tpma.leads.notices import name_of
from tpma.partners import queries as partners
from tpma.partners.models import Enrolment

_MOST_LISTED = 20
_WORK_LEADS = frozenset({"PS", "PA"})
_LOOK_AFTER = frozenset({"PA"})


def remind(session: Session, partner_id: UUID, leads: Sequence[Lead], base_url: str) -> None:
    """To whoever works leads there: these are due soon."""
    for reader in _people(session, partner_id, _WORK_LEADS):
        with speaking(reader.locale, reader.timezone):
            subject = ngettext(
                "%(num)s lead needs your answer by %(due)s",
                "%(num)s leads need your answer, the first by %(due)s",
                len(leads),
                due=moment(leads[0].due_at),
            )
            body = _body(
                _("These people wrote to you and wait. Accept or decline them in time:"),
                [_own_line(lead, base_url) for lead in leads[:_MOST_LISTED]],
                f"{base_url}/portal/leads/",
            )
        _queue(session, partner_id, f"lead.remind:{leads[0].id}", reader, subject, body)


def tell_admins(session: Session, partner_id: UUID, leads: Sequence[Lead], base_url: str) -> None:
    """To the partner's admins: these were missed, and the vendor's channel manager knows."""
    for reader in _people(session, partner_id, _LOOK_AFTER):
        with speaking(reader.locale, reader.timezone):
            subject = ngettext(
                "%(num)s lead was not answered in time",
                "%(num)s leads were not answered in time",
                len(leads),
            )
            body = _body(
                _(
                    "The leads stay with you. Your channel manager is told how many were missed "
                    "and in which campaign, and nothing about the people."
                ),
                [_own_line(lead, base_url) for lead in leads[:_MOST_LISTED]],
                f"{base_url}/portal/leads/",
            )
        _queue(session, partner_id, f"lead.missed:{leads[0].id}", reader, subject, body)


def tell_manager(
    session: Session, enrolment: Enrolment, leads: Sequence[Lead], base_url: str
) -> None:
    """To the partner's channel manager; without one, to the vendor's admins."""
    partner = enrolment.partner.trading_name
    for reader in _managers(session, enrolment):
        with speaking(reader.locale, reader.timezone):
            subject = ngettext(
                "%(partner)s missed the time to answer %(num)s lead",
                "%(partner)s missed the time to answer %(num)s leads",
                len(leads),
                partner=partner,
            )
            body = _body(
                _(
                    "The leads stay with %(partner)s, whose admins are told too. Who the people "
                    "are is between them and %(partner)s. Ask whether it needs help.",
                    partner=partner,
                ),
                [_plain_line(lead) for lead in leads[:_MOST_LISTED]],
                f"{base_url}/studio/partners/{enrolment.id}",
            )
        cause = f"lead.missed.vendor:{leads[0].id}"
        _queue(session, enrolment.tenant_id, cause, reader, subject, body)


def _managers(session: Session, enrolment: Enrolment) -> list[User]:
    found = partners.managers(session, enrolment.tenant_id)
    own = [user for user in found if user.id == enrolment.manager_id]
    return own or _people(session, enrolment.tenant_id, frozenset({"VA"}))


def _people(session: Session, organisation_id: UUID, roles: frozenset[str]) -> list[User]:
    return [
        member.user
        for member in identity.members(session, organisation_id)
        if not member.pending
        and member.user.status is UserStatus.ACTIVE
        and roles & set(member.roles)
    ]


def _body(opening: str, lines: list[str], link: str) -> str:
    return "\n\n".join([opening, *lines, link])


def _own_line(lead: Lead, base_url: str) -> str:
    words = _(
        "%(name)s, %(code)s, due %(due)s",
        name=", ".join(filter(None, (name_of(lead), lead.company))),
        code=lead.campaign_code,
        due=moment(lead.due_at),
    )
    return f"{words}\n{base_url}/portal/leads/{lead.id}"


def _plain_line(lead: Lead) -> str:
    return _(
        "%(code)s, %(launch)s: due %(due)s",
        code=lead.campaign_code,
        launch=lead.launch.name,
        due=moment(lead.due_at),
    )


def _queue(
    session: Session, tenant_id: UUID, about: str, reader: User, subject: str, body: str
) -> None:
    cause = f"{about}:{reader.id.hex}"
    jobs.enqueue(
        session,
        "sending.notice",
        clock_of(session)(),
        key=cause,
        tenant_id=str(tenant_id),
        cause=cause,
        recipient=reader.email,
        subject=subject[:200],
        body=body,
        locale=reader.locale,
    )
