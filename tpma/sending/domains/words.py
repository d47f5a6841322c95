"""Checks and causes in words: what was found, what is wanted, and what to do."""

from dataclasses import dataclass

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.ports.identities import Record
from tpma.sending.domains import records
from tpma.sending.domains.checks import PURPOSES, Verdict
from tpma.sending.domains.models import DomainState, SendingDomain

TITLES = {
    "ownership": lazy("The domain is yours"),
    "dkim": lazy("Signature (DKIM)"),
    "return_path": lazy("Return path (MX)"),
    "spf": lazy("Permission to send (SPF)"),
    "dmarc": lazy("Policy (DMARC)"),
}
WHY = {
    "ownership": lazy("Proves that nobody else sends in your name."),
    "dkim": lazy("Receivers see that the mail is from you and nobody changed it."),
    "return_path": lazy("Mail that cannot be delivered comes back here, and is counted."),
    "spf": lazy("Tells receivers whose servers may send for you."),
    "dmarc": lazy("Tells receivers what to do with mail that only pretends to be yours."),
}
# verdict → (tone, icon, word)
SIGNS = {
    Verdict.OK: ("ok", "circle-check", lazy("Right")),
    Verdict.MISSING: ("wa", "circle-dashed", lazy("Not there yet")),
    Verdict.WRONG: ("ba", "circle-x", lazy("Different")),
    Verdict.WAITING: ("go", "hourglass", lazy("Provider still looks")),
    Verdict.UNKNOWN: ("wa", "cloud-x", lazy("No answer")),
    Verdict.UNNEEDED: ("", "minus", lazy("Not needed here")),
}
_TROUBLE = {
    "HOST_NOT_FOUND": lazy("The provider found no such name in DNS."),
    "TYPE_NOT_FOUND": lazy("The provider found the name, but no CNAME record at it."),
    "INVALID_VALUE": lazy("The provider found a record with another value."),
    "DNS_SERVER_ERROR": lazy(
        "Your DNS servers did not answer the provider. Ask whoever runs them."
    ),
    "SERVICE_ERROR": lazy("The provider could not look just now; it looks again by itself."),
}


_PROBLEMS = {
    "doubted": lazy(
        "Mailbox providers refused three mails as not from this domain. Its records are looked at "
        "again, and launches wait until they stand."
    ),
    "probe_unjudged": lazy("The test mail arrived, but its server says nothing of signatures."),
    "probe_unsigned": lazy("The test mail arrived without a good signature of this domain."),
    "probe_uncovered": lazy("The signature of the test mail leaves out List-Unsubscribe-Post."),
}


