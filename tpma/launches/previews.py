"""What the wizard shows of a launch before it leaves, made by the renderer that sends."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import segno
from babel import Locale
from sqlalchemy.orm import Session

from tpma.branding import previews as samples
from tpma.branding import queries as branding
from tpma.branding import rules as branding_rules
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import babel_locale
from tpma.core.i18n import gettext as _
from tpma.launches import compiling
from tpma.launches.compiling import Drawing
from tpma.localization.rules import direction
from tpma.rendering import page as pages
from tpma.rendering.content import SECOND_SUBJECT, AssetSpec, KitContent, SlotSpec
from tpma.rendering.document import PdfSource, compile_pdf, paper_for
from tpma.rendering.facts import Person
from tpma.rendering.links import page_address
from tpma.rendering.merge import text_of
from tpma.rendering.social import compile_post

_FAMILY_FIRST = ("ja", "zh", "hu", "ko")
SAMPLE_TOKEN = "A" * 24  # no key signs it: a preview's links lead nowhere


@dataclass(frozen=True, slots=True)
class Field:
    """A slot on the wizard's second screen."""

    spec: SlotSpec
    label: str
    default: str
    value: str  # the partner's words, "" where the kit's stand


@dataclass(frozen=True, slots=True)
class Reading:
    """A language of the audience: who reads it and what serves them."""

    tag: str
    name: str
    readers: int
    served: str | None


def shown_assets(content: KitContent) -> list[tuple[str, str]]:
    """(asset key, words) of what a partner can look at and word, in the order of a campaign."""
    named = [(mail.key, _("E-mail %(num)s", num=n)) for n, mail in enumerate(content.mails, 1)]
    rest = {"landing_page": _("Page"), "pdf": _("Data sheet"), "social_post": _("Post")}
    return named + [(a.key, rest[a.kind]) for a in content.assets if a.kind in rest]


def asset_of(content: KitContent, key: str) -> AssetSpec:
    found = next((asset for asset in content.assets if asset.key == key), None)
    if found is None:
        raise NotFound(_("This kit has no such part."))
    return found


def slots(session: Session, plan: Drawing, asset: str, locale: str) -> list[Field]:
    """The places a partner may word, with the kit's own words of the served language."""
    asset_of(plan.content, asset)
    served = compiling.served_locale(plan, locale)
    own = branding.own_words(session, plan.launch.cobranded_kit, served)
    return [
        Field(
            spec,
            _label(plan, spec, served),
            branding_rules.default_text(plan.content, spec, served),
            own.get(f"{asset}.{spec.key}", ""),
        )
        for spec in plan.content.slots_of(asset)
        if spec.editable_by == "partner"
        and not (plan.launch.own_mailer and spec.key == SECOND_SUBJECT)
    ]


def _label(plan: Drawing, spec: SlotSpec, served: str) -> str:
    if spec.key == SECOND_SUBJECT:
        return _("Second subject, to try both (optional)")
    return text_of(plan.content, spec.label, _interface_locale(plan.content, served))


def _interface_locale(content: KitContent, served: str) -> str:
    """Labels in the language of the interface where the kit has it."""
    spoken = babel_locale().language
    return spoken if spoken in content.locales else served


def locales(plan: Drawing, readers: Mapping[str, int]) -> list[Reading]:
    """The launch's main language first, then those of its readers, most read first.

    Who reads "ar" is counted with "ar-AE" where the same words serve both.
    """
    main = plan.launch.primary_locale
    same = {"", main}
    same |= {t for t in readers if main.startswith(f"{t}-") and plan.served(t) == plan.served(main)}
    counted = {main: sum(number for tag, number in readers.items() if tag in same)}
    counted |= {tag: number for tag, number in readers.items() if tag not in same}
    return [
        Reading(tag, _name(tag), number, plan.served(tag))
        for tag, number in sorted(counted.items(), key=lambda item: (item[0] != main, -item[1]))
    ]


