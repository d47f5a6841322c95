"""SendBulkEmail: an inline template, and for each reader what fills it.

SES substitutes and does nothing else, so values arrive escaped. What differs from reader to reader
in the header goes as ReplacementHeaders.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tpma.adapters import mail_checks
from tpma.ports.mail import Envelope, Form

MOST_ENTRIES = 50
_MOST_HEADERS = 15
_MOST_DATA = 262_144  # characters of the values of a reader
_ESCAPED = 2  # of a character in JSON, at most; control characters are in no value
_MOST_FORM = 500_000  # bytes of a template
_NAME = re.compile(r"[!-9;-~]{1,126}")
_VALUE = re.compile(r"[ -~]{1,995}")
_VALUES = re.compile(r"(?:[ -~]{1,995}\n)*")


def problems(envelope: Envelope) -> list[str]:
    """Why this is no clean entry of a call; empty when it is."""
    filled = envelope.filled
    assert filled is not None
    found = _form_problems(filled.form)
    if not (_is_sender(envelope.mail_from) and mail_checks.is_address(envelope.rcpt_to)):
        found = [*found, "addresses must be plain ASCII, one each, without quotes"]
    if len(filled.form.headers) + len(filled.headers) > _MOST_HEADERS:
        found = [*found, f"more than {_MOST_HEADERS} headers of its own"]
    if not _clean(filled.headers):
        found = [*found, "a header holds something else than printable ASCII, or too much of it"]
    if sum(map(len, filled.values.values())) * _ESCAPED > _MOST_DATA:
        found = [*found, "the values of one reader are too long"]
    if not _VALUE.fullmatch(filled.to):
        found = [*found, "the mailbox of To is not on one plain line"]
    return found


@lru_cache(maxsize=64)
def _form_problems(form: Form) -> list[str]:
    """Of what all its readers share; looked at once."""
    found = []
    if not _clean(form.headers):
        found.append("a header of the form holds something else than printable ASCII")
    if not _VALUE.fullmatch(form.mail_from):
        found.append("the mailbox of From is not on one plain line")
    if "\r" in form.subject or "\n" in form.subject:
        found.append("the subject is not on one line")
    if sum(len(text.encode()) for text in (form.html, form.text, form.subject)) > _MOST_FORM:
        found.append("the mail is larger than a template may be")
    return found


def _clean(headers: Sequence[tuple[str, str]]) -> bool:
    values = "".join([f"{text}\n" for _name, text in headers])
    is_plain = _VALUES.fullmatch(values) is not None and values.count("\n") == len(headers)
    return is_plain and _are_names(*(name for name, _text in headers))


_is_sender = lru_cache(maxsize=64)(mail_checks.is_address)


@lru_cache(maxsize=64)
def _are_names(*names: str) -> bool:
    return all(map(_NAME.fullmatch, names))


def request(envelopes: Sequence[Envelope], configuration_set: str) -> dict[str, Any]:
    """The call for envelopes that fill one form and come from one launch."""
    first = envelopes[0]
    assert first.filled is not None
    form = first.filled.form
    shared = {k: v for k, v in first.tags.items() if all(v == e.tags.get(k) for e in envelopes)}
    content = {"Subject": form.subject, "Text": form.text, "Html": form.html}
    made: dict[str, Any] = {
        "FromEmailAddress": form.mail_from,
        "ReplyToAddresses": [form.reply_to],
        "DefaultEmailTags": _named(shared),
        "DefaultContent": {
            "Template": {
                "TemplateContent": content,
                "TemplateData": "{}",
                "Headers": _named(dict(form.headers)),
            }
        },
        "BulkEmailEntries": [_entry(each, shared) for each in envelopes],
    }
    if group := first.configuration_set or configuration_set:
        made["ConfigurationSetName"] = group
    if first.tenant:
        made["TenantName"] = first.tenant
    return made


def _entry(envelope: Envelope, shared: Mapping[str, str]) -> dict[str, Any]:
    filled = envelope.filled
    assert filled is not None
    return {
        "Destination": {"ToAddresses": [filled.to]},
        "ReplacementTags": _named({k: v for k, v in envelope.tags.items() if k not in shared}),
        "ReplacementEmailContent": {
            "ReplacementTemplate": {
                "ReplacementTemplateData": json.dumps(filled.values, ensure_ascii=False)
            }
        },
        "ReplacementHeaders": _named(dict(filled.headers)),
    }


def _named(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in pairs.items()]
