"""DMARC and SPF records read, and who is aligned with whom (RFC 7489, RFC 7208)."""

import re
from collections.abc import Iterable, Mapping

from tpma.core.text import registrable_domain

_VERSION = re.compile(r"\s*v\s*=\s*DMARC1\s*(;|$)")
_TAG = re.compile(r"\s*([a-z]+)\s*=\s*([^;]*?)\s*(?:;|$)", re.IGNORECASE)
_SPF = re.compile(r"v=spf1(\s|$)", re.IGNORECASE)
_POLICIES = ("none", "quarantine", "reject")


def policy(records: Iterable[str]) -> dict[str, str] | None:
    """The tags of the one valid record; None if there is none, or more than one (§ 6.6.3).

    A receiver that finds two records applies neither.
    """
    found = [text for text in records if _VERSION.match(text)]
    if len(found) != 1:
        return None
    tags = {name.lower(): value for name, value in _TAG.findall(found[0])}
    tags["p"] = tags.get("p", "").lower()
    return tags if tags["p"] in _POLICIES else None


def aligned(signing: str, domain: str, mode: str) -> bool:
    """Strict ("s"): the same host; relaxed: the same registered domain (Public Suffix List)."""
    if not signing:
        return False
    if mode.lower() == "s":
        return signing.lower() == domain.lower()
    return registrable_domain(signing) == registrable_domain(domain) is not None


def is_aligned(
    tags: Mapping[str, str], domain: str, *, dkim_domain: str = "", mail_from: str = ""
) -> tuple[bool, bool]:
    """(by signature, by return path), each as the policy of `domain` asks it."""
    return (
        aligned(dkim_domain, domain, tags.get("adkim", "r")),
        aligned(mail_from, domain, tags.get("aspf", "r")),
    )


def spf_records(records: Iterable[str]) -> list[str]:
    """Of these TXT records the ones that are SPF; more than one is an error (§ 4.5)."""
    return [text for text in records if _SPF.match(text)]


def spf_terms(record: str) -> set[str]:
    return {term.lower() for term in record.split()[1:]}


def organisation(domain: str) -> str:
    """Where receivers look for a policy if the domain has none of its own."""
    return registrable_domain(domain) or domain
