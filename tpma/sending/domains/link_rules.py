"""Which host a partner's links may run over, and what DNS has to say of it. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import is_public_suffix
from tpma.ports.dns import NOTHING, Told
from tpma.ports.identities import Record
from tpma.sending.domains.checks import Answers, Finding, Question, Verdict
from tpma.sending.domains.rules import next_look

PREFIX = "links"  # of the host we propose
PURPOSE = "links"
LONGEST = 150  # with it an unsubscribe address stays below 200 characters (HDR-01)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MOST_LABELS = 3  # before the sending domain
# What passes for another letter at a glance.
_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "-": None, ".": None})


def proposed(domain: str) -> str:
    return f"{PREFIX}.{domain}"


def wanted_host(typed: str, domain: str, *, platform: Iterable[str], taken: Iterable[str]) -> str:
    """The host for what was typed: a name below the sending domain, alone or whole.

    `platform` are the platform's own hosts, `taken` names the domain needs for its mail. Raises
    Invalid(field="link_host") for what could pass for the platform or be no host of theirs.
    """
    text = typed.strip().lower().removeprefix("https://").removeprefix("http://")
    host = text.partition("/")[0].rstrip(".") or proposed(domain)
    if "." not in host:
        host = f"{host}.{domain}"
    labels = host.removesuffix(f".{domain}").split(".")
    if not host.endswith(f".{domain}"):
        raise _fault(_("Enter a name below %(domain)s, for example links.", domain=domain))
    if not all(map(_is_plain, labels)) or len(labels) > _MOST_LABELS or len(host) > LONGEST:
        raise _fault(_("Use letters, digits and hyphens, for example links."))
    if host in taken:
        raise _fault(_("%(host)s is needed for your mail. Choose another name.", host=host))
    typed_part = host.removesuffix(f".{domain}")
    if is_public_suffix(host) or any(_is_alike(host, typed_part, own) for own in platform):
        raise _fault(_("%(host)s could be taken for this platform’s own.", host=host))
    return host


def _is_plain(label: str) -> bool:
    """IDNA labels are left out: they may look like any other name."""
    return _LABEL.fullmatch(label) is not None and not label.startswith("xn--")


def _is_alike(host: str, typed_part: str, own: str) -> bool:
    """Whether somebody may read the platform's name in it: tpma-example-org.partner.com, and
    tpma.example-org.com. It has to begin in what is chosen here; the domain is theirs already."""
    return 0 <= _seen(host).find(_seen(own)) < len(_seen(typed_part))


def _seen(host: str) -> str:
    return host.translate(_ALIKE).replace("rn", "m").replace("vv", "w")


def _fault(words: str) -> Invalid:
    return Invalid(words, field="link_host")


def record(host: str, target: str) -> Record:
    return Record(PURPOSE, "CNAME", host, target)


def questions(host: str) -> list[Question]:
    """The addresses tell whoever has them in place of the CNAME what is wrong."""
    return [(host, "CNAME"), (host, "A")]


def judge(host: str, target: str, answers: Answers) -> Finding:
    cname = answers.get((host, "CNAME"), NOTHING)
    if cname.told is Told.FAILED:
        return Finding(Verdict.UNKNOWN, name=host)
    if not cname.values:
        addresses = answers.get((host, "A"), NOTHING).values
        verdict = Verdict.WRONG if addresses else Verdict.MISSING
        return Finding(verdict, addresses, cname.behind, host)
    stands = [value.lower() for value in cname.values] == [target.lower()]
    return Finding(Verdict.OK if stands else Verdict.WRONG, cname.values, cname.behind, host)


def look_again(asked_at: datetime, now: datetime, due: datetime | None) -> datetime | None:
    """The next look at a domain whose host is waited for: sooner than the domain itself needs."""
    pause = next_look(now - asked_at)
    if pause is None:
        return due
    return now + pause if due is None else min(due, now + pause)


def verdict_of(finding: Mapping[str, object]) -> Verdict:
    """What was last found; before the first look nothing was."""
    return Verdict(str(finding["verdict"])) if finding else Verdict.UNKNOWN
