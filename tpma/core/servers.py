"""Addresses of mail servers: one URL says host, port, how the line is protected and who asks.

    smtp://127.0.0.1:25                    plain text, for a relay on this machine or network
    smtp+starttls://user:password@host     STARTTLS or nothing (port 587)
    smtps://user:password@host             TLS from the first byte (port 465)

`imap`, `imap+starttls` (143) and `imaps` (993) are written the same way, the mailbox as the path.
`?ca=/path/file.pem` names the authority that signed the server's certificate. There is no "TLS if
offered": whoever sits in between would not offer it.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_NAME = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?")
_WORD = re.compile(r"[ -~]+")  # what AUTH and LOGIN can carry on one line


class Protection(StrEnum):
    NONE = ""
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    protection: Protection
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    folder: str = ""  # IMAP: the mailbox to read

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


_SMTP = {
    "smtp": (25, Protection.NONE),
    "smtp+starttls": (587, Protection.STARTTLS),
    "smtps": (465, Protection.TLS),
}
_IMAP = {
    "imap": (143, Protection.NONE),
    "imap+starttls": (143, Protection.STARTTLS),
    "imaps": (993, Protection.TLS),
}


def smtp_server(url: str) -> MailServer:
    """Raises ValueError that says what to write instead."""
    return _server(url, _SMTP)


def imap_server(url: str) -> MailServer:
    """Raises ValueError that says what to write instead."""
    return _server(url, _IMAP)


def _server(url: str, schemes: dict[str, tuple[int, Protection]]) -> MailServer:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its words may hold a part of the password
        raise ValueError("the host or its port cannot be read") from None
    if parts.scheme not in schemes:
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"begin with one of {known}")
    default_port, protection = schemes[parts.scheme]
    return MailServer(
        host=_host(parts),
        port=port or default_port,
        protection=protection,
        **_credentials(parts, protection),
        ca_file=_ca_file(parts, protection),
        folder=unquote(parts.path.strip("/")),
    )


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not _NAME.fullmatch(host) and not _is_number(host):
        raise ValueError("name a host after ://, in ASCII (xn--… for other letters)")
    return host


def _credentials(parts: SplitResult, protection: Protection) -> dict[str, str]:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("write both user and password, or neither")
    if user and not (_WORD.fullmatch(user) and _WORD.fullmatch(password)):
        raise ValueError("user and password must be printable ASCII")
    if user and protection is Protection.NONE and not _is_loopback(parts.hostname or ""):
        raise ValueError("a password needs TLS: use the +starttls or the s scheme")
    return {"user": user, "password": password}


def _ca_file(parts: SplitResult, protection: Protection) -> str:
    asked = parse_qs(parts.query, keep_blank_values=True)
    if set(asked) - {"ca"}:
        raise ValueError("the only option after ? is ca=/path/file.pem")
    if asked and protection is Protection.NONE:
        raise ValueError("ca= is for TLS: use the +starttls or the s scheme")
    return asked.get("ca", [""])[-1]


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_number(host) and ipaddress.ip_address(host).is_loopback)
