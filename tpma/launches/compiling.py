"""A launch's mails and pages, compiled: the same for preview, test and send.

Compiled once for each asset and locale; when the launch is scheduled the artefacts are frozen
with it, and what is sent from then on is exactly these bytes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from tpma.branding import queries as branding
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.kits import queries as kits
from tpma.launches import steps
from tpma.launches.addresses import base_of
from tpma.launches.models import Launch, LaunchAsset, Link
from tpma.localization import rules as locales
from tpma.rendering.content import SECOND_SUBJECT, KitContent
from tpma.rendering.facts import BrandFacts, Given, LaunchFacts, LogoFacts, VendorFacts
from tpma.rendering.links import target_address
from tpma.rendering.mail import MOST_LINKS, MailSkeleton, compile_mail, signed_links
from tpma.rendering.page import PageArtifact, compile_page

SECOND = "~b"  # LaunchAsset.asset of the first mail under its second subject; no kit has this key


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything a compilation needs, read once."""

    launch: Launch
    content: KitContent
    brand: BrandFacts
    vendor: VendorFacts
    facts: LaunchFacts
    policy: str

    def served(self, requested: str) -> str | None:
        """The kit's locale that serves a reader's, or None."""
        return locales.served(
            requested, self.content.locales, self.policy, self.content.source_locale
        )

    @property
    def link_numbers(self) -> dict[str, int]:
        """ "<asset>.<link key>" → its number in the launch."""
        return {key: number for number, key in enumerate(link_keys(self.content))}


def link_keys(content: KitContent) -> list[str]:
    """The links the kit's mails use, "<asset>.<link key>", in the order of their numbers."""
    keys = [key for mail in content.mails for key in signed_links(content, mail.key)]
    if len(keys) > MOST_LINKS:
        raise Invalid(_("A kit may have at most %(most)s links in its mails.", most=MOST_LINKS))
    return keys


def drawing(session: Session, launch: Launch, base_url: str) -> Drawing:
    partner = session.get_one(Organisation, launch.tenant_id)
    vendor = session.get_one(Organisation, launch.vendor_id)
    content = kits.content(session, launch.kit_version_id)
    return Drawing(
        launch=launch,
        content=content,
        brand=branding.facts(session, launch.tenant_id, base_url),
        vendor=branding.vendor_facts(session, launch.vendor_id, base_url),
        facts=LaunchFacts(
            code=launch.campaign_code,
            base_url=base_url,
            page_url=f"{base_url}/l/{launch.page_slug}",
            partner_slug=partner.slug,
            kit_slug=content.slug,
            image_urls=image_urls(content, base_url),
            tracks_readers=partner.tracks_readers and vendor.tracks_readers,
        ),
        policy=str(launch.enrolment.programme.fallback_policy),
    )


def readers_drawing(session: Session, launch: Launch, base_url: str) -> Drawing:
    """With the addresses a frozen launch's readers know."""
    return drawing(session, launch, base_of(launch, base_url))


def image_urls(content: KitContent, base_url: str) -> dict[str, str]:
    """Image key → its public address, which names the bytes and so never changes."""
    return {
        image.key: f"{base_url}/k/{image.sha256}.{image.file.rsplit('.', 1)[-1]}"
        for image in content.images
    }


def mail(
    session: Session,
    plan: Drawing,
    asset: str,
    requested: str,
    *,
    countries: Iterable[str] = (),
    marks: bool = False,
    own_mailer: bool = False,
    subject: str = "subject",
) -> MailSkeleton:
    """One mail for readers of `requested`. Raises Invalid if no text of the kit serves them."""
    served = served_locale(plan, requested)
    return compile_mail(
        plan.content,
        asset,
        served,
        **given(session, plan, requested, served),
        link_numbers=plan.link_numbers,
        countries=countries,
        marks=marks,
        own_mailer=own_mailer,
        subject=subject,
    )


def page(session: Session, plan: Drawing, requested: str) -> PageArtifact:
    """The landing page. Its pictures and colours come from whichever host shows it: what a page
    may load is what lies beside it, and the platform's host shows pages of all others too."""
    served = served_locale(plan, requested)
    told = given(session, plan, requested, served)
    base = plan.facts.base_url
    told["brand"] = replace(told["brand"], logo=_beside(told["brand"].logo, base))
    told["vendor"] = replace(told["vendor"], logo=_beside(told["vendor"].logo, base))
    told["launch"] = replace(plan.facts, image_urls=image_urls(plan.content, ""))
    return compile_page(
        plan.content, served, **told, brand_css_url=f"/b/{plan.facts.partner_slug}.css"
    )


def _beside(logo: LogoFacts, base_url: str) -> LogoFacts:
    return replace(
        logo,
        url=logo.url.removeprefix(base_url),
        reversed_url=logo.reversed_url.removeprefix(base_url),
    )


def given(session: Session, plan: Drawing, requested: str, served: str) -> Given:
    return Given(
        requested=requested,
        brand=plan.brand,
        vendor=plan.vendor,
        launch=plan.facts,
        slots=branding.own_words(session, plan.launch.cobranded_kit, served),
    )


