"""What the service model does not say: addresses, tags, names, headers of a raw message."""

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any

from tpma.simulator.errors import Refusal, bad_request

MOST_RECIPIENTS = 50
MOST_ENTRIES = 50
MOST_BYTES = 40 * 1024 * 1024
MOST_HEADER = 996  # name and value together
LONGEST_LINE = 998  # RFC 5322 2.1.1

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
_LOCAL = re.compile(r"[!#-'*+\-/-9=?A-Z^-~.]{1,64}|\"[ !#-\[\]-~]{1,62}\"")
_ANGLE = re.compile(r"^(?P<display>.*?)<(?P<address>[^<>]*)>\s*$", re.DOTALL)
_ONCE = {
    "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references",
    "subject", "date", "mime-version", "content-type", "content-transfer-encoding",
    "return-path",
}  # fmt: skip


def tags(given: list[dict[str, str]]) -> list[tuple[str, str]]:
    for tag in given:
        for part in ("Name", "Value"):
            if not _TAG.fullmatch(tag[part]):
                raise bad_request(
                    f"Invalid tag {part.lower()}: only 1 to 256 alphanumeric ASCII characters,"
                    " '_' and '-' are allowed."
                )
    return [(tag["Name"], tag["Value"]) for tag in given]


def name(kind: str, given: str) -> str:
    if not _NAME.fullmatch(given):
        raise bad_request(
            f"Invalid {kind} name: only 1 to 64 alphanumeric ASCII characters,"
            " '_' and '-' are allowed."
        )
    return given


def domain(given: str) -> str:
    if not _DOMAIN.fullmatch(given):
        raise bad_request("Invalid domain name.")
    return given.lower()


def address(given: str) -> str:
    """The bare address of `a@b` or `Name <a@b>`; the local part keeps its case."""
    if "\r" in given or "\n" in given:
        raise bad_request("Address contains a line break.")
    found = _ANGLE.match(given)
    bare = (found["address"] if found else given).strip()
    local, at, host = bare.rpartition("@")
    if not at or not host:
        raise bad_request("Missing final '@domain'")
    if not local.isascii() or not _LOCAL.fullmatch(local) or _dots_astray(local):
        raise bad_request("Local address contains control or whitespace or non-ASCII characters")
    if not host.isascii() or not _DOMAIN.fullmatch(host):
        raise bad_request("Domain contains illegal character")
    return f"{local}@{host}"


def _dots_astray(local: str) -> bool:
    return not local.startswith('"') and (
        local.startswith(".") or local.endswith(".") or ".." in local
    )


def recipients(destination: dict[str, list[str]]) -> list[str]:
    found = [
        address(each)
        for kind in ("ToAddresses", "CcAddresses", "BccAddresses")
        for each in destination.get(kind, [])
    ]
    if len(found) > MOST_RECIPIENTS:
        raise bad_request(f"Recipient count exceeds {MOST_RECIPIENTS}.")
    return found


def extra_headers(given: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Headers of Simple and Template content; the model has checked their number and characters."""
    for header in given:
        if len(header["Name"]) + len(header["Value"]) > MOST_HEADER:
            raise bad_request(f"A header and its value may have {MOST_HEADER} characters together.")
    return [(header["Name"], header["Value"]) for header in given]


def size(raw: bytes) -> None:
    if len(raw) > MOST_BYTES:
        raise bad_request(f"Message length is more than {MOST_BYTES} bytes long: '{len(raw)}'.")


def headers(raw: bytes) -> list[tuple[str, str]]:
    """The header fields of a raw message, unfolded; or why SES would not parse it."""
    head = raw.split(b"\r\n\r\n", 1)[0] if b"\r\n\r\n" in raw else raw.split(b"\n\n", 1)[0]
    if not head.isascii():
        raise bad_request("Header contains non-ASCII characters.")
    found: list[tuple[str, str]] = []
    for line in head.decode("ascii").split("\n"):
        _header_line(line.removesuffix("\r"), found)
    _no_duplicates(found)
    return found


def _header_line(line: str, found: list[tuple[str, str]]) -> None:
    if len(line) > LONGEST_LINE:
        raise bad_request(f"Header line is longer than {LONGEST_LINE} characters.")
    if "\r" in line or "\0" in line:
        raise bad_request("Header contains a bare carriage return or NUL.")
    if line[:1] in (" ", "\t") and found:
        field, value = found[-1]
        found[-1] = (field, f"{value} {line.strip()}")
        return
    field, colon, value = line.partition(":")
    if not colon or not field or " " in field.rstrip():
        raise bad_request("Expected a header field.")
    found.append((field.rstrip(), value.strip()))


def _no_duplicates(found: list[tuple[str, str]]) -> None:
    seen = set()
    for field, _value in found:
        low = field.lower()
        if low in _ONCE and low in seen:
            raise bad_request(f"Duplicate header '{field}'.")
        seen.add(low)


def common(found: list[tuple[str, str]], message_id: str) -> dict[str, Any]:
    """`commonHeaders` of an event."""
    named = {field.lower(): value for field, value in reversed(found)}
    told: dict[str, Any] = {}
    for field, key in (("from", "from"), ("to", "to"), ("cc", "cc"), ("reply-to", "replyTo")):
        if field in named:
            told[key] = [each.strip() for each in decoded(named[field]).split(",")]
    if "date" in named:
        told["date"] = named["date"]
    told["messageId"] = message_id
    if "subject" in named:
        told["subject"] = decoded(named["subject"])
    return told


def decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError):
        return value


def refusal_of_entry(refusal: Refusal) -> str:
    """The status of a bulk entry for what would have been an error of SendEmail."""
    text = refusal.message
    if refusal.code == "TooManyRequestsException":
        return "ACCOUNT_DAILY_QUOTA_EXCEEDED" if "quota" in text else "ACCOUNT_THROTTLED"
    if refusal.code == "NotFoundException":
        return "TEMPLATE_NOT_FOUND" if "emplate" in text else "CONFIGURATION_SET_NOT_FOUND"
    if refusal.code == "SendingPausedException":
        whose = "configuration set" in text
        return "CONFIGURATION_SET_SENDING_PAUSED" if whose else "ACCOUNT_SENDING_PAUSED"
    return {
        "MessageRejected": "MESSAGE_REJECTED",
        "MailFromDomainNotVerifiedException": "MAIL_FROM_DOMAIN_NOT_VERIFIED",
        "AccountSuspendedException": "ACCOUNT_SUSPENDED",
        "BadRequestException": "INVALID_PARAMETER",
    }.get(refusal.code, "FAILED")
