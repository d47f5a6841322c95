"""BODY and brand: what a mail must say, must not carry, and must carry."""

import re
from collections.abc import Iterable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from html import unescape
from urllib.parse import urlsplit

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext
from tpma.sending.facts import Facts, Sample
from tpma.sending.findings import Said, Severity, Tone, amber, green, red, rule
from tpma.sending.gate.auth import SHORTENERS
from tpma.sending.mail_rules import lacks_code, part_faults, residue

_OPEN = (lazy("Open the message"), "message")
HTML_SOON_CUT = 90_000
LARGEST_MAIL, LARGE_MAIL = 10_000_000, 1_000_000  # bytes
_ENDINGS = (
    "ade adp bat chm cmd com cpl exe hta ins iso jar js jse lib lnk mde msc msi msp mst nsh ps1 "
    "reg scr sct shb sys vb vbe vbs vxd wsc wsf wsh"
)
_HARMFUL = frozenset(_ENDINGS.split())
_LINK = re.compile(r'href="(https?://[^"]+)"')
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_TINY = re.compile(r'\b(?:width|height)="[01]"')
_NOWHERE = re.compile(
    r"^(?:localhost|127\.|10\.|192\.168\.|\[?::1|(?:[^/]*\.)?example(?:\.(?:com|net|org))?$"
    r"|(?:[^/]*\.)?(?:test|invalid|local|localhost)$|staging\.|.*[.-]staging\.)"
)
LEAST_TEXT = 200  # characters, beside more than one picture


def _cure() -> tuple[str, str]:
    return _(_OPEN[0]), _OPEN[1]


@rule("BODY-01", Severity.BLOCKS, lazy("Both parts and a way out"), "RFC 8058; Gmail clips mails")
def parts(facts: Facts) -> Iterable[Said]:
    faults = sorted({fault for sample in facts.samples for fault in part_faults(sample)})
    if any(len(sample.raw) > LARGEST_MAIL for sample in facts.samples):
        faults.append(_("A mail has more than 10 MB."))
    for fault in faults:
        yield red(fault, _cure(), _("The mail is not complete"))
    if not facts.samples or faults:
        return
    largest = max(len(sample.html.encode()) for sample in facts.samples)
    if largest >= HTML_SOON_CUT:
        yield amber(_("%(now)s kB: close to the 102 kB Gmail shows.", now=round(largest / 1024)))
    if any(len(sample.raw) > LARGE_MAIL for sample in facts.samples):
        yield amber(_("A mail has more than 1 MB; many mailboxes refuse it."))
    yield green(_("%(now)s kB of 102 kB, plain text part present", now=round(largest / 1024)))


@rule("BODY-02", Severity.BLOCKS, lazy("Who sends"), "CAN-SPAM; CASL s. 6; DDG § 5; ECG § 5")
def sender_named(facts: Facts) -> Iterable[Said]:
    wanted = {
        _("legal name"): facts.legal_name,
        _("postal address"): facts.address_line,
    }
    lacking = [name for name, value in wanted.items() if not _everywhere(facts, value)]
    if lacking:
        yield red(
            _("Missing from a mail: %(parts)s", parts=", ".join(lacking)),
            (_("Open the brand profile"), "brand"),
        )
    elif facts.samples:
        yield green(_("%(name)s with address and contact, in every mail", name=facts.legal_name))


@rule("BODY-03", Severity.BLOCKS, lazy("On whose data"), "GDPR Art. 13, 14, 26")
def disclosed(facts: Facts) -> Iterable[Said]:
    wanted = {
        _("the vendor's role"): facts.vendor_name,
        _("link to the privacy notice"): facts.privacy_url,
    }
    lacking = [name for name, value in wanted.items() if not _everywhere(facts, value)]
    if lacking:
        yield red(
            _("Missing from a mail: %(parts)s", parts=", ".join(lacking)),
            (_("Open the brand profile"), "brand"),
        )
    elif facts.samples:
        yield green(_("Sender, vendor's role and privacy notice, in every mail"))


def _everywhere(facts: Facts, value: str) -> bool:
    return bool(value) and all(
        value in sample.text or value in unescape(sample.html) for sample in facts.samples
    )


