"""HDR: the header lines mail programs and providers judge a mail by."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.sending.facts import Facts, Sample
from tpma.sending.findings import Said, Severity, amber, green, red, rule, unneeded
from tpma.sending.mail_rules import (
    envelope_faults,
    is_fake_reply,
    shouts,
    subject_of,
    unsubscribe_faults,
)

_PROVEN_FOR = timedelta(days=30)
_SIGNED = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
LONGEST_SUBJECT = 150


def _faulty(facts: Facts, look: Callable[[Sample], list[str]]) -> list[str]:
    return list(dict.fromkeys(fault for sample in facts.samples for fault in look(sample)))


@rule("HDR-01", Severity.BLOCKS, lazy("One-click unsubscribe"), "RFC 2369; RFC 8058 § 3")
def unsubscribe(facts: Facts) -> Iterable[Said]:
    faults = _faulty(facts, lambda one: unsubscribe_faults(one, secure=facts.leaves_machine))
    if faults:
        yield red(
            "; ".join(faults[:3]), (_("Change the sender"), "time"), _("A mail header is not right")
        )
    elif facts.samples:
        yield green(_("One click in the mail programme, and a link in every mail"))


@rule("HDR-02", Severity.BLOCKS, lazy("Unsubscribe works"), "RFC 8058 § 3.2")
def works(facts: Facts) -> Iterable[Said]:
    probe = facts.one_click
    if probe is None:
        yield unneeded()
    elif not 200 <= probe.status < 300 or probe.redirected:
        yield red(_("A one-click request was answered with %(code)s.", code=probe.status))
    elif not probe.unsubscribed:
        yield red(_("A one-click request was answered, and the person stayed on the list."))
    elif probe.get_changed:
        yield red(_("Looking at the link already unsubscribes; scanners would empty your list."))
    else:
        yield green(_("Tried on a test address: stopped by the request, untouched by a look"))


@rule("HDR-03", Severity.BLOCKS, lazy("Headers are signed"), "RFC 8058 § 4")
def signed(facts: Facts) -> Iterable[Said]:
    domain = facts.domain
    cure = (_("Open the sending domain"), "domains")
    if domain is None:
        yield unneeded()
    elif not domain.provable:
        yield amber(
            _("Unproven: this platform has no mailbox that could receive a test mail."), cure
        )
    elif domain.probed_at is None or facts.now - domain.probed_at > _PROVEN_FOR:
        yield red(_("The test mail that proves it is older than 30 days, or never came."), cure)
    elif not domain.probe_aligned or not domain.signed_headers >= _SIGNED:
        yield red(_("The DKIM signature does not cover the two unsubscribe headers."), cure)
    else:
        yield green(_("Both unsubscribe headers stand in the signature"))


@rule("HDR-04", Severity.BLOCKS, lazy("Header lines"), "RFC 5322; Gmail feedback loop")
def lines(facts: Facts) -> Iterable[Said]:
    if faults := _faulty(facts, envelope_faults):
        yield red(
            "; ".join(faults[:3]), (_("Change the sender"), "time"), _("A mail header is not right")
        )
    elif facts.samples:
        yield green(_("One of each, none that does not belong"))


@rule("HDR-05", Severity.BLOCKS, lazy("Subject"), "CAN-SPAM: deceptive subject headings")
def subject(facts: Facts) -> Iterable[Said]:
    cure = (_("Open the message"), "message")
    subjects = list(dict.fromkeys(subject_of(sample) for sample in facts.samples))
    fakes = [text for text in subjects if is_fake_reply(text)]
    for text in fakes:
        yield red(_("“%(subject)s” pretends to be an answer.", subject=text), cure)
    for text in subjects:
        if shouts(text):
            yield amber(_("“%(subject)s” is all in capitals.", subject=text), cure)
        if len(text) > LONGEST_SUBJECT:
            yield amber(_("A subject has %(count)s characters.", count=len(text)), cure)
    if subjects and not fakes:
        longest = max(len(text) for text in subjects)
        yield green(_("at most %(count)s characters", count=longest))


RULES = (unsubscribe, works, signed, lines, subject)