def _name(tag: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name(babel_locale()) or tag
    except ValueError:
        return tag


def html(session: Session, plan: Drawing, asset: str, locale: str, reader: str) -> str:
    """A mail, the landing page or a post as HTML, with the partner's places marked."""
    spec = asset_of(plan.content, asset)
    if spec.kind == "landing_page":
        return pages.sample(compiling.page(session, plan, locale))
    if spec.kind == "social_post":
        return _as_page(post_text(session, plan, asset, locale), locale)
    if spec.kind == "pdf":
        raise NotFound(_("The data sheet is shown as a PDF."))
    skeleton = compiling.mail(session, plan, asset, locale, marks=True)
    return skeleton.html(_person(reader, locale), SAMPLE_TOKEN)


def text(session: Session, plan: Drawing, asset: str, locale: str, reader: str) -> str:
    spec = asset_of(plan.content, asset)
    if spec.kind == "social_post":
        return post_text(session, plan, asset, locale)
    if spec.kind != "email":
        raise NotFound(_("Only mails and posts have a plain text."))
    return compiling.mail(session, plan, asset, locale).text(_person(reader, locale), SAMPLE_TOKEN)


def inbox_line(session: Session, plan: Drawing, asset: str, locale: str) -> tuple[str, str, str]:
    """(sender, subject, preheader) as a reader sees them; empty for what is no mail."""
    spec = asset_of(plan.content, asset)
    served = plan.served(locale)
    if spec.kind != "email" or served is None:
        return "", "", ""
    try:
        subject = compiling.mail(session, plan, asset, locale).subject(_person("typical", locale))
    except Invalid as fault:
        subject = fault.message
    return plan.launch.from_name, subject, text_of(plan.content, spec.preheader, served)


def _person(reader: str, locale: str) -> Person:
    return samples.person(locale, "nameless" if reader == "missing" else reader)


def typical_name(locale: str) -> str:
    """As whom a preview is read, in words."""
    reader = samples.person(locale, "typical")
    names = [reader.first_name, reader.last_name]
    return " ".join(reversed(names) if locale.split("-")[0] in _FAMILY_FIRST else names)


def post_text(session: Session, plan: Drawing, asset: str, locale: str) -> str:
    served = compiling.served_locale(plan, locale)
    return compile_post(
        plan.content,
        asset,
        served,
        **compiling.given(session, plan, locale, served),
    )


def _as_page(words: str, locale: str) -> str:
    from html import escape

    return (
        f'<!doctype html><html lang="{escape(locale)}" dir="{direction(locale)}">'
        '<head><meta charset="utf-8"></head>'
        '<body style="font:16px/1.5 system-ui;margin:24px;white-space:pre-wrap">'
        f"{escape(words)}</body></html>"
    )


def document(session: Session, plan: Drawing, asset: str, locale: str) -> PdfSource:
    """The data sheet as HTML, on the paper of the partner's country."""
    spec = asset_of(plan.content, asset)
    if spec.kind != "pdf":
        raise NotFound(_("This kit has no such part."))
    served = compiling.served_locale(plan, locale)
    return compile_pdf(
        plan.content,
        spec.key,
        served,
        **compiling.given(session, plan, locale, served),
        paper=paper_for(plan.brand.company.country),
    )


def qr_svg(plan: Drawing) -> bytes:
    """The landing page's address, marked as a visit from print."""
    buffer = io.BytesIO()
    address = page_address(plan.facts, "qr", "qr")
    segno.make(address, error="m").save(buffer, kind="svg", scale=4, border=2, xmldecl=False)
    return buffer.getvalue()


# Business mail is read on weekday mornings; a partner's own figures replace this once there are
# enough of them.
_HOURS = (9, 10, 14)
_WORKDAYS = (1, 2, 3)  # Tuesday to Thursday


def suggested_times(now: datetime, zone: str, country: str) -> list[datetime]:
    """Three slots in the coming days, in the partner's zone and on its working days."""
    weekend = _weekend(country)
    local = now.astimezone(ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0)
    days = [local + timedelta(days=ahead) for ahead in range(1, 12)]
    good = [d for d in days if d.weekday() in _WORKDAYS and d.weekday() not in weekend][:3]
    return [day.replace(hour=hour) for day, hour in zip(good, _HOURS, strict=False)]


def _weekend(country: str) -> set[int]:
    try:
        known = Locale.parse(f"und_{country}")
    except ValueError:
        return {5, 6}
    return {known.weekend_start, known.weekend_end}
