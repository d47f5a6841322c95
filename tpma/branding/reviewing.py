"""What a reviewer of the vendor reads: each text that differs, old beside new. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from tpma.branding import rules
from tpma.branding.findings import Finding
from tpma.branding.models import Customisation
from tpma.kits.shown import parts, text
from tpma.rendering.content import KitContent

ANSWER_DAYS = 2  # business days
# A word with the space after it; one sign where a language writes none.
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORDS = re.compile(rf"[{_CJK}]|\s+|[^\s{_CJK}]+\s*")
_ALIKE = 0.4  # below this share of common words the texts are simply two texts
Run = tuple[str, bool]  # words, and whether they differ


@dataclass(frozen=True, slots=True)
class Change:
    key: str  # "<asset>/<slot>/<locale>"
    asset: str
    kind: str  # of the asset: email, landing_page, pdf, social_post
    part: str  # "E-mail 1"
    label: str  # "Headline"
    locale: str
    old: list[Run]
    new: list[Run]
    waits: bool  # somebody has to look at this one
    findings: list[Finding]


def due(submitted: datetime) -> datetime:
    """Two business days later, Monday to Friday."""
    moment, left = submitted, ANSWER_DAYS
    while left:
        moment += timedelta(days=1)
        left -= moment.weekday() < 5
    return moment


def changes(
    content: KitContent,
    words: Iterable[Customisation],
    approved: Mapping[str, str],
    waiting: Iterable[str],
    findings: Iterable[Finding],
) -> list[Change]:
    """Every text that is not the kit's own, those that wait first; `approved` is what stood in a
    slot when the kit was last approved."""
    own = {f"{row.asset}/{row.slot}/{row.locale}": row.value for row in words}
    asked, found = set(waiting), list(findings)
    names = {part.asset.key: part.name for part in parts(content)}
    specs = {f"{spec.asset}/{spec.key}": spec for spec in content.slots}
    made = []
    for key in dict.fromkeys([*sorted(asked), *own]):
        place, locale = key.rsplit("/", 1)
        spec = specs.get(place)
        if spec is None:
            continue
        default = rules.default_text(content, spec, locale)
        old, new = differences(approved.get(key) or default, own.get(key) or default)
        made.append(
            Change(
                key=key,
                asset=spec.asset,
                kind=content.asset(spec.asset).kind,
                part=names[spec.asset],
                label=text(content, spec.label) if spec.label in content.units else spec.key,
                locale=locale,
                old=old,
                new=new,
                waits=key in asked,
                findings=[one for one in found if one.field == rules.field_of(spec)],
            )
        )
    return made


def differences(old: str, new: str) -> tuple[list[Run], list[Run]]:
    """Both texts as runs of words that are alike and words that differ."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return [(old, True)], [(new, True)]
    left: list[Run] = []
    right: list[Run] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        differs = kind != "equal"
        _add(left, "".join(before[a:b]), differs)
        _add(right, "".join(after[c:d]), differs)
    return left, right


def _add(runs: list[Run], words: str, differs: bool) -> None:
    if words:
        runs.append((words, differs))
