"""Mails read as they would leave, from their bytes: the header and the two parts."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from functools import lru_cache

from tpma.core.i18n import gettext as _
from tpma.sending.facts import Sample

LONGEST_LINE = 995  # octets, without CRLF (RFC 5322 § 2.1.1 leaves room for three)
LONGEST_URL = 200
_UNSUBSCRIBE = re.compile(rb"List-Unsubscribe: <(https?://[^<>\s,]+)>, <mailto:[^<>\s,]+>")
_ONCE = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "List-Id",
    "Feedback-ID",
)
_RESIDUE = re.compile(r"\{\{|\}\}|\{%|%%|\[\[|>None<|undefined")
_FAKE = re.compile(r"^\s*(re|fwd?|aw|wg|sv|tr|rif)\s*[:：]", re.IGNORECASE)
LARGEST_HTML = 102_400


def parts_of(raw: bytes) -> tuple[bytes, bytes]:
    """Header and body."""
    head, _gap, body = raw.partition(b"\r\n\r\n")
    return head, body


@lru_cache(maxsize=256)
def parsed_header(head: bytes) -> EmailMessage:
    return message_from_bytes(head, policy=modern)


def header_faults(sample: Sample) -> list[str]:
    """What is wrong with the header of one mail."""
    return [*unsubscribe_faults(sample), *envelope_faults(sample)]


def unsubscribe_faults(sample: Sample, *, secure: bool = False) -> list[str]:
    """HDR-01: the two headers of RFC 8058, once each, as plain text on the wire.

    With `secure` the first address has to be https: mail that leaves is read elsewhere.
    """
    head, _body = parts_of(sample.raw)
    lines = head.split(b"\r\n")
    wires = [line for line in lines if line.lower().startswith(b"list-unsubscribe:")]
    found = _UNSUBSCRIBE.fullmatch(wires[0]) if len(wires) == 1 else None
    faults = []
    if found is None or len(found[1]) > LONGEST_URL:
        faults.append("List-Unsubscribe")
    elif secure and not found[1].startswith(b"https://"):
        faults.append("List-Unsubscribe: http")
    posts = parsed_header(head).get_all("List-Unsubscribe-Post") or []
    if [str(value) for value in posts] != ["List-Unsubscribe=One-Click"]:
        faults.append("List-Unsubscribe-Post")
    faults += [f"{line[:20]!r}…" for line in lines if len(line) > LONGEST_LINE]
    return faults + (["CR/LF"] if re.search(rb"(?<!\r)\n|\r(?!\n)", head) else [])


def envelope_faults(sample: Sample) -> list[str]:
    """HDR-04: one of each header that counts, none that must not be there."""
    parsed = parsed_header(parts_of(sample.raw)[0])
    counts = {name: len(parsed.get_all(name) or []) for name in _ONCE}
    faults = [f"{name}: {count}" for name, count in counts.items() if count != 1]
    if counts["Subject"] == 1 and not str(parsed["Subject"]).strip():
        faults.append("Subject")
    names = {name.lower() for name in parsed}
    faults += sorted(n for n in names if n == "bcc" or n.startswith("x-ses-"))
    if str(parsed["Auto-Submitted"] or "no").lower() == "auto-replied":
        faults.append("Auto-Submitted")
    if str(parsed["Precedence"] or "").lower() not in ("", "bulk", "list"):
        faults.append("Precedence")
    return faults


def subject_of(sample: Sample) -> str:
    return str(parsed_header(parts_of(sample.raw)[0])["Subject"] or "")


def is_fake_reply(subject: str) -> bool:
    """ "Re:" or "Fwd:" on a mail that answers nothing."""
    return bool(_FAKE.match(subject))


def shouts(subject: str) -> bool:
    """More than 8 letters, and all of them capitals."""
    letters = [sign for sign in subject if sign.isalpha() and sign.upper() != sign.lower()]
    return len(letters) > 8 and all(sign.isupper() for sign in letters)


def body_faults(sample: Sample, code: str) -> list[str]:
    """What is missing in one mail's two parts."""
    return [
        *part_faults(sample),
        *([_("The campaign code is missing.")] if lacks_code(sample, code) else []),
        *([_("A merge field was left unfilled.")] if residue(sample) else []),
    ]


def part_faults(sample: Sample) -> list[str]:
    """BODY-01."""
    faults = []
    unsubscribe = re.search(r"/u/[A-Za-z0-9_-]{24}", sample.html)
    if not unsubscribe or unsubscribe.group(0) not in sample.text:
        faults.append(_("The unsubscribe link is missing from one of the two parts."))
    elif not _has_words(sample.html, unsubscribe.group(0)):
        faults.append(_("The unsubscribe link is a picture only; it needs words."))
    if not sample.text.strip():
        faults.append(_("The plain text part is empty."))
    if len(sample.html.encode()) > LARGEST_HTML:
        faults.append(_("The mail is larger than 102 kB and would be cut off."))
    return faults


def _has_words(html: str, address: str) -> bool:
    anchors = re.findall(
        rf"<a\b[^>]*{re.escape(address)}[^>]*>(.*?)</a>", html, re.IGNORECASE | re.DOTALL
    )
    return any(re.sub(r"<[^>]*>", "", words).strip() for words in anchors)


def lacks_code(sample: Sample, code: str) -> bool:
    """BODY-06: the code stands in the mail and in its header."""
    return code not in sample.html or f"X-TPMA-Code: {code}".encode() not in sample.raw


def residue(sample: Sample) -> bool:
    """BODY-04: a merge field nobody filled."""
    return bool(_RESIDUE.search(sample.text) or _RESIDUE.search(sample.html))
