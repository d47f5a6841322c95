"""Checks of what a partner writes: forbidden words, claims, links, subjects."""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import urlsplit

from tpma.branding.findings import Finding, Severity, error, kept, warning
from tpma.branding.terms import TERMS, Term
from tpma.core.i18n import gettext as _

_UNSPACED = {"ja", "zh", "th"}  # written without spaces: a word has no boundary to look for
_NUMBER = r"\d+(?:[.,\u066b]\d+)?"
_CLAIM = re.compile(
    rf"{_NUMBER}\s?(?:%|٪|per ?cent\b|percent\b|prozent\b|por ciento\b|パーセント)"
    rf"|{_NUMBER}\s?(?:(?:x|×|times|mal|fach)(?!\w)|倍)"
    r"|(?<!\w)(?:#\s?1|no\.\s?1|nr\.\s?1|number one|nummer eins)(?!\w)"
    r"|(?<!\w)(?:award|awards|award-winning|ausgezeichnet|galardonado|primé|受賞)(?!\w)",
    re.IGNORECASE,
)
_LINK = re.compile(r"\bhttps?://[^\s<>\"]+", re.IGNORECASE)
_REPLY = re.compile(
    r"^\s*(?:re|fw|fwd|aw|wg|sv|vs|rv|tr|rif|答复|转发)\s*(?:\[\d+\])?\s*[:：]", re.I
)
_HIDING = (
    "bit.ly tinyurl.com t.co goo.gl ow.ly is.gd buff.ly rebrand.ly cutt.ly rb.gy lnkd.in "
    "shorturl.at t.ly s.id tiny.cc"
)
SHORTENERS = frozenset(_HIDING.split())
_SUBJECT_MOST = 150
_CAPITALS_MOST = 0.3  # of the letters
_CAPITALS_FROM = 12  # letters; "IT for SMB" is no shouting


def folded(text: str) -> str:
    """Lower case without accents, digits and signs in their plain form."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c) and c != "ـ")
    return " ".join(bare.split())


def check_terms(text: str, locale: str, field: str = "") -> list[Finding]:
    """Forbidden words of the text's language, one finding each."""
    language = locale.split("-")[0].lower()
    plain = folded(text).replace(" %", "%")
    hits = [term for term in TERMS.get(language, ()) if _hits(term, language, plain)]
    return [_forbidden(term, field) for term in hits]


def _hits(term: Term, language: str, plain: str) -> bool:
    for phrase in term.unless:
        plain = plain.replace(phrase, " ")
    return bool(_pattern(term.text, language).search(plain))


@lru_cache(maxsize=512)
def _pattern(text: str, language: str) -> re.Pattern[str]:
    word = re.escape(folded(text))
    if language in _UNSPACED:
        return re.compile(word)
    # Arabic writes "and", "with", "for" and the article onto the word.
    before = "(?:[وفبلك]?(?:ال)?)" if language == "ar" else ""
    return re.compile(rf"(?<!\w){before}{word}(?!\w)")


def _forbidden(term: Term, field: str) -> Finding:
    message = _("“%(word)s” promises more than a partner may promise.", word=term.text)
    cure = _("Say what the reader gets instead, or quote the vendor's own sentence.")
    return Finding("text.prohibited", term.severity, message, cure, field)


def check_claims(text: str, vouched: str = "", field: str = "") -> list[Finding]:
    """Figures and awards that do not stand in `vouched`, the vendor's own text."""
    known = {folded(hit) for hit in _CLAIM.findall(vouched)}
    return [
        warning(
            "text.claims",
            _("“%(claim)s” is a claim the vendor has not made.", claim=hit.strip()),
            _("The vendor looks at it before you launch; without it nobody has to."),
            field,
        )
        for hit in dict.fromkeys(_CLAIM.findall(text))
        if folded(hit) not in known
    ]


def check_links(text: str, field: str = "") -> list[Finding]:
    return kept(check_link(hit.rstrip(".,;:!?)"), field) for hit in _LINK.findall(text))


def check_link(address: str, field: str = "") -> Finding | None:
    """https only, and the place itself rather than a shortener that hides it."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme != "https" or not host:
        return error(
            "links",
            _("“%(address)s” is not a secure address.", address=address[:60]),
            _("Write it with https:// in front."),
            field,
        )
    if host in SHORTENERS:
        return error(
            "links",
            _("%(host)s hides where the link leads.", host=host),
            _("Write the address itself."),
            field,
        )
    return None


def check_subject(subject: str, field: str = "") -> list[Finding]:
    """What makes a subject look like junk mail, or like an answer nobody asked for."""
    return kept([_length(subject, field), _reply(subject, field), _capitals(subject, field)])


def _length(subject: str, field: str) -> Finding | None:
    if len(subject) <= _SUBJECT_MOST:
        return None
    return error(
        "spam",
        _("The subject has %(now)s characters; 150 is the most.", now=len(subject)),
        _("Shorten it; phones show about 40."),
        field,
    )


def _reply(subject: str, field: str) -> Finding | None:
    if not _REPLY.match(subject):
        return None
    return error(
        "spam",
        _("The subject pretends to answer or forward a mail."),
        _("Take “%(prefix)s” out.", prefix=subject.split(":")[0].split("：")[0].strip() + ":"),
        field,
    )


def _capitals(subject: str, field: str) -> Finding | None:
    cased = [c for c in subject if c.isupper() or c.islower()]
    share = sum(c.isupper() for c in cased) / len(cased) if cased else 0.0
    if len(cased) < _CAPITALS_FROM or share <= _CAPITALS_MOST:
        return None
    return Finding(
        "spam",
        Severity.ERROR,
        _(
            "%(share)s%% of the subject's letters are capitals; 30%% is the most.",
            share=round(share * 100),
        ),
        _("Write it as a sentence."),
        field,
    )
