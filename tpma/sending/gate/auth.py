"""AUTH: who writes, from which domain, and where answers go."""

import re
from collections.abc import Iterable
from datetime import timedelta

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.core.text import FREE_MAIL, registrable_domain
from tpma.sending.domains import dmarc as dmarc_rules
from tpma.sending.facts import DomainFacts, Facts, HostFacts
from tpma.sending.findings import Said, Severity, amber, green, red, rule, told, unneeded

_DOMAIN = (lazy("Open the sending domain"), "domains")
_STALE_POLICY = timedelta(days=30)
_SHORT = (
    "bit.ly buff.ly cutt.ly goo.gl is.gd lnkd.in ow.ly rb.gy rebrand.ly shorturl.at t.co t.ly "
    "tiny.cc tinyurl.com trib.al v.gd"
)
SHORTENERS = frozenset(_SHORT.split())


def _cure() -> tuple[str, str]:
    return _(_DOMAIN[0]), _DOMAIN[1]


@rule("SENDER", Severity.BLOCKS, lazy("Sender"), "RFC 5322 § 3.6.2")
def sender(facts: Facts) -> Iterable[Said]:
    if not facts.from_name or not facts.reply_to:
        yield red(
            _("Readers need a name they know and an address that answers."),
            (_("Complete the sender"), "time"),
            _("The sender is not complete"),
        )
        return
    yield green(_("%(name)s, answers to %(address)s", name=facts.from_name, address=facts.reply_to))


@rule("AUTH-01", Severity.BLOCKS, lazy("DKIM signature"), "RFC 6376; Gmail, Yahoo, Microsoft rules")
def dkim(facts: Facts) -> Iterable[Said]:
    domain = facts.domain
    if domain is None:
        yield unneeded()
    elif domain.doubted:
        yield red(
            _(
                "Mailbox providers refused mails of %(domain)s as not proven. Its records are "
                "looked at again; check them on its page.",
                domain=domain.domain,
            ),
            _cure(),
        )
    elif domain.signed_elsewhere:
        yield from _signed_elsewhere(domain)
    elif not domain.dkim_domain or not domain.dkim_verified:
        yield red(
            _("%(domain)s has no verified DKIM key. Add its CNAME records.", domain=domain.domain),
            _cure(),
        )
    elif domain.dkim_bits < 1024:
        yield red(_("The key has %(bits)s bits; 1024 are needed.", bits=domain.dkim_bits), _cure())
    elif domain.dkim_bits < 2048:
        yield amber(_("The key has %(bits)s bits; 2048 are safer.", bits=domain.dkim_bits))
    else:
        yield green(_("%(domain)s, %(bits)s bits", domain=domain.domain, bits=domain.dkim_bits))


def _signed_elsewhere(domain: DomainFacts) -> Iterable[Said]:
    if domain.dkim_verified:
        yield green(_("%(domain)s, as a test mail has shown", domain=domain.domain))
    elif domain.provable:
        yield red(
            _("No test mail has shown a signature of %(domain)s.", domain=domain.domain), _cure()
        )
    else:
        yield amber(
            _("The mail server signs, and nobody can see here whether in your name."), _cure()
        )


@rule("AUTH-02", Severity.BLOCKS, lazy("Return path and SPF"), "RFC 7208; Microsoft rules")
def mail_from(facts: Facts) -> Iterable[Said]:
    domain = facts.domain
    if domain is None:
        yield unneeded()
    elif not domain.mail_from or not domain.mail_from_verified:
        yield red(_("The return path lacks its MX or its SPF record. Add both."), _cure())
    elif not domain.rejects_without_mx:
        yield red(
            _("Mail must be rejected, not sent under another name, when the MX record is gone."),
            _cure(),
        )
    else:
        yield green(_("%(host)s, MX and SPF stand", host=domain.mail_from))


@rule("AUTH-03", Severity.BLOCKS, lazy("DMARC policy"), "RFC 7489; Gmail, Yahoo, Microsoft rules")
def dmarc(facts: Facts) -> Iterable[Said]:
    if facts.domain is None:
        yield unneeded()
        return
    tags = dmarc_rules.policy(facts.domain.dmarc)
    if tags is None:
        yield red(
            _("_dmarc needs exactly one record that starts with v=DMARC1 and has p=."), _cure()
        )
        return
    since = facts.domain.dmarc_none_since
    if tags["p"] == "none" and since and facts.today - since > _STALE_POLICY:
        yield amber(_("The policy has been p=none for over 30 days; quarantine protects you."))
    if not tags.get("rua"):
        yield amber(_("Nobody gets the DMARC reports: add rua=mailto:…"))
    yield green(_("one record, p=%(policy)s", policy=tags["p"]))


