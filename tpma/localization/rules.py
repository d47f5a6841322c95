"""BCP 47 tags, their parents by CLDR, and which language of a kit a reader may be served."""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Protocol

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

STRICT = "strict"  # the reader's own tag or nothing
CHAIN = "chain"  # the parents of the tag, in the same language
ANY = "any"  # then the partner's further locales, then the kit's source
POLICIES = (STRICT, CHAIN, ANY)
PSEUDO = ("en-XA", "ar-XB")  # accented and long; mirrored

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.IGNORECASE,
)
# Bokmål and Nynorsk are written forms of one language; CLDR makes "no" their parent.
_NORWEGIAN = frozenset({"no", "nb", "nn"})
_ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
_UNTOUCHED = re.compile(r"(\{\{.*?\}\}|<[^>]*>|&#?\w+;)", re.DOTALL)


class LegalText(Protocol):
    """A unit of which only an exact or declared tag may be served (`rendering.content.Unit`)."""

    @property
    def texts(self) -> Collection[str]: ...

    @property
    def valid_for(self) -> tuple[str, ...]: ...


@lru_cache(maxsize=1024)
def canonical(tag: str) -> str:
    """The tag as we keep it: `pt_br` is `pt-BR`, `zh-TW` is `zh-Hant-TW`, `zh-Hans-SG` is `zh-SG`.

    The script is written where the region implies another than the language's own, and left
    out where it says nothing. Raises Invalid if it is no language tag.
    """
    found = _TAG.fullmatch(tag.strip().replace("_", "-"))
    if not found:
        raise Invalid(
            _("%(tag)s is no language tag. Write one like de, pt-BR or zh-Hant.", tag=tag),
            field="locale",
        )
    language = _current_language(found["language"].lower())
    region = (found["region"] or "").upper()
    script = _needed_script(language, (found["script"] or "").title(), region)
    return "-".join(filter(None, (language, script, region))) + found["variants"].lower()


def _current_language(language: str) -> str:
    """Today's code of a withdrawn one: `iw` is `he`."""
    today = str(get_global("language_aliases").get(language, language))
    return language if "_" in today else today


def _needed_script(language: str, script: str, region: str) -> str:
    own = _likely_script(language)
    implied = (_likely_script(f"{language}_{region}") or own) if region else own
    if not script:
        return implied if implied != own else ""
    return "" if script == implied == own else script


def _likely_script(key: str) -> str:
    full = get_global("likely_subtags").get(key)
    return str(full).split("_")[1] if full else ""


@lru_cache(maxsize=1024)
def parent(tag: str) -> str | None:
    """The next more general tag by CLDR, or None at the root: zh-Hant has none, zh is Hans."""
    exception = get_global("parent_exceptions").get(tag.replace("-", "_"))
    if exception:
        return None if exception == "root" else str(exception).replace("_", "-")
    head, cut, last = tag.rpartition("-")
    if not cut or (len(last) == 4 and last.isalpha() and last != _likely_script(head)):
        return None
    return head


def chain(tag: str) -> list[str]:
    """The tag and its parents: es-MX, es-419, es."""
    return list(_upwards(canonical(tag)))


def _upwards(tag: str) -> Iterator[str]:
    step: str | None = tag
    while step:
        yield step
        step = parent(step)


def content_chain(tag: str) -> list[str]:
    """`chain`, ending where the language changes: hi-Latn does not read on in English."""
    tags = chain(tag)
    language = tags[0].split("-")[0]
    allowed = _NORWEGIAN if language in _NORWEGIAN else {language}
    return [step for step in tags if step.split("-")[0] in allowed]


def served(
    requested: str,
    available: Iterable[str],
    policy: str,
    source_locale: str,
    fallback_locales: Iterable[str] = (),
) -> str | None:
    """Which of `available` a reader of `requested` gets under the policy, or None.

    The whole asset is served in it: a page half in another language is worse than a page in
    another language.
    """
    if requested in PSEUDO:
        return requested
    has = {canonical(tag): tag for tag in available}
    wanted = _wanted(requested, policy, (*fallback_locales, source_locale))
    return next((has[tag] for tag in wanted if tag in has), None)


def _wanted(requested: str, policy: str, further: Iterable[str]) -> list[str]:
    if policy == STRICT:
        return [canonical(requested)]
    if policy == CHAIN:
        return content_chain(requested)
    if policy == ANY:
        return content_chain(requested) + [step for tag in further for step in content_chain(tag)]
    raise ValueError(f"unknown fallback policy: {policy}")


def legal_text_locale(unit: LegalText, requested: str) -> str | None:
    """Which text of a legal unit a reader of `requested` may be shown, or None.

    Their own tag's, or that of a parent if the vendor declared it valid for their tag. Never
    another language's: a consent in words one was not offered is weak evidence.
    """
    if requested in PSEUDO:
        return requested
    tag = canonical(requested)
    has = {canonical(own): own for own in unit.texts}
    if tag in has:
        return has[tag]
    if tag not in {canonical(valid) for valid in unit.valid_for}:
        return None
    return next((has[step] for step in content_chain(tag) if step in has), None)


def page_language(requested: str, served_locale: str) -> str:
    """The `lang` of a rendered asset: the reader's tag if it is of the served language."""
    if served_locale in PSEUDO:
        return served_locale
    own = canonical(requested)
    return own if canonical(served_locale) in content_chain(own) else canonical(served_locale)


def direction(tag: str) -> str:
    """ltr or rtl."""
    if tag in PSEUDO:
        return "rtl" if tag == "ar-XB" else "ltr"
    try:
        return str(Locale.parse(canonical(tag), sep="-").text_direction)
    except UnknownLocaleError:
        return "ltr"


def pseudo(text: str, tag: str) -> str:
    """The text in a pseudo-locale: accented and longer, or mirrored. Merge fields, markup stay."""
    pieces = _UNTOUCHED.split(text)
    if tag == "en-XA":
        body = "".join(
            piece if index % 2 else piece.translate(_ACCENTS) for index, piece in enumerate(pieces)
        )
        return f"[{body} {'·' * max(1, round(len(text) * 0.35))}]"
    if tag == "ar-XB":
        return "".join(
            piece if index % 2 or not piece else f"\u202e{piece}\u202c"
            for index, piece in enumerate(pieces)
        )
    raise ValueError(f"no pseudo-locale: {tag}")