def served_locale(plan: Drawing, requested: str) -> str:
    served = plan.served(requested)
    if served is None:
        raise Invalid(
            _("This kit has no text for readers of %(locale)s.", locale=requested), field="locale"
        )
    return served


def freeze(
    session: Session, plan: Drawing, requested: Iterable[str], countries: Iterable[str]
) -> None:
    """Write the artefacts and the link table of a launch; a second call replaces the first."""
    launch = plan.launch
    session.execute(
        delete(LaunchAsset).where(
            LaunchAsset.launch_id == launch.id, LaunchAsset.tenant_id == launch.tenant_id
        )
    )
    session.execute(
        delete(Link).where(Link.launch_id == launch.id, Link.tenant_id == launch.tenant_id)
    )
    wanted = sorted(set(requested))
    lands = sorted(set(countries))
    own = launch.own_mailer
    # A mailer of the partner's own knows no clicks of ours: no deed sends a mail there.
    mails = [m for m in plan.content.mails if not (own and m.is_triggered)]
    tested: list[str] = []  # languages in which the first mail has two subjects
    for locale in wanted:
        for asset in mails:
            skeleton = mail(session, plan, asset.key, locale, countries=lands, own_mailer=own)
            _keep(session, plan, asset.key, locale, skeleton.to_bytes())
        second = None if own else second_mail(session, plan, locale, lands)
        if second is not None:
            _keep(session, plan, SECOND, locale, second.to_bytes())
            tested.append(locale)
        _keep(session, plan, plan.content.page.key, locale, page(session, plan, locale).to_bytes())
    _keep_links(session, plan)
    launch.triggered = sum(mail.is_triggered for mail in mails)
    launch.steps = len(mails) - launch.triggered
    launch.subject_test = {"locales": tested} if tested else {}
    launch.frozen_manifest = {
        "kit_version": str(launch.kit_version_id),
        "semver": plan.content.semver,
        "locales": {locale: plan.served(locale) for locale in wanted},
        "countries": lands,
        "steps": [steps.frozen(mail) for mail in mails],
    }


def has_second(session: Session, plan: Drawing) -> bool:
    """The kit or the partner has a second subject for the first mail, in the main language."""
    key = f"{plan.content.mails[0].key}.{SECOND_SUBJECT}"
    served = served_locale(plan, plan.launch.primary_locale)
    unit = plan.content.units.get(key)
    own = branding.own_words(session, plan.launch.cobranded_kit, served)
    return bool(own.get(key)) or (unit is not None and served in unit.texts)


def second_mail(
    session: Session, plan: Drawing, requested: str, countries: Iterable[str]
) -> MailSkeleton | None:
    """The first mail under its second subject; None in a language that has no second one."""
    asset, served = plan.content.mails[0].key, served_locale(plan, requested)
    own = branding.own_words(session, plan.launch.cobranded_kit, served)
    unit = plan.content.units.get(f"{asset}.{SECOND_SUBJECT}")
    if not own.get(f"{asset}.{SECOND_SUBJECT}") and (unit is None or served not in unit.texts):
        return None
    made = mail(session, plan, asset, requested, countries=countries, subject=SECOND_SUBJECT)
    first = mail(session, plan, asset, requested, countries=countries)
    return None if made.subject_runs == first.subject_runs else made


def _keep(session: Session, plan: Drawing, asset: str, locale: str, compiled: bytes) -> None:
    session.add(
        LaunchAsset(
            tenant_id=plan.launch.tenant_id,
            launch_id=plan.launch.id,
            asset=asset,
            locale=locale,
            served_locale=plan.served(locale) or "",
            compiled=compiled,
            sha256=hashlib.sha256(compiled).hexdigest(),
        )
    )


def link_targets(plan: Drawing) -> dict[str, str]:
    """Link key → where it leads. Raises Invalid for one that needs what the partner left out."""
    return {link.key: target_address(link, plan.brand) for link in plan.content.links}


def _keep_links(session: Session, plan: Drawing) -> None:
    targets = link_targets(plan)
    rows = [
        {
            "tenant_id": plan.launch.tenant_id,
            "launch_id": plan.launch.id,
            "number": number,
            "key": key,
            "target": targets[key.split(".", 1)[1]],
        }
        for number, key in enumerate(link_keys(plan.content))
    ]
    if rows:
        session.execute(insert(Link), rows)


def frozen(session: Session, launch_id: UUID, asset: str, locale: str) -> LaunchAsset:
    """The artefact for a locale of the launch, or for its primary one. Raises NotFound."""
    rows = {
        row.locale: row
        for row in session.scalars(
            select(LaunchAsset).where(
                LaunchAsset.launch_id == launch_id, LaunchAsset.asset == asset
            )
        )
    }
    if locale not in rows:
        raise NotFound(_("This launch has no such mail or page."))
    return rows[locale]
