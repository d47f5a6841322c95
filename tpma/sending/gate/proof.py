"""TEST: the person who launches has exactly this mail, and where asked for a second one agreed."""

from collections.abc import Iterable

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.sending.facts import Facts
from tpma.sending.findings import Said, Severity, Tone, green, red, rule, unneeded


@rule("TEST-01", Severity.BLOCKS, lazy("Proof mail"), "Domain rules 2.5")
def proof(facts: Facts) -> Iterable[Said]:
    found = facts.proof
    if found.needs_approval and not found.approved:
        yield red(
            _("Somebody else of your team has to look and approve."), None, _("Second pair of eyes")
        )
    if facts.own_mailer:
        yield unneeded(_("Not needed here: you see the mails as you take them"))
    elif found.refused:
        yield red(_("The proof to %(address)s was refused. Send it again.", address=found.address))
    elif not found.asked:
        yield Said(
            Tone.RED,
            _("The mails as they are go to you first; we send them by ourselves."),
            pending=True,
        )
    elif found.arrived:
        yield green(_("Sent to %(address)s", address=found.address))
    else:
        yield green(_("On its way to %(address)s", address=found.address))


RULES = (proof,)