@rule("AUTH-04", Severity.BLOCKS, lazy("Alignment"), "RFC 7489 § 3.1")
def alignment(facts: Facts) -> Iterable[Said]:
    domain = facts.domain
    if domain is None:
        yield unneeded()
        return
    tags = dmarc_rules.policy(domain.dmarc) or {}
    by_dkim, by_spf = dmarc_rules.is_aligned(
        tags,
        domain.domain,
        dkim_domain=domain.dkim_domain if domain.dkim_verified else "",
        mail_from=domain.mail_from if domain.mail_from_verified else "",
    )
    if not by_dkim and not by_spf and domain.signed_elsewhere and not domain.provable:
        yield amber(_("Only the mail server knows what it signs; nothing here can prove it."))
        return
    if not by_dkim and not by_spf:
        yield red(
            _("Neither signature nor return path belongs to %(domain)s.", domain=domain.domain),
            _cure(),
        )
        return
    how = [name for name, fine in (("DKIM", by_dkim), ("SPF", by_spf)) if fine]
    yield green(_("with the From domain by %(how)s", how=", ".join(how)))


@rule("AUTH-05", Severity.BLOCKS, lazy("Whose domain it is"), "RFC 7489; Gmail, Yahoo rules")
def ownership(facts: Facts) -> Iterable[Said]:
    domain = facts.domain
    if domain is None:
        yield unneeded()
    elif domain.domain.lower() in FREE_MAIL:
        yield red(
            _(
                "%(domain)s is a free mail provider: nobody may send campaigns from it.",
                domain=domain.domain,
            ),
            _cure(),
        )
    elif domain.owner == "vendor":
        yield red(
            _("%(domain)s is the vendor's and not delegated to you.", domain=domain.domain), _cure()
        )
    elif domain.suspended:
        yield red(
            _("%(domain)s was stopped by the operator. Ask them.", domain=domain.domain), _cure()
        )
    elif not domain.owner or not domain.verified:
        yield red(_("Nobody has proved that %(domain)s is yours.", domain=domain.domain), _cure())
    else:
        yield green(domain.domain)


@rule("AUTH-06", Severity.WARNS, lazy("Hosts of the links"), "Content filters of Gmail, Microsoft")
def hosts(facts: Facts) -> Iterable[Said]:
    if facts.hosts is None:
        yield unneeded()
        return
    if facts.hosts.missing:
        yield told(
            _(
                "DNS does not lead %(host)s to this platform. Links run over the platform’s host "
                "until it does.",
                host=facts.hosts.missing,
            ),
            _cure(),
            _("Your own host for links is not there"),
        )
    faults = list(_host_faults(facts.hosts))
    for fault in faults:
        yield amber(fault, (_("Open the message"), "message"))
    if not faults:
        yield green(_("Yours or the platform's, over HTTPS"))


def _host_faults(found: HostFacts) -> Iterable[str]:
    if short := sorted(set(found.hosts) & SHORTENERS):
        yield _("Shortened links are filtered: %(hosts)s", hosts=", ".join(short))
    if found.insecure:
        yield _("Without valid HTTPS: %(hosts)s", hosts=", ".join(found.insecure))
    own = {registrable_domain(host) for host in found.ours}
    if strange := sorted({h for h in found.hosts if registrable_domain(h) not in own} - SHORTENERS):
        yield _("Not the sender's domain: %(hosts)s", hosts=", ".join(strange[:3]))


@rule("AUTH-07", Severity.BLOCKS, lazy("Address for replies"), "Microsoft rules")
def replies(facts: Facts) -> Iterable[Said]:
    change = (_("Change the address"), "time")
    nobody = re.match(r"(no|do[-_.]?not)[-_.]?reply@", facts.reply_to, re.IGNORECASE)
    if nobody:
        yield amber(
            _(
                "%(address)s: people answer campaigns; use a mailbox somebody reads.",
                address=facts.reply_to,
            ),
            change,
            _("Replies go to an address that says it does not answer"),
        )
    if facts.reply is None:
        if not nobody:
            yield unneeded()
        return
    if facts.reply.has_mx is None:
        yield red(
            _(
                "We are looking whether %(address)s takes mail. Look again in a minute.",
                address=facts.reply_to,
            )
        )
        return
    if not facts.reply.has_mx:
        yield red(_("No mail server takes mail for %(address)s.", address=facts.reply_to), change)
        return
    if not facts.reply.confirmed:
        yield amber(
            _("Nobody has confirmed that %(address)s is read.", address=facts.reply_to), change
        )
    yield green(facts.reply_to)


RULES = (sender, dkim, mail_from, dmarc, alignment, ownership, hosts, replies)