def problem(domain: SendingDomain) -> str:
    """What stands in the way besides DNS; of the provider's own errors the operator reads more."""
    if not domain.problem:
        return ""
    known = _PROBLEMS.get(domain.problem)
    return (
        _(known) if known else _("The mail provider could not be asked. We try again by ourselves.")
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """One check as a page shows it."""

    purpose: str
    title: str
    why: str
    verdict: str
    tone: str
    icon: str
    word: str
    text: str
    found: tuple[str, ...]
    wanted: tuple[Record, ...]
    name: str
    behind: str


def checks_of(domain: SendingDomain) -> list[Shown]:
    """Every check in words, in their order; before the first look none was found."""
    wanted = records.from_json(domain.records)
    return [_shown(purpose, domain, wanted) for purpose in PURPOSES if purpose in domain.checks]


def _shown(purpose: str, domain: SendingDomain, wanted: list[Record]) -> Shown:
    kept = domain.checks[purpose]
    verdict = Verdict(kept["verdict"])
    tone, icon, word = SIGNS[verdict]
    own = tuple(record for record in wanted if record.purpose == purpose)
    return Shown(
        purpose=purpose,
        title=_(TITLES[purpose]),
        why=_(WHY[purpose]),
        verdict=verdict.value,
        tone=tone,
        icon=icon,
        word=_(word),
        text=_text(purpose, verdict, kept, domain),
        found=tuple(kept["found"]),
        wanted=own,
        name=kept["name"],
        behind=", ".join(kept["behind"]),
    )


def _text(purpose: str, verdict: Verdict, kept: dict[str, object], domain: SendingDomain) -> str:
    if verdict is Verdict.OK:
        return _policy_stands(kept, domain) if purpose == "dmarc" else ""
    if verdict is Verdict.MISSING:
        return _(
            "There is no such record. Add it as the table below shows it, then wait a few minutes."
        )
    if verdict is Verdict.WRONG:
        return _wrong(purpose)
    if verdict is Verdict.WAITING:
        cause = _TROUBLE.get(str(kept["trouble"]))
        return (
            _(cause)
            if cause
            else _(
                "DNS is right. The provider confirms it within minutes, at the latest in "
                "three days."
            )
        )
    if verdict is Verdict.UNKNOWN:
        return _("Your DNS servers did not answer. We ask again; what stood before still counts.")
    if purpose == "dkim" and domain.transport != "outbox":
        return _(
            "The mail server of this platform signs. A test mail shows whether it does so in "
            "your name."
        )
    return ""


def _policy_stands(kept: dict[str, object], domain: SendingDomain) -> str:
    if kept["name"] == f"_dmarc.{domain.domain}":
        return ""
    return _("The policy of your main domain holds here too.")


def _wrong(purpose: str) -> str:
    return {
        "ownership": lambda: _("There is a record, but with another value. Replace it."),
        "dkim": lambda: _(
            "There is a record with another value. DNS pages often add your domain a second "
            "time: enter the short name."
        ),
        "return_path": lambda: _(
            "There must be exactly this one MX record, and no other beside it."
        ),
        "spf": lambda: _(
            "There must be exactly one SPF record here, and it must hold the part we ask for."
        ),
        "dmarc": lambda: _(
            "There must be exactly one record that starts with v=DMARC1 and has p=none, "
            "quarantine or reject."
        ),
    }[purpose]()


def lost(domain: SendingDomain) -> str:
    """The names of what is not right, for a mail."""
    bad = (Verdict.MISSING.value, Verdict.WRONG.value)
    lines = []
    for purpose in PURPOSES:
        kept = domain.checks.get(purpose)
        if kept and kept["verdict"] in bad:
            lines.append(f"{_(TITLES[purpose])}: {kept['name']}")
    return "\n".join(lines)


def state_text(domain: SendingDomain, *, provable: bool) -> str:
    """What the state means for whoever reads it."""
    if domain.state is DomainState.VERIFIED and not provable:
        return _(
            "Your next launch leaves from this domain. Nobody has proved yet how receivers see "
            "it: this platform has no mailbox to send a test mail to."
        )
    return _(_STATES[domain.state])


_STATES = {
    DomainState.UNVERIFIED: lazy("We are asking which records it needs."),
    DomainState.PENDING_DNS: lazy(
        "Add the records below. Until they are there, mail leaves from the shared domain."
    ),
    DomainState.VERIFIED: lazy(
        "All records are right. A test mail is on its way; when it has arrived as it should, "
        "your launches leave from here."
    ),
    DomainState.ACTIVE: lazy("Your launches leave from this domain."),
    DomainState.DEGRADED: lazy("Records it needs are gone. Nothing leaves until they are back."),
    DomainState.SUSPENDED: lazy("Those who run this platform have stopped it. Ask them."),
    DomainState.RETIRED: lazy("Removed."),
}


def account(
    *, sandbox: bool, enabled: bool, enforcement: str, tenant_status: str
) -> list[tuple[str, str, str]]:
    """(tone, icon, words) of what the mail provider says; all well is one line."""
    found = []
    if sandbox:
        said = _(
            "The platform’s mail account is still in the provider’s sandbox: until it is "
            "released, mail reaches only addresses the operator has confirmed."
        )
        found.append(("wa", "box", said))
    if not enabled or enforcement == "SHUTDOWN":
        said = _(
            "The mail provider has switched sending off for this platform. The operator "
            "knows; nothing of your launches is lost."
        )
        found.append(("ba", "hand-stop", said))
    elif enforcement == "PROBATION":
        said = _(
            "The mail provider watches this platform’s account closely, because of bounces or"
            " complaints."
        )
        found.append(("wa", "gavel", said))
    if tenant_status == "DISABLED":
        said = _(
            "The mail provider has stopped your company’s mail. Ask those who run this platform."
        )
        found.append(("ba", "hand-stop", said))
    return found or [("ok", "circle-check", _("The mail provider takes mail from this platform."))]
