"""What a partner is told when the vendor has looked at its words, queued with the decision."""

from sqlalchemy.orm import Session

from tpma import jobs
from tpma.branding.models import CoBrandedKit
from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.core.i18n import speaking
from tpma.identity.models import User, UserStatus
from tpma.identity.queries import members
from tpma.identity.rules import allowed


def approved(session: Session, cobranded: CoBrandedKit) -> None:
    for reader in _readers(session, cobranded):
        with speaking(reader.locale, reader.timezone):
            kit = cobranded.kit_version.kit.title
            subject = _("Your texts for %(kit)s are approved", kit=kit)
            body = _(
                "Hello %(name)s,\n\n"
                "The vendor has approved your texts for %(kit)s. You can launch with them now.",
                name=reader.name,
                kit=kit,
            )
            _queue(session, cobranded, reader, "approved", subject, body)


def sent_back(session: Session, cobranded: CoBrandedKit) -> None:
    for reader in _readers(session, cobranded):
        with speaking(reader.locale, reader.timezone):
            kit = cobranded.kit_version.kit.title
            subject = _("Change a text of %(kit)s before you launch", kit=kit)
            body = _(
                "Hello %(name)s,\n\n"
                "The vendor has looked at your texts for %(kit)s and asks for a change:\n\n"
                "%(note)s\n\n"
                "Change the text, or restore the kit's own; then it is looked at again.",
                name=reader.name,
                kit=kit,
                note=cobranded.review_note,
            )
            _queue(session, cobranded, reader, "sent_back", subject, body)


def _readers(session: Session, cobranded: CoBrandedKit) -> list[User]:
    """The partner's people who launch."""
    return [
        member.user
        for member in members(session, cobranded.tenant_id)
        if "launch.write" in allowed(member.roles) and member.user.status is UserStatus.ACTIVE
    ]


def _queue(
    session: Session, cobranded: CoBrandedKit, reader: User, what: str, subject: str, body: str
) -> None:
    """One mail a person and decision: two on the same version are apart in time."""
    now = clock_of(session)()
    cause = f"review:{cobranded.id}:{what}:{int(now.timestamp())}:{reader.id.hex[-12:]}"
    jobs.enqueue(
        session,
        "sending.notice",
        now,
        key=f"notice:{cause}",
        tenant_id=str(cobranded.tenant_id),
        cause=cause,
        recipient=reader.email,
        subject=subject[:200],
        body=body,
        locale=reader.locale,
    )
