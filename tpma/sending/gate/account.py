"""QUOT, FEED: the account may send, and we will hear what became of it."""

from collections.abc import Iterable
from datetime import timedelta

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.sending.facts import AccountFacts, Facts
from tpma.sending.findings import Said, Severity, green, red, rule, unneeded

_RESOURCES = frozenset({"identity", "configuration-set"})  # mails are raw: no template
CANARY = timedelta(minutes=15)


@rule("QUOT-01", Severity.BLOCKS, lazy("Sending account"), "Amazon SES: account and tenant state")
def quota(facts: Facts) -> Iterable[Said]:
    if facts.account is None:
        yield unneeded()
        return
    faults = list(_faults(facts.account))
    for fault in faults:
        yield red(fault)
    if not faults:
        yield green(_("Out of the sandbox, healthy, everything associated"))


def _faults(found: AccountFacts) -> Iterable[str]:
    if found.sandbox:
        yield _("The account is still in the sandbox. Ask the operator.")
    if not found.sending_enabled:
        yield _("Sending is switched off for the account. Ask the operator.")
    if found.enforcement != "HEALTHY":
        yield _("The provider has put the account on %(state)s.", state=found.enforcement)
    if found.tenant_status not in ("ENABLED", "REINSTATED"):
        yield _("The provider has stopped your mail (%(state)s).", state=found.tenant_status)
    own = _RESOURCES if found.associated is None else found.associated
    if missing := sorted(_RESOURCES - own):
        yield _("Not associated with you yet: %(names)s", names=", ".join(missing))


@rule("FEED-01", Severity.BLOCKS, lazy("Event feed"), "Amazon SES mailbox simulator")
def feed(facts: Facts) -> Iterable[Said]:
    found = facts.feed
    if found is None:
        yield unneeded()
        return
    seen = (found.delivery_seen, found.bounce_seen)
    if any(at is None or facts.now - at > CANARY for at in seen):
        yield red(
            _("In the last 15 minutes no test delivery and bounce came back. Ask the operator.")
        )
    else:
        yield green(_("Test delivery and bounce came back within 15 minutes"))


RULES = (quota, feed)
