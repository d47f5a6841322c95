"""The mails that tell a partner's people, each in their language, how their domain stands."""

from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import best_match, speaking
from tpma.core.i18n import gettext as _
from tpma.identity import queries as identity
from tpma.sending.domains import words
from tpma.sending.domains.models import SendingDomain
from tpma.system import System

VERIFIED, DEGRADED, RECOVERED, GIVEN_UP, TAKEN = (
    "verified",
    "degraded",
    "recovered",
    "given_up",
    "taken",
)


def tell(session: Session, system: System, domain: SendingDomain, what: str, held: int = 0) -> None:
    """One mail to each who may change the domain. `held`: launches that were stopped for it."""
    now = clock_of(session)()
    link = f"{system.settings.base_url}/portal/sending-domains/{domain.id}"
    for user in identity.people_who_may(session, domain.tenant_id, "brand.write"):
        locale = best_match([user.locale]) or "en"
        cause = f"sending_domain.{what}:{domain.id.hex}:{int(now.timestamp())}:{user.id.hex}"
        with speaking(locale, user.timezone):
            subject, said = _words(domain, what)
            lost = words.lost(domain) if what == DEGRADED else ""
            stopped = _stopped(held)
            body = "\n\n".join(filter(None, (said, lost, stopped, link)))
        jobs.enqueue(
            session,
            "sending.notice",
            now,
            key=None,
            tenant_id=str(domain.tenant_id),
            cause=cause,
            recipient=user.email,
            subject=subject[:200],
            body=body,
            locale=locale,
        )


def _words(domain: SendingDomain, what: str) -> tuple[str, str]:
    name = domain.domain
    return {
        VERIFIED: lambda: (
            _("%(domain)s is ready", domain=name),
            _(
                "All DNS records of %(domain)s are right. Here you see what comes next:",
                domain=name,
            ),
        ),
        RECOVERED: lambda: (
            _("%(domain)s is right again", domain=name),
            _("All DNS records of %(domain)s are back. You can resume your launches.", domain=name),
        ),
        DEGRADED: lambda: (
            _("%(domain)s has lost DNS records: your mail waits", domain=name),
            _(
                "Without them mail from %(domain)s would be refused or end among spam, so no "
                "more of it leaves. Add them again:",
                domain=name,
            ),
        ),
        GIVEN_UP: lambda: (
            _("%(domain)s still waits for its DNS records", domain=name),
            _(
                "For three days we looked for the DNS records of %(domain)s and did not find all "
                "of them. We stop looking; press “Check now” once they are there:",
                domain=name,
            ),
        ),
        TAKEN: lambda: (
            _("%(domain)s belongs to another company here", domain=name),
            _(
                "Another company has proved that %(domain)s is theirs, so you cannot send from "
                "it. If that is wrong, tell those who run this platform.",
                domain=name,
            ),
        ),
    }[what]()


def _stopped(held: int) -> str:
    if not held:
        return ""
    return _("Launches paused for it: %(count)s. Nothing of them is lost.", count=held)
