"""Human or machine? Rules by number (BOT-…), pure, with their tables.

Nothing is dropped: a hit keeps its verdict and the rule that gave it, with the edition of the
rules, so that verdicts can be worked out again (`tpma.tracking.judging`). What other hits a rule
needs is gathered there. A form post (BOT-11) and an unsubscribe (BOT-10) are judged where they
are taken.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.tracking.models import EventType, Verdict

EDITION = 2
TRAP_SPAN = timedelta(minutes=10)  # BOT-03: before and after
BURST_SPAN = timedelta(seconds=5)  # BOT-05: three links within this
_MANY_LINKS = 3
_TWITCH = timedelta(milliseconds=100)  # BOT-05: two links closer than this
_AT_ONCE = timedelta(seconds=2)  # BOT-04: after the mail was accepted
GATEWAY_SPAN, GATEWAY_READERS = timedelta(seconds=60), 5  # BOT-07
STYLE_SPAN = timedelta(seconds=30)  # BOT-08: a browser has fetched the style sheet by then
_ENOUGH = 2  # points that make a hit a machine's

_AGENTS = 4096  # different ones remembered: most hits come from few programs and networks

# What a request tells by itself: words of `TrackingEvent.signs`.
AHEAD, SCANNER, LIBRARY = "ahead", "scanner", "library"
PRIVATE, PROXY, LISTED = "private", "proxy", "listed"

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

_INNER = (
    "127.", "10.", "192.168.", *(f"172.{n}." for n in range(16, 32)), "::", "fc", "fd", "fe80:",
)  # fmt: skip

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
class Ruling:
    """A verdict and the rule behind it, with the edition of the rules."""

    verdict: Verdict
    rule: str = ""


HUMAN = Ruling(Verdict.HUMAN)


@dataclass(slots=True)
class Event:
    """One hit as the rules look at it; `id` is 0 until it is stored."""

    kind: EventType
    at: datetime
    message_id: int | None = None
    link_key: str = ""
    network: str = ""  # of the visitor, as far as it is kept
    family: str = ""  # of the program
    signs: str = ""
    verdict: Verdict = Verdict.HUMAN
    rule: str = ""
    id: int = 0
    launch_id: UUID | None = None

    @property
    def is_human(self) -> bool:
        return self.verdict is Verdict.HUMAN


@dataclass(frozen=True, slots=True)
class Trap:
    """Hits of one maker (a network and a kind of program) in the traps of one reader's mails."""

    network: str
    family: str
    first: datetime
    last: datetime

    def caught(self, event: Event) -> bool:
        is_same = (self.network and self.network == event.network) or (
            self.family and self.family == event.family
        )
        return bool(is_same) and self.first - TRAP_SPAN <= event.at <= self.last + TRAP_SPAN


@dataclass(frozen=True, slots=True)
class Around:
    """What else is known when a hit is judged. `loaded` is whether the page behind a click fetched
    its style sheet, None where nobody can say (yet)."""

    traps: Sequence[Trap] = ()
    accepted_at: datetime | None = None  # when the mail was handed over
    in_burst: bool = False
    at_gateway: bool = False
    loaded: bool | None = None


_NOTHING = Around()


def signs_of(visit: Visit, is_listed: Callable[[str], bool] = lambda _address: False) -> str:
    """What the request itself tells, in words of our own; kept with the event.

    `is_listed` knows the networks of data centres and security vendors (BOT-06).
    """
    is_ahead = visit.method not in ("GET", "POST") or "prefetch" in visit.purpose.casefold()
    ahead = (AHEAD,) if is_ahead else ()
    listed = (LISTED,) if visit.address and is_listed(visit.address) else ()
    return " ".join((*ahead, *_signs_of_agent(visit.agent), *listed))


@lru_cache(_AGENTS)
def _signs_of_agent(agent: str) -> tuple[str, ...]:
    folded = agent.casefold().strip()
    found = {
        SCANNER: any(part in folded for part in _SCANNERS),
        LIBRARY: not folded or any(part in folded for part in _LIBRARIES),
        PRIVATE: agent.strip() == _PRIVACY_PROXY,
        PROXY: is_picture_proxy(agent),
    }
    return tuple(name for name, holds in found.items() if holds)


def judge(event: Event, around: Around = _NOTHING) -> Ruling:
    """Who made this hit. More hits around it only ever make a machine of it, never a person."""
    signs = event.signs.split()
    found = _by_request(signs) or (_open(signs) if event.kind is EventType.OPEN else None)
    if found is not None:
        return found
    if event.kind is EventType.TRAP or any(trap.caught(event) for trap in around.traps):
        return Ruling(Verdict.SCANNER, _rule("BOT-03"))
    if event.kind is not EventType.CLICK:
        return HUMAN
    if around.in_burst:
        return Ruling(Verdict.SCANNER, _rule("BOT-05"))
    if around.at_gateway:
        return Ruling(Verdict.SCANNER, _rule("BOT-07"))
    return _scored(event, signs, around)


