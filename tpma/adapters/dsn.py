"""What comes back by mail: delivery reports (RFC 3464), complaints (RFC 5965), auto-replies.

Pure: bytes in, reports out, and it never raises, because anybody may write to these addresses. A
report counts only if it names an attempt by a return path we made (`Verp`). Providers may strip
that from a complaint; then the attempt in the header of the mail they send back counts: 74 random
bits, which nobody knows who has not seen that mail.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum

from tpma.adapters.verp import ATTEMPT, Verp
from tpma.core.signing import TOKEN_LENGTH

MOST_BYTES = 1024 * 1024  # what a report needs stands at its beginning
_MOST_PARTS = 50
_OLDEST = timedelta(days=30)  # of a report's own date; servers give up after five
_ADDRESSED_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc", "Resent-To")
_ADDRESS = re.compile(r"[^\s<>,;:\"()\x00-\x1f\x7f]+@[^\s<>,;:\"()\x00-\x1f\x7f]+")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_UNKNOWN_USER = re.compile(
    r"(user|recipient|mailbox|account|address)\b.{0,40}\b"
    r"(unknown|not found|does ?n[o']t exist|not exist|no longer|disabled|inactive)|"
    r"(unknown|no such|invalid|non-?existent) (local )?(user|recipient|mailbox|address|account)",
    re.IGNORECASE,
)
# Status codes (RFC 3463, 7505) of an address nobody will ever read; a policy, a full mailbox or a
# mail too large says nothing about the address.
_DEAD_ADDRESS = re.compile(r"5\.(1\.(1|2|3|6|10)|2\.1|4\.4)")
_TOKEN = re.compile(rf"(?<![\w-])[\w-]{{{TOKEN_LENGTH}}}(?![\w-])", re.ASCII)
_LONGEST_SUBJECT = 1000
_NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "virus"})


class Kind(StrEnum):
    """Named like the facts of a delivery."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED_HARD = "bounced_hard"
    BOUNCED_SOFT = "bounced_soft"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to one mail."""

    kind: Kind
    attempt_id: str
    recipient: str  # as the reporter wrote it; may be empty
    at: datetime
    status: str  # RFC 3463, for example 5.1.1; of a complaint its type
    diagnostic: str


class Sort(StrEnum):
    """What a returned mail is."""

    DELIVERY = "delivery"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    FORGED = "forged"  # a report that names no attempt of ours
    UNSUBSCRIBE = "unsubscribe"  # a reader's client wrote to the address of List-Unsubscribe
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Returned:
    sort: Sort
    reports: Sequence[Report] = ()
    token: str = ""  # of an unsubscribe: what its subject names; "" for none, or for several


Fields = dict[str, str]  # by name in lower case


def read(raw: bytes, verp: Verp, received: datetime, unsubscribe: str = "") -> Returned:
    """Reports of one returned mail. `received` stands in where its own date makes no sense.

    `unsubscribe` is the address List-Unsubscribe names; a mail to it is read for its token.
    """
    try:
        return _read(message_from_bytes(raw[:MOST_BYTES]), verp, received, unsubscribe)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return Returned(Sort.OTHER)  # a mail made to break its readers


def _read(mail: Message, verp: Verp, received: datetime, unsubscribe: str) -> Returned:
    parts = _parts(mail)
    kinds = {_type(part): part for part in reversed(parts)}
    if "message/feedback-report" in kinds:
        return _complaint(mail, parts, kinds["message/feedback-report"], verp, received)
    if "message/delivery-status" in kinds or "message/global-delivery-status" in kinds:
        status = kinds.get("message/delivery-status") or kinds["message/global-delivery-status"]
        return _delivery(mail, status, verp, received)
    if unsubscribe and unsubscribe.lower() in map(str.lower, _addressed_to(mail)):
        return Returned(Sort.UNSUBSCRIBE, token=_token(mail))
    return Returned(Sort.AUTO_REPLY if _is_automatic(mail, kinds) else Sort.OTHER)


def _token(mail: Message) -> str:
    """The one token the subject holds. Clients may put words around it, and encode it."""
    subject = str(make_header(decode_header(str(mail.get("Subject", ""))[:_LONGEST_SUBJECT])))
    found = set(_TOKEN.findall(subject))
    return found.pop() if len(found) == 1 else ""


def _parts(mail: Message) -> list[Message]:
    """The parts of a mail, without those of the mail that came back inside it."""
    found = [mail]
    for part in found:
        inside = part.get_payload()
        if isinstance(inside, list) and part.get_content_maintype() == "multipart":
            found.extend(inner for inner in inside if isinstance(inner, Message))
        if len(found) > _MOST_PARTS:
            break
    return found[:_MOST_PARTS]


def _delivery(mail: Message, status: Message, verp: Verp, received: datetime) -> Returned:
    blocks = list(_blocks(status))
    attempt_id = _named_by(_addressed_to(mail), verp)
    told = {fields.get("original-envelope-id", "").lower() for fields in blocks}
    if attempt_id is None or any(ATTEMPT.fullmatch(one) for one in told - {attempt_id}):
        return Returned(Sort.FORGED)
    arrived = _date(mail.get("Date"), received, received)
    reports = [
        Report(
            kind,
            attempt_id,
            _recipient(fields),
            _date(fields.get("last-attempt-date"), received, arrived),
            _status_of(fields),
            _clean(fields.get("diagnostic-code", "")),
        )
        for fields in blocks
        if (kind := _kind_of(fields)) is not None
    ]
    return Returned(Sort.DELIVERY, tuple(reports))


def _kind_of(fields: Fields) -> Kind | None:
    action = fields.get("action", "").split(" ")[0].lower()
    if action == "failed":
        dead = _is_dead(_status_of(fields), fields.get("diagnostic-code", ""))
        return Kind.BOUNCED_HARD if dead else Kind.BOUNCED_SOFT
    return {"delayed": Kind.DELAYED, "delivered": Kind.DELIVERED}.get(action)


def _is_dead(status: str, diagnostic: str) -> bool:
    """5.0.0 and 5.1.0 say "failed" and no more: then the words decide."""
    if status in {"5.0.0", "5.1.0", ""}:
        return bool(_UNKNOWN_USER.search(diagnostic)) and not diagnostic.startswith("4")
    return _DEAD_ADDRESS.fullmatch(status) is not None


def _status_of(fields: Fields) -> str:
    """The remote server's own code where its answer has one: relays often write 5.0.0."""
    told, diagnostic = fields.get("status", ""), fields.get("diagnostic-code", "")
    own, theirs = _STATUS.search(told), _STATUS.search(diagnostic)
    if own and (not own[1].endswith(".0.0") or not theirs or theirs[1][0] != own[1][0]):
        return own[1]
    return theirs[1] if theirs else ""


