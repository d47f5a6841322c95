"""Human or machine? Rules by number (BOT-…), pure, with their tables.

Nothing is dropped: a hit keeps its verdict and the rule that gave it, with the edition of the
rules, so that verdicts can be worked out again. BOT-03, 06 and 07 need a honeypot link, a list
of networks and the other recipients' hits; they are not applied in this edition.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.tracking.models import EventType, Verdict

EDITION = 1
_FEW_SECONDS = timedelta(seconds=5)  # BOT-05: three links within this
_MANY_LINKS = 3
_TWITCH = timedelta(milliseconds=100)  # BOT-05: two links closer than this
_AT_ONCE = timedelta(seconds=2)  # BOT-04: after the mail was accepted
_ENOUGH = 2  # points that make a hit a machine's

# Parts of User-Agent headers, in lower case.
_LIBRARIES = (
    "curl/", "wget/", "python-requests", "python-urllib", "python-httpx", "aiohttp",
    "go-http-client", "java/", "okhttp", "apache-httpclient", "libwww-perl", "node-fetch",
    "axios/", "ruby", "php/", "headlesschrome", "phantomjs", "bot/", "bot;", "crawler", "spider",
)  # fmt: skip
_SCANNERS = (
    "barracuda", "mimecast", "proofpoint", "safelinks", "bingpreview", "slackbot",
    "skypeuripreview", "microsoft office existence discovery", "ms-office", "symantec",
    "messagelabs", "fireeye", "trendmicro", "sophos", "cisco-", "ironport", "forcepoint",
    "urldefense", "googleother", "linkedinbot", "twitterbot", "facebookexternalhit", "whatsapp/",
    "telegrambot", "discordbot",
)  # fmt: skip
# Mail services that fetch pictures for their readers: somebody opened, from where is hidden.
_PICTURE_PROXIES = ("googleimageproxy", "yahoomailproxy", "ggpht.com")
_PRIVACY_PROXY = "Mozilla/5.0"  # the whole header that Apple Mail's privacy protection sends

_FAMILIES = (
    ("googleimageproxy", "Gmail proxy"),
    ("yahoomailproxy", "Yahoo proxy"),
    ("thunderbird", "Thunderbird"),
    ("outlook", "Outlook"),
    ("edg", "Edge"),
    ("opr/", "Opera"),
    ("samsungbrowser", "Samsung Internet"),
    ("firefox", "Firefox"),
    ("fxios", "Firefox"),
    ("crios", "Chrome"),
    ("chrome", "Chrome"),
    ("applewebkit", "Safari"),
)
_TARGET = re.compile(r"(https?://[^\s/?#]|mailto:|tel:)[^\s\x00-\x1f\x7f]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request as the server saw it, before anything of it is kept."""

    at: datetime
    method: str = "GET"
    agent: str = ""  # User-Agent
    purpose: str = ""  # Purpose, Sec-Purpose or X-Moz
    address: str = ""  # of the client


@dataclass(frozen=True, slots=True)
class Hit:
    """An earlier or present click of one message."""

    at: datetime
    link_key: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict and the rule behind it; `burst_since` says from when earlier clicks fall too."""

    verdict: Verdict
    rule: str = ""
    burst_since: datetime | None = None


def classify(
    kind: EventType,
    visit: Visit,
    link_key: str = "",
    *,
    accepted_at: datetime | None = None,
    earlier: Sequence[Hit] = (),
    loaded_page: bool | None = None,
) -> Ruling:
    """Who made this hit. `earlier` are the clicks of the same message, oldest first.

    `accepted_at` is when the mail was handed over; `loaded_page` whether the page's style sheet
    was fetched afterwards, None where nobody could have seen it.
    """
    found = _by_request(visit) or (_open(visit) if kind is EventType.OPEN else None)
    if found is not None:
        return found
    if kind is not EventType.CLICK:
        return Ruling(Verdict.HUMAN)
    return _burst(visit, link_key, earlier) or _scored(visit, accepted_at, loaded_page)


def _by_request(visit: Visit) -> Ruling | None:
    agent = visit.agent.casefold().strip()
    if visit.method not in ("GET", "POST") or "prefetch" in visit.purpose.casefold():
        return Ruling(Verdict.BOT, _rule("BOT-01"))
    if any(part in agent for part in _SCANNERS):
        return Ruling(Verdict.SCANNER, _rule("BOT-02"))
    if not agent or any(part in agent for part in _LIBRARIES):
        return Ruling(Verdict.BOT, _rule("BOT-02"))
    return None


def _open(visit: Visit) -> Ruling | None:
    if visit.agent.strip() == _PRIVACY_PROXY:
        return Ruling(Verdict.MACHINE_OPEN, _rule("BOT-09"))
    if is_picture_proxy(visit.agent):
        return Ruling(Verdict.HUMAN, _rule("BOT-09"))
    return None


def is_picture_proxy(agent: str) -> bool:
    """Whether place and time of an open are those of a mail service, not of the reader."""
    return any(part in agent.casefold() for part in _PICTURE_PROXIES)


def _burst(visit: Visit, link_key: str, earlier: Sequence[Hit]) -> Ruling | None:
    """Three distinct links within five seconds, or two of them faster than a hand can move."""
    near = [hit for hit in earlier if timedelta() <= visit.at - hit.at <= _FEW_SECONDS]
    links = {hit.link_key for hit in near} | {link_key}
    quick = [h for h in near if h.link_key != link_key and visit.at - h.at < _TWITCH]
    if len(links) >= _MANY_LINKS:
        return Ruling(Verdict.SCANNER, _rule("BOT-05"), near[0].at)
    if quick:
        return Ruling(Verdict.SCANNER, _rule("BOT-05"), quick[0].at)
    return None


def _scored(visit: Visit, accepted_at: datetime | None, loaded_page: bool | None) -> Ruling:
    at_once = accepted_at is not None and visit.at - accepted_at <= _AT_ONCE
    points = 2 * at_once + (loaded_page is False)
    if points >= _ENOUGH:
        return Ruling(Verdict.SCANNER, _rule("BOT-04"))
    return Ruling(Verdict.HUMAN, _rule("BOT-08") if points else "")


def _rule(number: str) -> str:
    return f"{number}/{EDITION}"


def ip_prefix(address: str) -> str:
    """The network of an address, /24 of IPv4 and /48 of IPv6: as much as we keep of it."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    known = mapped or found
    return str(ipaddress.ip_network((known, 24 if known.version == 4 else 48), strict=False))


def agent_family(agent: str) -> str:
    """The kind of program, never its version: "Chrome", "other", "" where none is named."""
    folded = agent.casefold()
    return next((name for part, name in _FAMILIES if part in folded), "other" if folded else "")


def allowed_target(target: str) -> str:
    """The target itself, if it is a web, mail or telephone address. Raises NotFound otherwise:
    what stands in the link table was checked when it was written, and is checked again here."""
    if not _TARGET.fullmatch(target):
        raise NotFound(_("This link is not one of ours."))
    return target