def _by_request(signs: Sequence[str]) -> Ruling | None:
    if AHEAD in signs:
        return Ruling(Verdict.BOT, _rule("BOT-01"))
    if SCANNER in signs:
        return Ruling(Verdict.SCANNER, _rule("BOT-02"))
    if LIBRARY in signs:
        return Ruling(Verdict.BOT, _rule("BOT-02"))
    return None


def _open(signs: Sequence[str]) -> Ruling | None:
    if PRIVATE in signs:
        return Ruling(Verdict.MACHINE_OPEN, _rule("BOT-09"))
    if PROXY in signs:
        return Ruling(Verdict.HUMAN, _rule("BOT-09"))
    return None


@lru_cache(_AGENTS)
def is_picture_proxy(agent: str) -> bool:
    """Whether place and time of an open are those of a mail service, not of the reader."""
    return any(part in agent.casefold() for part in _PICTURE_PROXIES)


def bursts(clicks: Sequence[Event], links: int = 0) -> set[int]:
    """Places in `clicks` (of one mail, oldest first) that belong to BOT-05: three distinct links
    within five seconds, or all of a mail's two; or two of them faster than a hand can move.

    `links` is how many the mail has, 0 if that is not known. One pass, however many there are.
    """
    found = _twitches(clicks, 1) | _twitches(clicks, -1)
    enough = links if 2 <= links < _MANY_LINKS else _MANY_LINKS
    begin = marked = 0
    within: Counter[str] = Counter()
    for end, click in enumerate(clicks):
        within[click.link_key] += 1
        while click.at - clicks[begin].at > BURST_SPAN:
            within[clicks[begin].link_key] -= 1
            begin += 1
        if len(+within) >= enough:
            found |= set(range(max(begin, marked), end + 1))
            marked = end + 1
    return found


def _twitches(clicks: Sequence[Event], step: int) -> set[int]:
    """Clicks with another link's shortly before them (`step` 1) or after them (-1)."""
    found: set[int] = set()
    places = range(len(clicks))[::step]
    last: Event | None = None  # the nearest one of another link than the present
    before: Event | None = None
    for place in places:
        click = clicks[place]
        if before is not None and before.link_key != click.link_key:
            last = before
        if last is not None and abs(click.at - last.at) < _TWITCH:
            found.add(place)
        before = click
    return found


def _scored(event: Event, signs: Sequence[str], around: Around) -> Ruling:
    """BOT-04 counts two, BOT-06 and BOT-08 one each; the last is asked where it would decide."""
    at_once = around.accepted_at is not None and event.at - around.accepted_at <= _AT_ONCE
    listed, unstyled = LISTED in signs, around.loaded is False
    points = 2 * at_once + listed + unstyled
    rule = "BOT-04" if at_once else "BOT-06" if listed else "BOT-08" if unstyled else ""
    verdict = Verdict.SCANNER if points >= _ENOUGH else Verdict.HUMAN
    return Ruling(verdict, _rule(rule) if rule else "")


def gateways(clicks: Sequence[Event], domains: Mapping[int, str]) -> set[int]:
    """Places in `clicks` (of one network) that belong to BOT-07: five recipients of one company
    within a minute. `domains` gives the company of a message; free mail and unknown ones are left
    out by the caller."""
    found: set[int] = set()
    companies: dict[str, list[tuple[datetime, int, int]]] = {}
    for place, click in enumerate(clicks):
        domain = domains.get(click.message_id or 0)
        if domain:
            companies.setdefault(domain, []).append((click.at, click.message_id or 0, place))
    for hits in companies.values():
        found |= _crowded(sorted(hits))
    return found


def _crowded(hits: Sequence[tuple[datetime, int, int]]) -> set[int]:
    """The places of hits (moment, message, place) with enough messages within a minute."""
    found: set[int] = set()
    begin = marked = 0
    within: Counter[int] = Counter()
    for end, (at, message, _place) in enumerate(hits):
        within[message] += 1
        while at - hits[begin][0] > GATEWAY_SPAN:
            within[hits[begin][1]] -= 1
            begin += 1
        if len(+within) >= GATEWAY_READERS:
            found |= {place for _at, _message, place in hits[max(begin, marked) : end + 1]}
            marked = end + 1
    return found


def _rule(number: str) -> str:
    return f"{number}/{EDITION}"


@lru_cache(_AGENTS)
def ip_prefix(address: str) -> str:
    """The network of an address, /24 of IPv4 and /48 of IPv6: as much as we keep of it."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    known = mapped or found
    return str(ipaddress.ip_network((known, 24 if known.version == 4 else 48), strict=False))


def is_inner(network: str) -> bool:
    """Whether a network is of no place in the internet: what a proxy or a test leaves us with."""
    return network.startswith(_INNER)


@lru_cache(_AGENTS)
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
