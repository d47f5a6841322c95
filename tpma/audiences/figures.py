"""An audience in numbers, put together from how many people share a fate, a language, a country."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tpma.audiences.lawful import LAWS
from tpma.audiences.rules import Held, told


@dataclass(frozen=True, slots=True)
class Counts:
    """An audience in numbers: `matching` is the sum of `writable` and of who is held back.

    As a partner may know it: see `rules.told` for the two counts of lists.
    """

    matching: int
    writable: int
    suppressed: int
    held: int  # no basis, or one that does not carry mail in their country
    by_locale: dict[str, int]  # of the writable; "" is unknown
    by_country: dict[str, int]
    held_by_country: dict[str, int]
    vendor_held: int = 0  # by the vendor's list
    not_opted_in: int = 0  # have a basis, but only who signed up is written to
    unlawful: Mapping[str, int] = field(default_factory=dict)  # rule of the law → people
    # Whoever is held back for what they agreed to, by country.
    left_out_by_country: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """Held back for what they agreed to, or did not: nobody on a list is among them."""
        return self.held + self.not_opted_in + sum(self.unlawful.values())


_FOR_THEIR_CONSENT = frozenset({Held.NO_CONSENT.value, Held.NOT_OPTED_IN.value, *LAWS})


def counted(rows: list[tuple[str, str, str, int]]) -> Counts:
    """From rows of fate, language, country and how many people share them."""
    total = summed((fate, n) for fate, _l, _c, n in rows)
    own, vendors = told(total.get(Held.SUPPRESSED, 0), total.get(Held.VENDOR_LIST, 0))
    no_consent = Held.NO_CONSENT.value
    return Counts(
        matching=sum(total.values()),
        writable=total.get("", 0),
        suppressed=own,
        held=total.get(no_consent, 0),
        by_locale=summed((locale, n) for fate, locale, _c, n in rows if not fate),
        by_country=summed((country, n) for fate, _l, country, n in rows if not fate),
        held_by_country=summed((land, n) for fate, _l, land, n in rows if fate == no_consent),
        vendor_held=vendors,
        not_opted_in=total.get(Held.NOT_OPTED_IN, 0),
        unlawful={rule: n for rule, n in sorted(total.items()) if rule in LAWS},
        left_out_by_country=summed(
            (land, n) for fate, _l, land, n in rows if fate in _FOR_THEIR_CONSENT
        ),
    )


def summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Added up by key, largest first."""
    found: dict[str, int] = {}
    for key, n in pairs:
        found[key] = found.get(key, 0) + n
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
