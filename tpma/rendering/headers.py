"""The header of a mail to one recipient, written out byte for byte.

Python's `email` folds a long List-Unsubscribe into an encoded-word, which mail clients do not
read as an address (RFC 2369 asks for it as it is); hence the lines are written here.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from email.utils import format_datetime
from functools import cached_property
from typing import NamedTuple

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

LONGEST = 995  # RFC 5322 allows 998 in a line
_FOLD_AT = 76
_WORD_BYTES = 42  # 56 base64 characters, 68 with the frame of an encoded-word
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_ASCII = re.compile(r"[\x20-\x7e]*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@]+@[A-Za-z0-9.-]+")
_WITHIN = re.compile(r"[^<>\s]+")
_NAMED = re.compile(r"(.*)<([^<>\s]+)>")
_ADDRESS_ONLY = re.compile(r"https?://[^\s<>,]+")
_APART = re.compile(r"[\s<>,]")
ONE_CLICK = "List-Unsubscribe=One-Click"

# A name, an address and a subject of which nothing has to be encoded, quoted or folded.
_ATOM = r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]"
_PLAIN = re.compile(
    rf"{_ATOM}++(?: +{_ATOM}++)*+"
    r"\n[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++@[A-Za-z0-9.-]++"
    rf"\n[!-<>-~][ -<>-~]{{0,{_FOLD_AT - len('Subject: ') - 1}}}"
)


@dataclass(frozen=True)
class Letterhead:
    """What the headers of many mails have alike: who they come from, the way out, the moment.

    A reader's token follows `unsubscribe_url` and `unsubscribe_mailto`; `message_domain` stands
    behind the @ of each Message-ID. `list_id` may stand without <>.
    """

    from_name: str
    from_address: str
    reply_to: str
    list_id: str
    feedback_id: str
    code: str
    unsubscribe_url: str
    unsubscribe_mailto: str
    message_domain: str
    date: datetime  # aware

    @cached_property
    def lines(self) -> bytes:
        """The lines themselves, with CRLF. Raises Invalid, naming the field."""
        if self.date.tzinfo is None:
            raise Invalid(_("The date of a mail needs a time zone."), field="date")
        self.refuse_controls()
        from_, reply_to = _senders(self)
        written = (
            f"From: {from_}\r\nReply-To: {reply_to}\r\nList-Id: {_bracketed(self.list_id)}\r\n"
            f"Feedback-ID: {self.feedback_id}\r\nX-TPMA-Code: {self.code}\r\n"
            f"List-Unsubscribe-Post: {ONE_CLICK}\r\nDate: {format_datetime(self.date)}\r\n"
        )
        return _refuse_lines(written).encode("ascii")

    def refuse_controls(self) -> None:
        """Raises Invalid, naming the field, where one holds a control character."""
        texts = (field.name for field in fields(self) if field.name != "date")
        _refuse_controls({name: getattr(self, name) for name in texts})

    def way_out(self, token: str) -> str:
        """List-Unsubscribe for the reader with this token. Raises Invalid, naming the field."""
        web, mail = self._ways_out
        return f"<{web}{token}>, <mailto:{mail}{token}>"

    @cached_property
    def _ways_out(self) -> tuple[str, str]:
        """One web address first, then one mail address, on one line (RFC 8058, RFC 2369)."""
        web, mail = self.unsubscribe_url, self.unsubscribe_mailto
        if not _ADDRESS_ONLY.fullmatch(web):
            raise Invalid(
                _("The address for unsubscribing is no web address."), field="unsubscribe_url"
            )
        if not _ADDRESS.match(mail) or _APART.search(mail):
            raise Invalid(
                _("The address for unsubscribing is no e-mail address."), field="unsubscribe_mailto"
            )
        return web, mail


class Addressed(NamedTuple):
    """What one reader's mail has of its own. No dataclass: a tuple is made in half the time."""

    to_name: str
    to_address: str
    message_name: str  # before the @ of Message-ID
    token: str
    attempt_id: str


def header_lines(head: Letterhead, own: Addressed, subject: str) -> bytes:
    """Every header line but those of the body, with CRLF.

    Raises Invalid, naming the field, for a control character (it could open another header),
    a broken address, an empty subject or a line too long.
    """
    shared = head.lines
    to_name, to_address, name, token, attempt = own
    plain = _PLAIN.fullmatch(f"{to_name}\n{to_address}\n{subject}")
    if plain and (name + token + attempt).isprintable():
        to = f"{to_name} <{to_address}>"
    else:
        _refuse_own(own, subject)
        to, subject = _mailbox(to_name, to_address, "to_address"), _text(subject)
    written = (
        f"To: {to}\r\nSubject: {subject}\r\nMessage-ID: <{name}@{head.message_domain}>\r\n"
        f"List-Unsubscribe: {head.way_out(token)}\r\nX-TPMA-Attempt: {attempt}\r\n"
    )
    if len(written) > LONGEST or not written.isascii():
        _refuse_lines(written)
    return shared + written.encode("ascii")


