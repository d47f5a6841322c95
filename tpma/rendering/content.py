"""A kit as plain values: what `kits.library` reads from files and `kit_versions.manifest` keeps.

Pure data. Texts still hold merge fields (`{{ brand.name }}`); templates still hold the two tags.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Unit:
    """A translatable text. `texts` has one entry a locale, the source locale included.

    `markup` says that inline markup may stand in it (not in attributes, subjects or labels).
    """

    id: str  # "<asset>.<id>", for example "email1.headline"
    texts: Mapping[str, str]
    markup: bool = True
    legal: bool = False  # never falls back to another language
    valid_for: tuple[str, ...] = ()  # further tags a legal text may be served for


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """A unit the partner may replace; its default texts are the unit `<asset>.<key>`."""

    asset: str
    key: str
    type: str  # text, rich_text
    label: str  # unit id of its label
    required: bool = True
    max_chars: int = 280
    requires_approval: str = "never"
    editable_by: str = "partner"


@dataclass(frozen=True, slots=True)
class AssetSpec:
    key: str
    kind: str  # email landing_page pdf social_post
    file: str
    source: str  # the template's text
    style: str = ""  # the style sheet's text, PDFs only
    day: int = 0  # days after the start (or the trigger), mails only
    condition: str = "none"  # none clicked not_clicked form not_form
    hours: int = 0  # and hours
    after: str = "start"  # start, or trigger: each reader's own click or form
    link: str = ""  # of clicked and not_clicked: this link alone counts
    exit_on_form: bool = True  # who has sent the form does not get it any more

    @property
    def is_triggered(self) -> bool:
        """Sent to each reader so long after what that reader did."""
        return self.after == "trigger"

    @property
    def subject(self) -> str:
        """Unit id of the subject of a mail, the title of a page or document."""
        return f"{self.key}.subject"

    @property
    def preheader(self) -> str:
        return f"{self.key}.preheader"


@dataclass(frozen=True, slots=True)
class LinkSpec:
    key: str
    target: str  # page, brand.url, brand.privacy_url, or https://…


@dataclass(frozen=True, slots=True)
class FormField:
    key: str
    type: str  # text email tel select
    required: bool
    maps_to: str  # a Lead's column, or "" for an answer of its own
    label: str  # unit id
    options: tuple[str, ...] = ()  # unit ids


@dataclass(frozen=True, slots=True)
class ConsentSpec:
    purpose: str  # partner_marketing, share_with_vendor
    version: str
    recipients: tuple[str, ...]
    text: str  # unit id "consent.<purpose>"


@dataclass(frozen=True, slots=True)
class ImageSpec:
    key: str
    file: str  # path in the kit
    content_type: str
    width: int
    height: int
    sha256: str


@dataclass(frozen=True, slots=True)
class KitContent:
    """Everything a launch needs of a kit version, but for the bytes of its images."""

    key: str
    slug: str
    semver: str
    source_locale: str
    locales: tuple[str, ...]
    product_families: tuple[str, ...]
    motion: str
    cover: str  # path of the library picture
    tiers: tuple[str, ...]
    types: tuple[str, ...]
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    embargo: str | None  # ISO date
    retires: str | None
    goal_leads: int
    fallbacks: Mapping[str, Mapping[str, str]]  # person field → locale → text
    images: tuple[ImageSpec, ...]
    links: tuple[LinkSpec, ...]
    assets: tuple[AssetSpec, ...]
    fields: tuple[FormField, ...]
    consents: tuple[ConsentSpec, ...]
    slots: tuple[SlotSpec, ...]
    units: Mapping[str, Unit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", _with_second_subject(self))

    def text(self, unit_id: str, locale: str) -> str:
        """The unit's text in one of the kit's own locales (no fallback). KeyError if absent."""
        return self.units[unit_id].texts[locale]

    def asset(self, key: str) -> AssetSpec:
        return next(asset for asset in self.assets if asset.key == key)

    def of_kind(self, kind: str) -> list[AssetSpec]:
        return [asset for asset in self.assets if asset.kind == kind]

    @property
    def mails(self) -> list[AssetSpec]:
        """As steps of a launch: by their hour, the first is step 1; then those a deed sends."""
        return sorted(self.of_kind("email"), key=_order)

    @property
    def page(self) -> AssetSpec:
        return self.of_kind("landing_page")[0]

    def slots_of(self, asset: str) -> list[SlotSpec]:
        return [slot for slot in self.slots if slot.asset == asset]

    def embargo_date(self) -> date | None:
        return date.fromisoformat(self.embargo) if self.embargo else None

    def retires_date(self) -> date | None:
        return date.fromisoformat(self.retires) if self.retires else None

    def to_json(self) -> dict[str, Any]:
        """What a mail does not say is left out, so that older kits keep their hash."""
        found = asdict(self)
        found["slots"] = tuple(s for s in found["slots"] if s["key"] != SECOND_SUBJECT)
        for asset in found["assets"]:
            for name, default in _UNSAID.items():
                if asset[name] == default:
                    del asset[name]
        return found

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "KitContent":
        values = dict(raw)
        for name, kind in _PARTS.items():
            values[name] = tuple(kind(**_tuples(part)) for part in raw[name])
        for name in ("locales", "product_families", "tiers", "types", "allow", "deny"):
            values[name] = tuple(raw[name])
        values["units"] = {key: Unit(**_tuples(unit)) for key, unit in raw["units"].items()}
        return cls(**values)


def _with_second_subject(content: KitContent) -> tuple[SlotSpec, ...]:
    """Who may word the first mail's subject may give a second one, to try both.

    Derived and never kept, so that kits published before know it and keep their hash.
    """
    mails = content.mails
    first = mails[0].key if mails else ""
    found: list[SlotSpec] = []
    for slot in content.slots:
        if slot.key == SECOND_SUBJECT:
            continue
        found.append(slot)
        if slot.asset == first and slot.key == "subject":
            asked = slot.requires_approval.replace("always", "if_changed")
            found.append(replace(slot, key=SECOND_SUBJECT, required=False, requires_approval=asked))
    return tuple(found)


def _order(mail: AssetSpec) -> tuple[bool, int, int]:
    return (mail.is_triggered, mail.day, mail.hours)


SECOND_SUBJECT = "subject_b"
_UNSAID = {"hours": 0, "after": "start", "link": "", "exit_on_form": True}
_PARTS: dict[str, type[Any]] = {
    "images": ImageSpec,
    "links": LinkSpec,
    "assets": AssetSpec,
    "fields": FormField,
    "consents": ConsentSpec,
    "slots": SlotSpec,
}


def _tuples(part: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in part.items()}
