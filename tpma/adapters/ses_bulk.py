"""SendBulkEmail: an inline template, and for each reader what fills it.

SES substitutes and does nothing else, so values arrive escaped. What differs from reader to reader
in the header goes as ReplacementHeaders.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tpma.adapters import mail_checks
from tpma.ports.mail import Envelope, Filled

MOST_ENTRIES = 50
_MOST_HEADERS = 15
_MOST_DATA = 262_144  # characters of the values of a reader
_MOST_FORM = 500_000  # bytes of a template
_NAME = re.compile(r"[!-9;-~]{1,126}")
_VALUE = re.compile(r"[ -~]{1,995}")


def problems(envelope: Envelope) -> list[str]:
    """Why this is no clean entry of a call; empty when it is."""
    filled = envelope.filled
    assert filled is not None
    found = []
    if not all(map(mail_checks.is_address, (envelope.mail_from, envelope.rcpt_to))):
        found.append("addresses must be plain ASCII, one each, without quotes")
    headers = (*filled.form.headers, *filled.headers)
    if len(headers) > _MOST_HEADERS:
        found.append(f"more than {_MOST_HEADERS} headers of its own")
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(text) for name, text in headers):
        found.append("a header holds something else than printable ASCII, or too much of it")
    if len(_data(filled.values)) > _MOST_DATA:
        found.append("the values of one reader are too long")
    found += [
        f"the mailbox of {name} is not on one plain line"
        for name, text in (("From", filled.form.mail_from), ("To", filled.to))
        if not _VALUE.fullmatch(text)
    ]
    if "\r" in filled.form.subject or "\n" in filled.form.subject:
        found.append("the subject is not on one line")
    if _size(filled) > _MOST_FORM:
        found.append("the mail is larger than a template may be")
    return found


def _size(filled: Filled) -> int:
    """At least the bytes of its texts: four a character at most."""
    form = filled.form
    most = 4 * (len(form.html) + len(form.text) + len(form.subject))
    if most <= _MOST_FORM:
        return most
    return sum(len(text.encode()) for text in (form.html, form.text, form.subject))


def request(envelopes: Sequence[Envelope], configuration_set: str) -> dict[str, Any]:
    """The call for envelopes that fill one form and come from one launch."""
    first = envelopes[0]
    assert first.filled is not None
    form = first.filled.form
    content = {"Subject": form.subject, "Text": form.text, "Html": form.html}
    made: dict[str, Any] = {
        "FromEmailAddress": form.mail_from,
        "ReplyToAddresses": [form.reply_to],
        "DefaultContent": {
            "Template": {
                "TemplateContent": content,
                "TemplateData": "{}",
                "Headers": _headers(form.headers),
            }
        },
        "BulkEmailEntries": [_entry(each) for each in envelopes],
    }
    if configuration_set:
        made["ConfigurationSetName"] = configuration_set
    return made


def _entry(envelope: Envelope) -> dict[str, Any]:
    filled = envelope.filled
    assert filled is not None
    return {
        "Destination": {"ToAddresses": [filled.to]},
        "ReplacementTags": [{"Name": k, "Value": v} for k, v in envelope.tags.items()],
        "ReplacementEmailContent": {
            "ReplacementTemplate": {"ReplacementTemplateData": _data(filled.values)}
        },
        "ReplacementHeaders": _headers(filled.headers),
    }


def _headers(headers: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in headers]


def _data(values: Mapping[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False)
