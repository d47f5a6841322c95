"""What the law of a country asks of marketing mail, as dated data (`countries/*.toml`).

Seed data, to be confirmed by counsel: it decides what is asked for and whom we hold back, and
is no legal advice. A pack has a version and a day it is in force from; the newest in force
counts. A country nobody wrote a pack for is judged by the strictest of the markets at hand.
"""

import tomllib
from collections.abc import Iterable
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

FOLDER = Path(__file__).with_name("countries")
UNKNOWN = "ZZ"  # ISO 3166-1 keeps it for "not known"
FooterField = Literal[
    "legal_name", "address", "contact", "email", "phone", "legal_form", "representatives",
    "register_court", "register_no", "register_place", "share_capital", "vat_id", "uid",
]  # fmt: skip
Basis = Literal["consent", "soft_opt_in", "legitimate_interest"]
Months = Annotated[int, Field(ge=0, le=120)]


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("an entry stands twice")
    return values


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Footer(_Part):
    fields: Annotated[tuple[FooterField, ...], Field(min_length=2), AfterValidator(_once)]
    imprint: bool
    advertisement: bool


class ConsentLaw(_Part):
    bases: Annotated[tuple[Basis, ...], Field(min_length=1), AfterValidator(_once)]
    double_opt_in: bool
    existing_customer: bool
    purchase_months: Months
    inquiry_months: Months
    opt_out_days: Annotated[int, Field(ge=0, le=30)]


class Quiet(_Part):
    """Local hours in which no business mail arrives, and the days on which it may."""

    start: Annotated[time, Field(alias="from")]
    until: time
    weekdays: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1)]

    def is_quiet(self, local: datetime) -> bool:
        """Whether a mail should not arrive at this moment of the reader's wall clock."""
        if local.isoweekday() not in self.weekdays:
            return True
        now = local.time()
        if self.start <= self.until:
            return self.start <= now < self.until
        return now >= self.start or now < self.until


class Pack(_Part):
    countries: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...],
        Field(min_length=1),
        AfterValidator(_once),
    ]
    version: Annotated[str, Field(min_length=1, max_length=20)]
    valid_from: date
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    reviewed_by: str
    footer: Footer
    consent: ConsentLaw
    quiet: Quiet
    file: str = ""


def read(path: Path) -> Pack:
    """One file. Raises Invalid naming the file and the field at fault."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(
            _("%(file)s is no TOML file: %(why)s", file=path.name, why=str(error))
        ) from error
    try:
        return Pack.model_validate(raw | {"file": path.name})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            _(
                "%(file)s, %(field)s: %(why)s",
                file=path.name,
                field=field,
                why=first["msg"],
            ),
            field=field,
        ) from error


def read_all(folder: Path) -> tuple[Pack, ...]:
    """Every pack of a folder. Raises Invalid if two say they hold from the same day."""
    found = tuple(read(path) for path in sorted(folder.glob("*.toml")))
    known: dict[tuple[str, date], str] = {}
    for pack in found:
        for country in pack.countries:
            other = known.setdefault((country, pack.valid_from), pack.file)
            if other != pack.file:
                raise Invalid(
                    _(
                        "%(file)s, countries: %(country)s is in %(other)s from the same day.",
                        file=pack.file,
                        country=country,
                        other=other,
                    ),
                    field="countries",
                )
    return found


@lru_cache(maxsize=1)
def shipped() -> tuple[Pack, ...]:
    return read_all(FOLDER)


@lru_cache(maxsize=64)
def in_force(day: date) -> dict[str, Pack]:
    """ISO country → the pack that holds on a day."""
    found: dict[str, Pack] = {}
    for pack in sorted(shipped(), key=lambda one: one.valid_from):
        if pack.valid_from <= day:
            found |= dict.fromkeys(pack.countries, pack)
    return found


def newest() -> dict[str, Pack]:
    """As `in_force` on the last day of all: what footers and forms are built from."""
    return in_force(date.max)


def pack_for(country: str, day: date, markets: Iterable[str] = ()) -> Pack:
    """The country's pack, or the strictest of the markets where it is unknown or has none."""
    known = in_force(day)
    return known[country] if country in known else strictest([*markets], day)


def strictest(markets: Iterable[str], day: date) -> Pack:
    """What satisfies every market at once; of all countries where none of them is known."""
    known = in_force(day)
    packs = [known[country] for country in dict.fromkeys(markets) if country in known]
    packs = packs or list({pack.file: pack for pack in known.values()}.values())
    laws = [pack.consent for pack in packs]
    return Pack(
        countries=(UNKNOWN,),
        version="+".join(sorted({pack.version for pack in packs})),
        valid_from=max(pack.valid_from for pack in packs),
        language="en",
        sources=("strictest of " + " ".join(sorted({c for p in packs for c in p.countries})),),
        reviewed_by="",
        footer=Footer(
            fields=tuple(dict.fromkeys(key for pack in packs for key in pack.footer.fields)),
            imprint=any(pack.footer.imprint for pack in packs),
            advertisement=any(pack.footer.advertisement for pack in packs),
        ),
        consent=_strictest_law(laws),
        quiet=_widest([pack.quiet for pack in packs]),
    )


def _strictest_law(laws: list[ConsentLaw]) -> ConsentLaw:
    bases = tuple(basis for basis in laws[0].bases if all(basis in law.bases for law in laws))
    return ConsentLaw(
        bases=bases or ("consent",),
        double_opt_in=any(law.double_opt_in for law in laws),
        existing_customer=all(law.existing_customer for law in laws),
        purchase_months=_shortest(law.purchase_months for law in laws),
        inquiry_months=_shortest(law.inquiry_months for law in laws),
        opt_out_days=min(law.opt_out_days for law in laws),
    )


def _shortest(months: Iterable[int]) -> int:
    return min((number for number in months if number), default=0)


def _widest(quiets: list[Quiet]) -> Quiet:
    days = set(quiets[0].weekdays).intersection(*(quiet.weekdays for quiet in quiets))
    return Quiet.model_validate(
        {
            "from": min(quiet.start for quiet in quiets),
            "until": max(quiet.until for quiet in quiets),
            "weekdays": tuple(sorted(days)) or quiets[0].weekdays,
        }
    )


def countries_where(condition: str, day: date) -> frozenset[str]:
    """Countries whose law of consent has a switch on: `double_opt_in`, `existing_customer`."""
    return frozenset(c for c, pack in in_force(day).items() if getattr(pack.consent, condition))
