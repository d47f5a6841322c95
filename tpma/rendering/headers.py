"""The header of a mail to one recipient, written out byte for byte.

Python's `email` folds a long List-Unsubscribe into an encoded-word, which mail clients do not
read as an address (RFC 2369 asks for it as it is); hence the lines are written here.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from operator import attrgetter

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


@dataclass(slots=True)
class MailHeaders:
    """What differs from recipient to recipient. `list_id` and `message_id` may stand without <>.

    Not frozen: one is made for every mail, and that would double what it costs.
    """

    from_name: str
    from_address: str
    reply_to: str
    to_name: str
    to_address: str
    message_id: str
    date: datetime  # aware
    list_id: str
    unsubscribe_url: str
    unsubscribe_mailto: str
    feedback_id: str
    code: str
    attempt_id: str


_TEXT_FIELDS = tuple(field.name for field in fields(MailHeaders) if field.name != "date")
_OF_LAUNCH = ("from_name", "from_address", "reply_to", "list_id", "feedback_id", "code")
_launch_texts = attrgetter(*_OF_LAUNCH)
_own_texts = attrgetter(*(name for name in _TEXT_FIELDS if name not in _OF_LAUNCH))


def header_lines(headers: MailHeaders, subject: str) -> bytes:
    """Every header line but those of the body, with CRLF.

    Raises Invalid, naming the field, for a control character (it could open another header),
    a broken address, an empty subject or a line too long.
    """
    launch = _launch_texts(headers)
    _refuse_controls(headers, subject, launch)
    written = "".join((
        "To: ", _mailbox(headers.to_name, headers.to_address, "to_address"),
        "\r\nSubject: ", _text(subject),
        "\r\nDate: ", _date(headers.date),
        "\r\nMessage-ID: ", _bracketed(headers.message_id),
        "\r\nList-Unsubscribe: ", _unsubscribe(headers),
        "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "\r\nX-TPMA-Attempt: ", headers.attempt_id, "\r\n",
    ))  # fmt: skip
    if not written.isascii() or len(written) > LONGEST:
        _refuse_lines(written)
    return _of_the_launch(*launch) + written.encode("ascii")


def shared_fields(headers: MailHeaders) -> tuple[tuple[str, str], ...]:
    """The headers every mail of a launch has alike, for a provider that writes From, Reply-To
    and what belongs to the body itself."""
    return (
        ("List-Id", _unfolded(_bracketed(headers.list_id))),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Feedback-ID", headers.feedback_id),
        ("X-TPMA-Code", headers.code),
    )


def own_fields(headers: MailHeaders, subject: str) -> tuple[tuple[str, str], ...]:
    """The headers of one reader's mail beside those. Raises Invalid as `header_lines` does."""
    _refuse_controls(headers, subject, _launch_texts(headers))
    return (
        ("List-Unsubscribe", _unsubscribe(headers)),
        ("X-TPMA-Attempt", headers.attempt_id),
    )


def sender(headers: MailHeaders) -> tuple[str, str]:
    """The mailboxes of From and Reply-To, each on one line."""
    reply_to = headers.reply_to or headers.from_address
    return (
        _unfolded(_mailbox(headers.from_name, headers.from_address, "from_address")),
        _mailbox("", reply_to, "reply_to"),
    )


def receiver(headers: MailHeaders) -> str:
    """The mailbox of To, on one line."""
    return _unfolded(_mailbox(headers.to_name, headers.to_address, "to_address"))


def _unfolded(written: str) -> str:
    return written.replace("\r\n ", " ")


@lru_cache(maxsize=256)
def _of_the_launch(
    from_name: str, from_address: str, reply_to: str, list_id: str, feedback_id: str, code: str
) -> bytes:
    """The lines that are the same for every recipient."""
    reply = _mailbox("", reply_to or from_address, "reply_to")
    written = (
        f"From: {_mailbox(from_name, from_address, 'from_address')}\r\n"
        f"Reply-To: {reply}\r\n"
        f"List-Id: {_bracketed(list_id)}\r\n"
        f"Feedback-ID: {feedback_id}\r\n"
        f"X-TPMA-Code: {code}\r\n"
    )
    _refuse_lines(written)
    return written.encode("ascii")


@lru_cache(maxsize=64)
def _date(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise Invalid(_("The date of a mail needs a time zone."), field="date")
    return format_datetime(moment)


def _refuse_controls(headers: MailHeaders, subject: str, launch: tuple[str, ...]) -> None:
    if not subject or subject.isspace():
        raise Invalid(_("A mail needs a subject."), field="subject")
    if "".join((subject, *_own_texts(headers))).isprintable() and _printable(launch):
        return
    texts = {"subject": subject, **_texts(headers)}
    if not _CONTROL.search("".join(texts.values())):
        return
    field = next(name for name, text in texts.items() if _CONTROL.search(text))
    raise Invalid(_("Write this on one line, without control characters."), field=field)


@lru_cache(maxsize=256)
def _printable(texts: tuple[str, ...]) -> bool:
    return all(map(str.isprintable, texts))


def _texts(headers: MailHeaders) -> dict[str, str]:
    return {name: getattr(headers, name) for name in _TEXT_FIELDS}


def _refuse_lines(written: str) -> None:
    for line in written.split("\r\n"):
        if not line.isascii() or len(line) > LONGEST:
            name = line.split(":")[0]
            raise Invalid(
                _("The mail header %(name)s is too long or not plain ASCII.", name=name),
                field=name.lower().replace("-", "_"),
            )


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


def _unsubscribe(headers: MailHeaders) -> str:
    """One web address first, then one mail address, on one line (RFC 8058, RFC 2369)."""
    if not _ADDRESS_ONLY.fullmatch(headers.unsubscribe_url):
        raise Invalid(
            _("The address for unsubscribing is no web address."), field="unsubscribe_url"
        )
    mailto = headers.unsubscribe_mailto.removeprefix("mailto:")
    if not mailto:
        return f"<{headers.unsubscribe_url}>"
    if not _ADDRESS.match(mailto) or re.search(r"[\s<>,]", mailto):
        raise Invalid(
            _("The address for unsubscribing is no e-mail address."), field="unsubscribe_mailto"
        )
    return f"<{headers.unsubscribe_url}>, <mailto:{mailto}>"
