"""What pages say about a kit: its parts, its languages, its days. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from babel import Locale

from tpma.core.i18n import current_tag, lazy, ngettext
from tpma.core.i18n import gettext as _
from tpma.kits import sequence
from tpma.localization.rules import ANY, content_chain, direction, served
from tpma.rendering.content import SECOND_SUBJECT, AssetSpec, KitContent, SlotSpec

ICONS = {
    "email": "mail",
    "landing_page": "browser",
    "pdf": "file-type-pdf",
    "social_post": "brand-linkedin",
}
_KINDS = {
    "email": lazy("E-mail"),
    "landing_page": lazy("Landing page with form"),
    "pdf": lazy("Data sheet"),
    "social_post": lazy("Social post"),
}
_COMMON = ("form", "consent")  # parts of unit ids that readers see on the page


@dataclass(frozen=True, slots=True)
class Cell:
    """How many texts of a part are there in one language."""

    locale: str
    done: int
    total: int

    @property
    def complete(self) -> bool:
        return self.done == self.total


@dataclass(frozen=True, slots=True)
class MatrixRow:
    name: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Language:
    tag: str
    name: str  # in itself
    done: int
    total: int

    @property
    def complete(self) -> bool:
        return self.done == self.total

    @property
    def percent(self) -> int:
        """Rounded down: 99.9 % is not complete."""
        return self.done * 100 // self.total if self.total else 100


@dataclass(frozen=True, slots=True)
class Serving:
    """Which language of the kit readers of `requested` get, and the steps that led there."""

    requested: str
    locale: str | None
    steps: list[str]
    policy: str

    @property
    def exact(self) -> bool:
        return self.locale == self.requested

    @property
    def is_other_language(self) -> bool:
        return self.locale is not None and self.locale not in content_chain(self.requested)


@dataclass(frozen=True, slots=True)
class Part:
    """An asset as a page lists it."""

    asset: AssetSpec
    name: str
    subject: str
    when: str
    icon: str
    slots: int  # texts the partner may replace

    @property
    def whom(self) -> str:
        return sequence.whom(self.asset)


def locale_name(tag: str) -> str:
    """A language in itself: Deutsch, 日本語."""
    name = Locale.parse(tag, sep="-").get_display_name(tag.replace("-", "_")) or tag
    return name[:1].upper() + name[1:]


def reading_locale(content: KitContent, tag: str | None = None) -> str:
    """The kit's language nearest to the one its page is read in."""
    return served(tag or current_tag(), content.locales, ANY, content.source_locale) or (
        content.source_locale
    )


def text(content: KitContent, unit: str, tag: str | None = None) -> str:
    """A text of the kit for its own page: in the reader's language where it is there."""
    texts = content.units[unit].texts
    wanted = reading_locale(content, tag)
    return texts.get(wanted, texts[content.source_locale])


def languages(content: KitContent) -> list[Language]:
    total = len(content.units)
    return [
        Language(tag, locale_name(tag), _done(content.units, content, tag), total)
        for tag in content.locales
    ]


def matrix(content: KitContent) -> list[MatrixRow]:
    """Texts that are there, by part and language."""
    rows = [(part.name, _of(content, (part.asset.key,))) for part in parts(content)]
    rows.append((_("Form and consent"), _of(content, _COMMON)))
    rows.append((_("Words about the kit"), _of(content, ("kit", "slot"))))
    return [
        MatrixRow(
            name, [Cell(tag, _done(units, content, tag), len(units)) for tag in content.locales]
        )
        for name, units in rows
    ]


def _of(content: KitContent, prefixes: Iterable[str]) -> list[str]:
    wanted = set(prefixes)
    return [unit for unit in content.units if unit.split(".", 1)[0] in wanted]


def _done(units: Iterable[str], content: KitContent, tag: str) -> int:
    return sum(tag in content.units[unit].texts for unit in units)


def serving(
    content: KitContent, requested: str, policy: str, fallbacks: Iterable[str] = ()
) -> Serving:
    found = served(requested, content.locales, policy, content.source_locale, fallbacks)
    return Serving(requested, found, content_chain(requested), policy)


def parts(content: KitContent) -> list[Part]:
    """Mails in the order of sending, then page, PDF and posts."""
    order = ("email", "landing_page", "pdf", "social_post")
    found = [asset for kind in order for asset in _sorted(content.of_kind(kind))]
    mails = [asset.key for asset in content.mails]
    return [_part(content, asset, mails) for asset in found]


def _sorted(assets: list[AssetSpec]) -> list[AssetSpec]:
    return sorted(assets, key=lambda a: (a.is_triggered, a.day, a.hours))


def _part(content: KitContent, asset: AssetSpec, mails: list[str]) -> Part:
    name = _(_KINDS[asset.kind])
    if asset.kind == "email":
        name = _("E-mail %(number)s", number=mails.index(asset.key) + 1)
    return Part(
        asset=asset,
        name=name,
        subject=text(content, asset.subject) if asset.subject in content.units else "",
        when=sequence.when(asset) if asset.kind == "email" else "",
        icon=ICONS[asset.kind] if asset.condition == "none" else "mail-forward",
        slots=len([slot for slot in content.slots_of(asset.key) if _is_counted(slot)]),
    )


def _is_counted(slot: SlotSpec) -> bool:
    """A second subject is one text more only for who wants to try two."""
    return slot.editable_by == "partner" and slot.key != SECOND_SUBJECT


def contents(content: KitContent) -> str:
    """What is in the kit, in a line: 2 e-mails, page with form, data sheet, 1 post."""
    mails, posts = len(content.mails), len(content.of_kind("social_post"))
    words = [
        ngettext("%(num)s e-mail", "%(num)s e-mails", mails),
        _("page with form"),
        _("data sheet"),
        ngettext("%(num)s post", "%(num)s posts", posts),
    ]
    return ", ".join(words)


def is_right_to_left(tag: str) -> bool:
    return direction(tag) == "rtl"


def family_word(key: str) -> str:
    """A vendor's own key for a product family, as a word."""
    return key.replace("_", " ").replace("-", " ").capitalize()


def entitled(chosen: Iterable[str], every: Iterable[str], word: Callable[[str], str]) -> str:
    """Who is meant, as short as it can be said: all, all but two, or by name."""
    named, others = list(chosen), [key for key in every if key not in set(chosen)]
    if not named or not others:
        return _("All")
    if len(others) <= 2:
        return _("All but %(others)s", others=", ".join(map(word, others)))
    return ", ".join(map(word, named))
