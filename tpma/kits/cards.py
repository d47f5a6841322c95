"""The library as one partner sees it: cards, why each one fits, what it is narrowed to. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.kits import shown
from tpma.kits.queries import Offer
from tpma.kits.rules import motion_word
from tpma.rendering.content import KitContent

SORTS = {"fit": lazy("Fits you"), "new": lazy("Newest")}


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the address asks for; empty means all."""

    words: str = ""
    language: str = ""
    product: str = ""
    sort: str = "fit"

    @property
    def anything(self) -> bool:
        return bool(self.words or self.language or self.product)


@dataclass(frozen=True, slots=True)
class Card:
    slug: str
    title: str
    summary: str
    cover: str
    semver: str
    motion: str
    contents: str
    products: Sequence[str]
    languages: list[shown.Language]
    serving: shown.Serving
    fits: bool
    of_family: bool  # one of the product families the partner is enrolled for
    why: str
    last_day: str  # a sentence, or ""
    published_at: datetime | None
    searched: str  # what a search looks through

    @property
    def served_name(self) -> str:
        return shown.locale_name(self.serving.locale) if self.serving.locale else ""


def card(
    offer: Offer,
    content: KitContent,
    cover: str,
    serving: shown.Serving,
    products: Sequence[str],
) -> Card:
    """`products` are the families the partner is enrolled for; none means every one."""
    common = [family for family in content.product_families if family in products]
    title, summary = shown.text(content, "kit.title"), shown.text(content, "kit.summary")
    retires = [reason for reason in offer.verdict.reasons if reason.rule == "retires"]
    return Card(
        slug=offer.kit.slug,
        title=title,
        summary=summary,
        cover=cover,
        semver=offer.version.semver,
        motion=motion_word(content.motion),
        contents=shown.contents(content),
        products=content.product_families,
        languages=shown.languages(content),
        serving=serving,
        fits=serving.locale is not None,
        of_family=bool(common),
        why=_why(offer, serving, common),
        last_day=retires[0].sentence if retires and content.retires else "",
        published_at=offer.version.published_at,
        searched=" ".join((title, summary, *content.product_families, *_all(content))).casefold(),
    )


def _all(content: KitContent) -> Iterable[str]:
    """Title and summary in every language: somebody may search in their own."""
    for unit in ("kit.title", "kit.summary"):
        yield from content.units[unit].texts.values()


def _why(offer: Offer, serving: shown.Serving, common: list[str]) -> str:
    """The one sentence that says most to this partner."""
    if serving.locale is None:
        return _("Not in a language your readers may be served.")
    if common:
        return _(
            "In your product family: %(families)s",
            families=", ".join(map(shown.family_word, common)),
        )
    if serving.is_other_language:
        name = shown.locale_name(serving.locale)
        return _("Your readers get it in %(language)s", language=name)
    return next(reason.sentence for reason in offer.verdict.reasons if reason.rule == "tier")


def narrowed(cards: Iterable[Card], to: Narrowed) -> list[Card]:
    found = [
        card
        for card in cards
        if all(word in card.searched for word in to.words.casefold().split())
        and (not to.language or to.language in {lang.tag for lang in card.languages})
        and (not to.product or to.product in card.products)
    ]
    return _newest(found) if to.sort == "new" else _best(found)


def _newest(cards: list[Card]) -> list[Card]:
    return sorted(cards, key=lambda c: (-_seconds(c.published_at), c.title))


def _best(cards: list[Card]) -> list[Card]:
    """In the partner's own language and product family first, then by what is new."""

    def rank(card: Card) -> tuple[bool, bool, bool, float, str]:
        other = card.serving.is_other_language
        newest = -_seconds(card.published_at)
        return not card.fits, other, not card.of_family, newest, card.title

    return sorted(cards, key=rank)


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
