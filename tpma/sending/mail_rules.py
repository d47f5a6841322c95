"""The rules of the check that read mails as they would leave: their header, their two parts."""

import re
from collections.abc import Iterable
from email import message_from_bytes
from email.policy import default as modern

from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.sending.findings import Check, Facts, Sample, Tone


def headers(facts: Facts) -> Iterable[Check]:
    """HDR-01, HDR-04: one-click unsubscribe as plain text, and one of each header that counts."""
    faults = [fault for sample in facts.samples for fault in header_faults(sample)]
    if faults:
        yield Check(
            "HDR-01",
            Tone.RED,
            _("A mail header is not right"),
            "; ".join(faults[:3]),
            (_("Change the sender"), "time"),
        )
    elif facts.samples:
        yield Check(
            "HDR-01",
            Tone.GREEN,
            _("Unsubscribe"),
            _("One click in the mail programme, and a link in every mail"),
        )


_ONCE = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "Feedback-ID",
)


def header_faults(sample: Sample) -> list[str]:
    """What is wrong with the header of one mail, read from its bytes."""
    head = sample.raw.split(b"\r\n\r\n", 1)[0]
    parsed = message_from_bytes(head, policy=modern)
    faults = [
        f"{name}: {len(parsed.get_all(name) or [])}"
        for name in _ONCE
        if len(parsed.get_all(name) or []) != 1
    ]
    wire = next(
        (line for line in head.split(b"\r\n") if line.lower().startswith(b"list-unsubscribe:")), b""
    )
    if not re.fullmatch(rb"List-Unsubscribe: <https?://[^<>\s,]+>, <mailto:[^<>\s,]+>", wire):
        faults.append("List-Unsubscribe")
    if str(parsed["List-Unsubscribe-Post"] or "") != "List-Unsubscribe=One-Click":
        faults.append("List-Unsubscribe-Post")
    if any(name.lower() == "bcc" or name.lower().startswith("x-ses-") for name in parsed):
        faults.append("Bcc/X-SES")
    return faults


def bodies(facts: Facts) -> Iterable[Check]:
    """BODY-01, -04, -06: both parts, a visible way out, no residue, the code on every link."""
    for where, message in facts.compile_faults:
        yield Check(
            "BODY-04",
            Tone.RED,
            _("A mail or page cannot be made: %(where)s", where=where),
            message,
            (_("Open the message"), "message"),
        )
    faults = sorted(
        {fault for sample in facts.samples for fault in body_faults(sample, facts.code)}
    )
    for fault in faults:
        yield Check(
            "BODY-01",
            Tone.RED,
            _("The mail is not complete"),
            fault,
            (_("Open the message"), "message"),
        )
    if facts.unresolved:
        yield Check(
            "BODY-04",
            Tone.RED,
            _("Some mails cannot be personalised"),
            ngettext(
                "%(num)s contact has a name that cannot stand in a mail.",
                "%(num)s contacts have names that cannot stand in a mail.",
                facts.unresolved,
            ),
            (_("Open the contacts"), "audience"),
        )
    if facts.samples and not faults and not facts.compile_faults:
        largest = max(len(sample.html.encode()) for sample in facts.samples)
        yield Check(
            "BODY-01",
            Tone.GREEN,
            _("Size"),
            _("%(now)s kB of 102 kB, plain text part present", now=round(largest / 1024)),
        )
        yield Check(
            "BODY-06",
            Tone.GREEN,
            _("Links"),
            _("%(count)s links, all carry the campaign code", count=len(facts.links)),
        )


_RESIDUE = re.compile(r"\{\{|\}\}|\{%|%%|\[\[|>None<|undefined")
LARGEST_HTML = 102_400


def body_faults(sample: Sample, code: str) -> list[str]:
    """What is missing in one mail's two parts."""
    faults = []
    unsubscribe = re.search(r"/u/[A-Za-z0-9_-]{24}", sample.html)
    if not unsubscribe or unsubscribe.group(0) not in sample.text:
        faults.append(_("The unsubscribe link is missing from one of the two parts."))
    if not sample.text.strip():
        faults.append(_("The plain text part is empty."))
    if code not in sample.html or f"X-TPMA-Code: {code}".encode() not in sample.raw:
        faults.append(_("The campaign code is missing."))
    if _RESIDUE.search(sample.text) or _RESIDUE.search(sample.html):
        faults.append(_("A merge field was left unfilled."))
    if len(sample.html.encode()) > LARGEST_HTML:
        faults.append(_("The mail is larger than 102 kB and would be cut off."))
    return faults