@rule("BODY-04", Severity.BLOCKS, lazy("Everything filled in"), "Dry run for every reader")
def filled(facts: Facts) -> Iterable[Said]:
    for where, message in facts.compile_faults:
        title = _("A mail or page cannot be made: %(where)s", where=where)
        yield red(message, _cure(), title)
    faults = list(_gaps(facts))
    for fault in faults:
        yield red(fault, _cure(), _("The mail is not complete"))
    if facts.unresolved:
        yield red(
            ngettext(
                "%(num)s contact has a name that cannot stand in a mail.",
                "%(num)s contacts have names that cannot stand in a mail.",
                facts.unresolved,
            ),
            (_("Open the contacts"), "audience"),
            _("Some mails cannot be personalised"),
        )
    if facts.samples and not (faults or facts.compile_faults or facts.unresolved):
        yield green(_("No gap in any mail, for any reader"))


def _gaps(facts: Facts) -> Iterable[str]:
    if any(residue(sample) for sample in facts.samples):
        yield _("A merge field was left unfilled.")
    if facts.leaves_machine:
        hosts = {host for sample in facts.samples for host in _hosts(sample)}
        if nowhere := sorted(host for host in hosts if _NOWHERE.match(host)):
            yield _("Links lead nowhere outside: %(hosts)s", hosts=", ".join(nowhere[:3]))
    dead = [url for url, status in facts.link_status.items() if not 200 <= status < 400]
    if dead:
        yield _("Links do not answer: %(links)s", links=", ".join(dead[:3]))


def links_of(sample: Sample) -> list[str]:
    return [unescape(url) for url in _LINK.findall(sample.html)]


def _hosts(sample: Sample) -> set[str]:
    return {urlsplit(url).hostname or "" for url in links_of(sample)}


@rule("BODY-05", Severity.WARNS, lazy("What filters look at"), "Content filters")
def suspicious(facts: Facts) -> Iterable[Said]:
    found = [said for sample in facts.samples for said in _suspicions(sample)]
    yield from dict.fromkeys(found)
    if facts.samples and not found:
        yield green(_("Pictures described, text enough, no attachment, no short link"))


def _suspicions(sample: Sample) -> Iterable[Said]:
    names = [part.get_filename() or "" for part in _attachments(sample)]
    harmful = [name for name in names if name.lower().rpartition(".")[2] in _HARMFUL]
    if harmful:
        yield red(_("No mailbox takes %(names)s.", names=", ".join(harmful)), _cure())
    elif names:
        yield amber(_("Attachments bring mails into spam; link to the file."), _cure())
    images = [tag for tag in _IMAGE.findall(sample.html) if not _TINY.search(tag)]
    if any(not re.search(r"\balt=", tag) for tag in images):
        yield amber(_("A picture has no description."), _cure())
    if len(images) > 1 and len(" ".join(sample.text.split())) < LEAST_TEXT:
        yield amber(_("Almost nothing but pictures."), _cure())
    if short := sorted(_hosts(sample) & SHORTENERS):
        yield amber(_("Shortened links are filtered: %(hosts)s", hosts=", ".join(short)), _cure())


def _attachments(sample: Sample) -> list[EmailMessage]:
    if b"attachment" not in sample.raw.lower():
        return []
    parsed = message_from_bytes(sample.raw, policy=modern)
    return [part for part in parsed.iter_attachments() if isinstance(part, EmailMessage)]


@rule("BODY-06", Severity.BLOCKS, lazy("Campaign code"), "Domain rules 1.6")
def coded(facts: Facts) -> Iterable[Said]:
    if any(lacks_code(sample, facts.code) for sample in facts.samples):
        yield red(_("The campaign code is missing."), _cure(), _("The mail is not complete"))
    elif not facts.form_codes:
        yield red(_("The form of the page does not carry the campaign code."), _cure())
    elif facts.samples:
        yield green(_("%(count)s links, all carry the campaign code", count=len(facts.links)))


@rule("BRAND", Severity.BLOCKS, lazy("Brand"), "Brand rules of the kit")
def brand(facts: Facts) -> Iterable[Said]:
    """The brand rules: errors stop, warnings are told."""
    cure = (_("Open the brand profile"), "brand")
    errors = [finding for finding in facts.brand if finding.severity == "error"]
    for finding in facts.brand:
        tone = Tone.RED if finding in errors else Tone.AMBER
        severity = Severity.BLOCKS if finding in errors else Severity.TELLS
        yield Said(tone, finding.cure, cure, finding.message, finding.rule, severity)
    if facts.cobranded_state == "pending_approval":
        yield red(
            _(
                "The vendor looks at changed texts of this kit first. You get a mail when it "
                "is decided."
            ),
            (_("See the texts"), "message"),
            _("Your texts are being reviewed"),
        )
    elif not errors:
        yield green(_("Logo, colours and the sender's legal data pass every rule"))


RULES = (parts, sender_named, disclosed, filled, suspicious, coded, brand)
