"""What DNS and the provider say of a domain, held against what is wanted. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tpma.ports.dns import NOTHING, Answer, Told
from tpma.ports.identities import IdentityState, Record, of_purpose
from tpma.sending.domains import dmarc

PURPOSES = ("ownership", "dkim", "return_path", "spf", "dmarc")
Question = tuple[str, str]  # name, kind
Answers = Mapping[Question, Answer]


class Verdict(StrEnum):
    OK = "ok"
    MISSING = "missing"  # there is no such record
    WRONG = "wrong"  # there is one, and it says something else
    WAITING = "waiting"  # DNS is right, the provider has not looked yet
    UNKNOWN = "unknown"  # nobody answered
    UNNEEDED = "unneeded"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check, as it is kept and shown."""

    verdict: Verdict
    found: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()  # servers of the zone that do not show it yet
    name: str = ""  # where DNS was asked
    trouble: str = ""  # the provider's own word

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def questions(domain: str, records: Iterable[Record], mail_from: str) -> list[Question]:
    """What DNS has to be asked about a domain."""
    asked = [(record.name, record.kind) for record in records]
    asked += [(f"_dmarc.{host}", "TXT") for host in (domain, dmarc.organisation(domain))]
    if mail_from:
        asked += [(mail_from, "MX"), (mail_from, "TXT")]
    return list(dict.fromkeys(asked))


def judge(
    domain: str, records: Sequence[Record], identity: IdentityState, answers: Answers
) -> dict[str, Finding]:
    """Purpose → finding, in the order they are shown."""
    dkim = _every(of_purpose(records, "dkim"), answers)
    back, spf = _returned(records, identity, answers)
    own = of_purpose(records, "ownership")
    return {
        "ownership": _every(own, answers),
        "dkim": _said_by(dkim, identity.dkim_verified, identity.trouble),
        "return_path": _said_by(back, identity.mail_from_verified, ""),
        "spf": _said_by(spf, identity.mail_from_verified, ""),
        "dmarc": _policy(domain, answers),
    }


def passes(found: Mapping[str, Finding]) -> bool:
    return all(one.verdict in (Verdict.OK, Verdict.UNNEEDED) for one in found.values())


def fails(found: Mapping[str, Finding]) -> list[str]:
    """Purposes that are certainly not right; silence is no proof."""
    bad = (Verdict.MISSING, Verdict.WRONG)
    return [purpose for purpose, one in found.items() if one.verdict in bad]


def records_at_dmarc(domain: str, answers: Answers) -> tuple[str, ...]:
    """The TXT records a receiver would read the policy of this domain from (RFC 7489 § 6.6.3)."""
    return _asked_for_policy(domain, answers)[1].values


def _asked_for_policy(domain: str, answers: Answers) -> tuple[str, Answer]:
    name = f"_dmarc.{domain}"
    own = answers.get((name, "TXT"), NOTHING)
    if own.told is Told.FAILED or any("DMARC1" in text for text in own.values):
        return name, own
    above = f"_dmarc.{dmarc.organisation(domain)}"
    return above, answers.get((above, "TXT"), NOTHING)


def _policy(domain: str, answers: Answers) -> Finding:
    name, answer = _asked_for_policy(domain, answers)
    if answer.told is Told.FAILED:
        return Finding(Verdict.UNKNOWN, name=name)
    texts = tuple(text for text in answer.values if "DMARC" in text.upper())
    if dmarc.policy(answer.values) is not None:
        return Finding(Verdict.OK, texts, answer.behind, name)
    if not texts:  # neither here nor above: it is wanted here
        return Finding(Verdict.MISSING, (), answer.behind, f"_dmarc.{domain}")
    return Finding(Verdict.WRONG, texts, answer.behind, name)


def _every(wanted: Sequence[Record], answers: Answers) -> Finding:
    """All of these records; the first that is not right speaks for them."""
    if not wanted:
        return Finding(Verdict.UNNEEDED)
    found = [_one(record, answers.get((record.name, record.kind), NOTHING)) for record in wanted]
    bad = [one for one in found if one.verdict is not Verdict.OK]
    if not bad:
        behind = tuple(dict.fromkeys(host for one in found for host in one.behind))
        return Finding(Verdict.OK, found[0].found, behind, found[0].name)
    return bad[0]


def _one(record: Record, answer: Answer) -> Finding:
    if answer.told is Told.FAILED:
        return Finding(Verdict.UNKNOWN, name=record.name)
    if answer.is_absent:
        return Finding(Verdict.MISSING, (), answer.behind, record.name)
    verdict = Verdict.OK if _says(record, answer.values) else Verdict.WRONG
    return Finding(verdict, answer.values, answer.behind, record.name)


def _says(record: Record, values: Sequence[str]) -> bool:
    if record.kind == "TXT":
        if record.purpose == "dkim":
            return any(_key(record.value) == _key(value) for value in values)
        return record.value in values
    if record.kind == "MX":  # another preference is as good, another host beside it is not
        return [value.split()[-1:] for value in values] == [[record.value.split()[-1].lower()]]
    return record.value.lower() in (value.lower() for value in values)


def _key(text: str) -> str:
    """p= of a DKIM record, without the blanks DNS pages put in."""
    for tag in text.split(";"):
        name, _equals, value = tag.partition("=")
        if name.strip() == "p":
            return "".join(value.split())
    return ""


def _returned(
    records: Sequence[Record], identity: IdentityState, answers: Answers
) -> tuple[Finding, Finding]:
    """Of the return path: its MX, and the SPF record receivers read there."""
    mx = answers.get((identity.mail_from, "MX"), NOTHING)
    texts = answers.get((identity.mail_from, "TXT"), NOTHING)
    wanted_mx = of_purpose(records, "return_path")
    back = _one(wanted_mx[0], mx) if wanted_mx else _any(identity.mail_from, mx)
    return back, _spf(identity.mail_from, texts, of_purpose(records, "spf"))


def _any(name: str, answer: Answer) -> Finding:
    """Something is there; what it says is the operator's own business."""
    if answer.told is Told.FAILED:
        return Finding(Verdict.UNKNOWN, name=name)
    verdict = Verdict.OK if answer.values else Verdict.MISSING
    return Finding(verdict, answer.values, answer.behind, name)


def _spf(name: str, answer: Answer, wanted: Sequence[Record]) -> Finding:
    """Exactly one record, and what we ask for is among its terms."""
    if answer.told is Told.FAILED:
        return Finding(Verdict.UNKNOWN, name=name)
    found = tuple(dmarc.spf_records(answer.values))
    if not found:
        return Finding(Verdict.MISSING, (), answer.behind, name)
    asked = {term for record in wanted for term in dmarc.spf_terms(record.value) if ":" in term}
    right = len(found) == 1 and asked <= dmarc.spf_terms(found[0])
    return Finding(Verdict.OK if right else Verdict.WRONG, found, answer.behind, name)


def _said_by(found: Finding, provider: bool | None, trouble: str) -> Finding:
    """DNS has the last word on what is missing, the provider on what is right."""
    if provider is None or found.verdict in (Verdict.MISSING, Verdict.WRONG, Verdict.UNNEEDED):
        return found
    if provider:
        return Finding(Verdict.OK, found.found, found.behind, found.name)
    verdict = Verdict.WAITING if found.verdict is Verdict.OK else found.verdict
    return Finding(verdict, found.found, found.behind, found.name, trouble)
