"""From a request to one mail: its bytes, its headers, its recipients."""

import json
import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from tpma.simulator import grammar
from tpma.simulator.errors import bad_request, not_found
from tpma.simulator.validation import one_of

_WIRE = SMTP.clone(max_line_length=grammar.LONGEST_LINE)
_FIELD = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


@dataclass(slots=True)
class Mail:
    operation: str
    source: str  # as the sender wrote it
    sender: str  # its bare address
    destination: list[str]
    raw: bytes
    headers: list[tuple[str, str]]
    tags: list[tuple[str, str]]
    configuration_set: str
    tenant: str
    source_ip: str
    failure: str = ""  # why the template could not be filled
    template: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    subject: str
    text: str
    html: str
    data: dict[str, Any]
    headers: list[tuple[str, str]] = field(default_factory=list)


def from_send_email(given: dict[str, Any], peer: str) -> Mail:
    content = given["Content"]
    kind = one_of("Content", content)
    if "ListManagementOptions" in given:
        name = given["ListManagementOptions"]["ContactListName"]
        raise not_found(f"List with name: {name} doesn't exist.")
    mail = _blank("SendEmail", given, peer, given.get("EmailTags", []))
    mail.destination = grammar.recipients(given.get("Destination", {}))
    if kind == "Raw":
        _raw(mail, content["Raw"]["Data"])
    elif kind == "Simple":
        _simple(mail, given, content["Simple"])
    else:
        template = read_template(content["Template"])
        _filled(mail, given, template)
    if not mail.destination:
        raise bad_request("Missing required header 'To'.")
    return mail


def from_bulk_entry(
    given: dict[str, Any], entry: dict[str, Any], template: Template, peer: str
) -> Mail:
    """Replacement headers override the template's of the same name, others are added."""
    tags = {tag["Name"]: tag for tag in given.get("DefaultEmailTags", [])}
    tags |= {tag["Name"]: tag for tag in entry.get("ReplacementTags", [])}
    mail = _blank("SendBulkEmail", given, peer, list(tags.values()))
    mail.destination = grammar.recipients(entry["Destination"])
    if not mail.destination:
        raise bad_request("Missing required header 'To'.")
    own = entry.get("ReplacementEmailContent", {}).get("ReplacementTemplate", {})
    data = _data(own.get("ReplacementTemplateData", ""))
    replaced = {name.lower(): (name, value) for name, value in template.headers}
    for name, value in grammar.extra_headers(entry.get("ReplacementHeaders", [])):
        replaced[name.lower()] = (name, value)
    whole = Template(
        template.subject,
        template.text,
        template.html,
        template.data | data,
        list(replaced.values()),
    )
    _filled(mail, {"Destination": entry["Destination"], **given}, whole)
    return mail


def _blank(operation: str, given: dict[str, Any], peer: str, tags: list[dict[str, str]]) -> Mail:
    source = given.get("FromEmailAddress", "")
    for each in given.get("ReplyToAddresses", []):
        grammar.address(each)
    return Mail(
        operation=operation,
        source=source,
        sender=grammar.address(source) if source else "",
        destination=[],
        raw=b"",
        headers=[],
        tags=grammar.tags(tags),
        configuration_set=given.get("ConfigurationSetName", ""),
        tenant=given.get("TenantName", ""),
        source_ip=peer,
    )


def _raw(mail: Mail, raw: bytes) -> None:
    grammar.size(raw)
    if not raw:
        raise bad_request("Empty message.")
    mail.raw, mail.headers = raw, grammar.headers(raw)
    named = {name.lower(): value for name, value in mail.headers}
    if "from" not in named:
        raise bad_request("Missing required header 'From'.")
    if not mail.source:
        mail.source = named["from"]
        mail.sender = grammar.address(mail.source)
    if not mail.destination:
        written = ",".join(named.get(name, "") for name in ("to", "cc", "bcc")).split(",")
        given = {"ToAddresses": [each for each in written if each.strip()]}
        mail.destination = grammar.recipients(given)


def _simple(mail: Mail, given: dict[str, Any], simple: dict[str, Any]) -> None:
    if not simple["Body"]:
        raise bad_request("Body must have Text or Html.")
    body = {kind: part["Data"] for kind, part in simple["Body"].items()}
    headers = grammar.extra_headers(simple.get("Headers", []))
    _compose(mail, given, simple["Subject"]["Data"], body, headers)


def read_template(given: dict[str, Any]) -> Template:
    """Inline content only: the simulator keeps no templates."""
    if "TemplateContent" not in given:
        name = given.get("TemplateName") or given.get("TemplateArn", "")
        raise not_found(f"Template {name} does not exist.")
    inline = given["TemplateContent"]
    if not inline.get("Subject") or not (inline.get("Text") or inline.get("Html")):
        raise bad_request("Template content must have a subject, and text or HTML.")
    return Template(
        inline["Subject"],
        inline.get("Text", ""),
        inline.get("Html", ""),
        _data(given.get("TemplateData", "")),
        grammar.extra_headers(given.get("Headers", [])),
    )


def _data(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise bad_request("Template data is not valid JSON.") from error
    if not isinstance(found, dict):
        raise bad_request("Template data must be a JSON object.")
    return found


def _filled(mail: Mail, given: dict[str, Any], template: Template) -> None:
    """SES accepts what it cannot fill in and tells so by an event."""
    mail.template = "inline"
    missing: list[str] = []

    def value(found: re.Match[str]) -> str:
        if found[1] not in template.data:
            missing.append(found[1])
        return str(template.data.get(found[1], ""))

    subject = _FIELD.sub(value, template.subject)
    parts = {"Text": _FIELD.sub(value, template.text), "Html": _FIELD.sub(value, template.html)}
    headers = [(name, _FIELD.sub(value, text)) for name, text in template.headers]
    if missing:
        mail.failure = f"Attribute '{missing[0]}' is not present in the rendering data."
    _compose(mail, given, subject, {k: v for k, v in parts.items() if v}, headers)


def _compose(
    mail: Mail,
    given: dict[str, Any],
    subject: str,
    body: dict[str, str],
    headers: list[tuple[str, str]],
) -> None:
    if not mail.source:
        raise bad_request("FromEmailAddress is required.")
    if "\r" in subject or "\n" in subject:
        raise bad_request("Subject contains a line break.")
    made = EmailMessage(_WIRE)
    made["From"] = mail.source
    destination = given.get("Destination", {})
    for name, whom in (
        ("To", destination.get("ToAddresses")),
        ("Cc", destination.get("CcAddresses")),
        ("Reply-To", given.get("ReplyToAddresses")),
    ):
        if whom:
            made[name] = ", ".join(whom)
    made["Subject"] = subject
    for name, value in headers:
        made[name] = value
    _fill(made, body)
    mail.raw = made.as_bytes()
    grammar.size(mail.raw)
    mail.headers = grammar.headers(mail.raw)


def _fill(made: EmailMessage, body: dict[str, str]) -> None:
    if "Text" in body:
        made.set_content(body["Text"])
    if "Html" in body and "Text" in body:
        made.add_alternative(body["Html"], subtype="html")
    elif "Html" in body:
        made.set_content(body["Html"], subtype="html")