def _complaint(
    mail: Message, parts: Sequence[Message], report: Message, verp: Verp, received: datetime
) -> Returned:
    fields: Fields = {}
    for block in _blocks(report):
        fields |= block
    kind = fields.get("feedback-type", "").lower()
    original = _original(parts)
    attempt_id = _complained_of(fields, original, verp)
    if attempt_id is None:
        return Returned(Sort.FORGED)
    if kind in _NO_COMPLAINT or not kind:
        return Returned(Sort.COMPLAINT)
    arrived = fields.get("arrival-date") or fields.get("received-date") or mail.get("Date")
    found = Report(
        Kind.COMPLAINED,
        attempt_id,
        _address(fields.get("original-rcpt-to", "")) or _address(original.get("to", "")),
        _date(arrived, received, received),
        _clean(kind)[:40],
        _clean(fields.get("user-agent", "")),
    )
    return Returned(Sort.COMPLAINT, (found,))


def _complained_of(fields: Fields, original: Fields, verp: Verp) -> str | None:
    """Whose mail it was. A return path that is there must be ours; then the header must agree."""
    paths = [fields.get("original-mail-from", ""), original.get("return-path", "")]
    paths = [path for text in paths for path in _ADDRESS.findall(text)]
    ours = [path for path in paths if path.lower().endswith(f"@{verp.domain.lower()}")]
    header = original.get("x-tpma-attempt", "").strip().lower()
    told = header if ATTEMPT.fullmatch(header) else None
    if not ours:
        return told
    named = _named_by(ours, verp)
    return named if named and told in {None, named} else None


def _original(parts: Sequence[Message]) -> Fields:
    """The header of the mail that came back, whole or in part."""
    for part in parts:
        if _type(part) in {"message/rfc822", "message/global"}:
            inside = part.get_payload()
            if isinstance(inside, list) and inside and isinstance(inside[0], Message):
                return _headers(inside[0])
        if _type(part) in {"text/rfc822-headers", "message/rfc822-headers"}:
            return next(iter(_blocks(part)), {})
    return {}


def _is_automatic(mail: Message, kinds: dict[str, Message]) -> bool:
    """Out of office and the like (RFC 3834), read receipts, vacation programs of old."""
    fields = _headers(mail)
    told = fields.get("auto-submitted", "no").split(";")[0].strip().lower()
    old = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-response-suppress")
    return (
        told not in {"no", ""}
        or "message/disposition-notification" in kinds
        or any(name in fields for name in old)
        or fields.get("precedence", "").lower() in {"auto_reply", "bulk", "junk"}
    )


def _named_by(addresses: Sequence[str], verp: Verp) -> str | None:
    return next((found for one in addresses if (found := verp.attempt(one))), None)


def _addressed_to(mail: Message) -> list[str]:
    fields = [str(value) for name in _ADDRESSED_TO for value in mail.get_all(name, [])]
    return [address for text in fields for address in _ADDRESS.findall(text[:2000])]


def _blocks(part: Message) -> Iterator[Fields]:
    """Groups of fields, separated by empty lines, however the parser took them apart."""
    inside = part.get_payload()
    if isinstance(inside, list):
        for block in inside[:_MOST_PARTS]:
            if isinstance(block, Message) and block.keys():
                yield _headers(block)
        return
    decoded = part.get_payload(decode=True)
    text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(inside or "")
    for group in re.split(r"\r?\n[ \t]*\r?\n", text.strip()):
        if fields := _headers(message_from_bytes(group.encode("utf-8", "replace"))):
            yield fields


def _headers(mail: Message) -> Fields:
    """The first field of each name wins, as the first is the outermost."""
    found: Fields = {}
    for name, value in mail.items():
        text = str(value).encode("utf-8", "replace").decode()  # without what no database keeps
        found.setdefault(name.lower(), " ".join(text.split()))
    return found


def _recipient(fields: Fields) -> str:
    """`rfc822; ada@reader.example` without its type."""
    told = fields.get("original-recipient") or fields.get("final-recipient", "")
    return _address(told.rpartition(";")[2])


def _address(text: str) -> str:
    found = _ADDRESS.search(text[:2000])
    return found[0][:254] if found else ""


def _type(part: Message) -> str:
    return part.get_content_type().lower()


def _clean(text: str) -> str:
    """One line for a person to read."""
    return _CONTROL.sub(" ", text).strip()[:500]


def _date(text: object, received: datetime, otherwise: datetime) -> datetime:
    """A date somebody else wrote, if it can be true."""
    try:
        found = parsedate_to_datetime(str(text or ""))
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return otherwise
    return found if received - _OLDEST <= found <= received else otherwise
