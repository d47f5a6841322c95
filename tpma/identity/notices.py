"""The mails of an account, in the reader's language, queued with the decision they tell of."""

from datetime import datetime

from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.core.i18n import moment, speaking
from tpma.identity.models import Organisation, User
from tpma.identity.tokens import Issued


def invitation(
    session: Session, issued: Issued, user: User, organisation: Organisation, inviter: str, url: str
) -> None:
    """`inviter` is a name, or empty when the platform itself invites; `url` is our address."""
    who = inviter or _("The operator")
    with speaking(user.locale, user.timezone):
        subject = _("%(who)s invites you to %(company)s on tpma", **_names(who, organisation))
        body = _(
            "Hello %(name)s,\n\n"
            "%(who)s invites you to work for %(company)s on tpma, where partners launch "
            "campaigns with ready-made kits.\n\n"
            "Open this link and choose a password:\n%(link)s\n\n"
            "It works once, until %(until)s.\n"
            "Not expected? Ignore this mail, and nothing happens.",
            name=user.name,
            link=issued.link(url),
            until=_until(issued.token.expires_at),
            **_names(who, organisation),
        )
    _queue(session, user, f"invitation:{issued.token.id}", subject, body, organisation)


def recovery(session: Session, issued: Issued, user: User, url: str) -> None:
    with speaking(user.locale, user.timezone):
        subject = _("Choose a new password for tpma")
        body = _(
            "Hello %(name)s,\n\n"
            "Open this link to choose a new password:\n%(link)s\n\n"
            "It works once, until %(until)s.\n"
            "Not you? Ignore this mail; your password stays as it is.",
            name=user.name,
            link=issued.link(url),
            until=_until(issued.token.expires_at),
        )
    _queue(session, user, f"recovery:{issued.token.id}", subject, body)


def password_changed(session: Session, user: User, url: str) -> None:
    """Told after the fact, so that a stolen session does not stay unnoticed."""
    with speaking(user.locale, user.timezone):
        subject = _("Your tpma password was changed")
        body = _(
            "Hello %(name)s,\n\n"
            "Your password was changed on %(when)s, and every other session has ended.\n\n"
            "Not you? Choose a new password now:\n%(link)s",
            name=user.name,
            when=moment(clock_of(session)()),
            link=f"{url}/recover",
        )
    _queue(session, user, f"password:{user.id}:{user.session_epoch}", subject, body)


def _names(who: str, organisation: Organisation) -> dict[str, str]:
    return {"who": who, "company": organisation.trading_name}


def _until(at: datetime) -> str:
    return moment(at, "long")


def _queue(
    session: Session,
    user: User,
    cause: str,
    subject: str,
    body: str,
    organisation: Organisation | None = None,
) -> None:
    jobs.enqueue(
        session,
        "sending.notice",
        clock_of(session)(),
        key=f"notice:{cause}",
        tenant_id=str(organisation.id) if organisation else None,
        cause=cause,
        recipient=user.email,
        subject=subject,
        body=body,
        locale=user.locale,
    )
