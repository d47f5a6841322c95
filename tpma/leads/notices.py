"""The mail that tells a partner's people about a new lead, each in their own language."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import best_match, moment, speaking
from tpma.core.i18n import gettext as _
from tpma.identity import queries as identity
from tpma.identity.models import User, UserStatus
from tpma.leads.models import Lead

Notices = dict[str, dict[str, str]]  # cause → what `sending.notice` is given with it
_TOLD = frozenset({"PS", "PA"})  # sales, and whoever looks after the company


@dataclass(frozen=True, slots=True)
class News:
    """A new lead, as its columns."""

    launch: str  # its name
    lead: Mapping[str, Any]

    @property
    def name(self) -> str:
        return _called(self.lead["given_name"], self.lead["family_name"], self.lead["email"])


def announce(session: Session, leads: Sequence[News], base_url: str) -> Notices:
    """One notice a lead for each person who works leads, by its cause. No vendor is told."""
    people = _told(session, {news.lead["tenant_id"] for news in leads})
    found: Notices = {}
    for (tenant_id, locale, zone), users in people.items():
        with speaking(locale, zone):
            said = cache(moment)  # leads of one moment are due at one moment
            for news in leads:
                if news.lead["tenant_id"] == tenant_id:
                    words = {
                        "subject": _subject(news),
                        "body": _body(news, said(news.lead["due_at"]), base_url),
                        "locale": locale,
                    }
                    found |= _notices(news, users, words)
    return found


def queue(session: Session, notices: Notices) -> None:
    """Each once for its cause, in the transaction of what it tells of."""
    told = {cause: {**notice, "cause": cause} for cause, notice in notices.items()}
    jobs.enqueue_all(session, "sending.notice", clock_of(session)(), told)


def _told(session: Session, tenants: Collection[UUID]) -> dict[tuple[UUID, str, str], list[User]]:
    """Who works leads there, by partner, language and time zone."""
    people: dict[tuple[UUID, str, str], list[User]] = {}
    for tenant_id in tenants:
        for member in identity.members(session, tenant_id):
            user = member.user
            is_here = not member.pending and user.status is UserStatus.ACTIVE
            if is_here and _TOLD & set(member.roles):
                locale = best_match([user.locale]) or "en"
                people.setdefault((tenant_id, locale, user.timezone), []).append(user)
    return people


def _notices(news: News, users: Sequence[User], words: Mapping[str, str]) -> Notices:
    own = {"tenant_id": str(news.lead["tenant_id"]), **words}
    return {
        f"lead.created:{news.lead['id']}:{user.id}": {**own, "recipient": user.email}
        for user in users
    }


def _subject(news: News) -> str:
    company = news.lead["company"]
    if not company:
        return _("New lead: %(name)s", name=news.name)[:200]
    return _("New lead: %(name)s, %(company)s", name=news.name, company=company)[:200]


def _body(news: News, due: str, base_url: str) -> str:
    return "\n\n".join(
        [
            _(
                "%(name)s filled in the form of %(launch)s (%(code)s).",
                name=news.name,
                launch=news.launch,
                code=news.lead["campaign_code"],
            ),
            _("Accept or decline until %(due)s:", due=due),
            f"{base_url}/portal/leads/{news.lead['id']}",
        ]
    )


def name_of(lead: Lead) -> str:
    """The person as we call them, by their address where they gave no name."""
    return _called(lead.given_name, lead.family_name, lead.email)


def _called(given: str, family: str, email: str) -> str:
    return " ".join(filter(None, (given, family))) or email
