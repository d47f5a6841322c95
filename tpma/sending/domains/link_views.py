"""What the page of a sending domain says of the host its links run over."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, moment
from tpma.ports.identities import Record
from tpma.sending.domains import link_hosts, link_rules, linking
from tpma.sending.domains.checks import Verdict
from tpma.sending.domains.models import LinkHost, SendingDomain
from tpma.sending.domains.words import SIGNS, Shown
from tpma.system import System

TITLE = lazy("Links on your own host")
_LOST = ("wa", "alert-triangle", lazy("Gone"))
_ELSEWHERE = ("wa", "alert-triangle", lazy("Leads elsewhere"))


@dataclass(frozen=True, slots=True)
class Links:
    """`host` is "" where none is asked for, `check` is None then; a form for one is shown only
    where `is_offered`."""

    is_offered: bool
    proposed: str
    host: str = ""
    stands: bool = False
    record: Record | None = None
    check: Shown | None = None


def of(session: Session, system: System, domain: SendingDomain) -> Links:
    found = link_hosts.of_domain(session, domain)
    offered = linking.is_offered(system) and domain.state in linking.READY
    proposed = link_rules.proposed(domain.domain)
    if found is None or not linking.is_offered(system):
        return Links(offered, proposed)
    record = link_rules.record(found.host, system.settings.link_target)
    return Links(
        is_offered=offered,
        proposed=proposed,
        host=found.host,
        stands=found.stands_since is not None,
        record=record,
        check=_check(found, record),
    )


def _check(host: LinkHost, record: Record) -> Shown:
    verdict = link_rules.verdict_of(host.finding)
    tone, icon, word = _sign(host, verdict)
    return Shown(
        purpose=link_rules.PURPOSE,
        title=_(TITLE),
        why=_("Readers see your name in every link, and so do filters."),
        verdict=verdict.value,
        tone=tone,
        icon=icon,
        word=_(word),
        text=_text(host, verdict),
        found=tuple(host.finding.get("found", ())),
        wanted=(record,),
        name=host.host,
        behind=", ".join(host.finding.get("behind", ())),
    )


def _sign(host: LinkHost, verdict: Verdict) -> tuple[str, str, str]:
    """Never red: without the host mails leave all the same."""
    if verdict is Verdict.WRONG:
        return _ELSEWHERE
    if verdict is Verdict.MISSING and host.lost_at is not None:
        return _LOST
    return SIGNS[verdict]


def _text(host: LinkHost, verdict: Verdict) -> str:
    if host.stands_since is not None:
        return _(
            "Links, pages and unsubscribe addresses of new launches run over %(host)s since "
            "%(moment)s.",
            host=host.host,
            moment=moment(host.stands_since, "short"),
        )
    if host.lost_at is not None:
        return _(
            "The record stopped leading here; we saw it at %(moment)s. New launches run over the "
            "platform’s host. Links in mails that have left lead nowhere until it is back.",
            moment=moment(host.lost_at, "short"),
        )
    if verdict is Verdict.WRONG:
        return _(
            "There is another record at this name. It must be a CNAME to exactly the value below, "
            "without a proxy in between. Until then links run over the platform’s host."
        )
    if verdict is Verdict.UNKNOWN and host.checked_at is None:
        return _("Add the CNAME record below. Until it stands, links run over the platform’s host.")
    if verdict is Verdict.UNKNOWN:
        return _("Your DNS servers did not answer. We ask again; what stood before still counts.")
    return _(
        "There is no such record yet. Add the CNAME below; until it stands, links run over the "
        "platform’s host."
    )