def shared_fields(head: Letterhead) -> tuple[tuple[str, str], ...]:
    """The headers every mail of a launch has alike, for a provider that writes From, Reply-To
    and what belongs to the body itself. Raises Invalid as `header_lines` does."""
    head.refuse_controls()
    return (
        ("List-Id", _unfolded(_bracketed(head.list_id))),
        ("List-Unsubscribe-Post", ONE_CLICK),
        ("Feedback-ID", head.feedback_id),
        ("X-TPMA-Code", head.code),
    )


def own_fields(
    head: Letterhead, own: Addressed, subject: str
) -> tuple[tuple[str, str], tuple[str, str]]:
    """The headers of one reader's mail beside those. Raises Invalid as `header_lines` does."""
    _refuse_own(own, subject)
    return ("List-Unsubscribe", head.way_out(own.token)), ("X-TPMA-Attempt", own.attempt_id)


def sender(head: Letterhead) -> tuple[str, str]:
    """The mailboxes of From and Reply-To, each on one line."""
    from_, reply_to = _senders(head)
    return _unfolded(from_), reply_to


def receiver(own: Addressed) -> str:
    """The mailbox of To, on one line."""
    return _unfolded(_mailbox(own.to_name, own.to_address, "to_address"))


def _senders(head: Letterhead) -> tuple[str, str]:
    return (
        _mailbox(head.from_name, head.from_address, "from_address"),
        _mailbox("", head.reply_to or head.from_address, "reply_to"),
    )


def _unfolded(written: str) -> str:
    return written.replace("\r\n ", " ")


def _refuse_own(own: Addressed, subject: str) -> None:
    if not subject or subject.isspace():
        raise Invalid(_("A mail needs a subject."), field="subject")
    if not "".join((subject, *own)).isprintable():  # of other than controls, too
        _refuse_controls({"subject": subject, **own._asdict()})


def _refuse_controls(texts: Mapping[str, str]) -> None:
    for field, text in texts.items():
        if _CONTROL.search(text):
            raise Invalid(_("Write this on one line, without control characters."), field=field)


def _refuse_lines(written: str) -> str:
    for line in written.split("\r\n"):
        if not line.isascii() or len(line) > LONGEST:
            name = line.split(":")[0]
            raise Invalid(
                _("The mail header %(name)s is too long or not plain ASCII.", name=name),
                field=name.lower().replace("-", "_"),
            )
    return written


def _mailbox(name: str, address: str, field: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise Invalid(_("That is not an e-mail address we can write to."), field=field)
    if not name.strip():
        return address
    return f"{_phrase(name.strip())} <{address}>"


def _phrase(name: str) -> str:
    if "=?" not in name:
        if _ATOMS.fullmatch(name):  # nearly always
            return name
        if _ASCII.fullmatch(name):
            return _quoted(name)
    return _encoded(name)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(text: str) -> str:
    short = len(text) <= _FOLD_AT - len("Subject: ") and text[:1] != " "
    if short and text.isascii() and "=?" not in text:
        return text
    if not _ASCII.fullmatch(text) or "=?" in text:
        return _encoded(text)
    return _folded(text)


def _encoded(text: str) -> str:
    """RFC 2047 encoded-words, whole characters each, one a line."""
    return "\r\n ".join(f"=?utf-8?B?{b64encode(part.encode()).decode()}?=" for part in _parts(text))


def _parts(text: str) -> Iterator[str]:
    part = ""
    for character in text:
        if len((part + character).encode()) > _WORD_BYTES:
            yield part
            part = ""
        part += character
    yield part


def _folded(text: str) -> str:
    """Folded before single spaces; what cannot be folded stays one line."""
    lines = [""]
    for word in text.split(" "):
        row = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1].strip() and len(row) > _FOLD_AT - len("Subject: ") and word:
            lines.append(word)
        else:
            lines[-1] = row
    return "\r\n ".join(lines)


def _bracketed(value: str) -> str:
    """`id`, `<id>` or `A name <id>` (RFC 2919), the name encoded where it must be."""
    if value[:1] == "<" and _WITHIN.fullmatch(value, 1, len(value) - 1) and value[-1] == ">":
        return value
    found = _NAMED.fullmatch(value)
    if not found:
        return f"<{value}>"
    name, identity = found[1].strip(), found[2]
    return f"{_phrase(name)} <{identity}>" if name else f"<{identity}>"
