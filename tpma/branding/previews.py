"""A kit in a partner's brand before there is a launch, compiled by what compiles a launch."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from tpma.branding import queries, vendors
from tpma.branding.findings import Finding, error
from tpma.branding.models import CoBrandedKit
from tpma.branding.regions import check_locked
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.kits import queries as kits
from tpma.kits.models import Kit, KitVersion
from tpma.localization import rules as locales
from tpma.partners.models import Enrolment
from tpma.rendering.content import AssetSpec, KitContent
from tpma.rendering.document import PdfSource, compile_pdf, paper_for
from tpma.rendering.facts import BrandFacts, Given, LaunchFacts, Person, VendorFacts
from tpma.rendering.mail import MailSkeleton, compile_mail, signed_links
from tpma.rendering.page import compile_page, sample
from tpma.rendering.social import compile_post

TOKEN = "preview"  # stands where a reader's token stands; leads nowhere
_TYPICAL = {  # first name, last name, company
    "en": ("Priya", "Raman", "Northfield Clinics"),
    "de": ("Anna", "Weber", "Kessler Werke"),
    "ja": ("花子", "佐藤", "北野工業"),
    "ar": ("ليلى", "حداد", "مستشفى الواحة"),
}
_LONGEST = ("Maximiliana-Theodora", "von Hohenlohe-Schillingsfürst", "Rhein-Main-Donau-Logistik")


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a preview needs, read once, so that rendering holds no transaction."""

    content: KitContent
    brand: BrandFacts
    vendor: VendorFacts
    launch: LaunchFacts
    slots: dict[str, str]
    requested: str
    served: str

    @property
    def given(self) -> Given:
        return Given(
            requested=self.requested,
            brand=self.brand,
            vendor=self.vendor,
            launch=self.launch,
            slots=self.slots,
        )

    def asset(self, key: str, *kinds: str) -> AssetSpec:
        """Raises NotFound if the kit has no such asset of one of these kinds."""
        found = next((asset for asset in self.content.assets if asset.key == key), None)
        if found is None or (kinds and found.kind not in kinds):
            raise NotFound(_("This kit has no such part."))
        return found


def scene(
    session: Session, enrolment: Enrolment, kit_slug: str, locale: str, today: date, base_url: str
) -> Scene:
    """Raises NotFound for a kit the partner may not use or a language it is not served in."""
    _kit, version = kits.get_for_partner(session, enrolment, kit_slug, today)
    own = queries.find_cobranded(session, enrolment, version.id)
    return _scene(session, enrolment, version, own, locale, base_url)


def scene_of(session: Session, cobranded: CoBrandedKit, locale: str, base_url: str) -> Scene:
    """The same for a version that is under review. Raises NotFound for a language it lacks."""
    enrolment = session.get_one(Enrolment, cobranded.enrolment_id)
    return _scene(session, enrolment, cobranded.kit_version, cobranded, locale, base_url)


def _scene(
    session: Session,
    enrolment: Enrolment,
    version: KitVersion,
    own: CoBrandedKit | None,
    locale: str,
    base_url: str,
) -> Scene:
    content = kits.content(session, version.id)
    served = _served(content, locale, str(enrolment.programme.fallback_policy))
    return Scene(
        content=content,
        brand=queries.facts(session, enrolment.partner_id, base_url),
        vendor=queries.vendor_facts(session, enrolment.tenant_id, base_url),
        launch=_launch(session, enrolment, version.kit, content, base_url),
        slots=queries.own_words(session, own, served),
        requested=locale,
        served=served,
    )


def _served(content: KitContent, locale: str, policy: str) -> str:
    if locale in content.locales or locale in locales.PSEUDO:
        return locale
    found = locales.served(locale, content.locales, policy, content.source_locale)
    if found is None:
        raise NotFound(_("This kit has no text in that language."))
    return found


def _launch(
    session: Session, enrolment: Enrolment, kit: Kit, content: KitContent, base_url: str
) -> LaunchFacts:
    """A launch that is not one yet: its code and its page have no number."""
    prefix = vendors.vendor(session, enrolment.tenant_id).code_prefix
    slug = enrolment.partner.slug
    return LaunchFacts(
        code=f"{prefix}-{kit.key}-XXXXXXX",
        base_url=base_url,
        page_url=f"{base_url}/l/{slug}-{kit.slug}",
        partner_slug=slug,
        kit_slug=kit.slug,
        image_urls={
            image.key: f"{base_url}/k/{image.sha256}.{image.file.rsplit('.', 1)[-1]}"
            for image in content.images
        },
    )


def mail(scene: Scene, asset: str) -> MailSkeleton:
    """One mail with its slots marked. Raises Invalid for what would stop a launch."""
    content = scene.content
    links = [key for one in content.mails for key in signed_links(content, one.key)]
    return compile_mail(
        content,
        scene.asset(asset, "email").key,
        scene.served,
        **scene.given,
        link_numbers={key: number for number, key in enumerate(links)},
        countries=[scene.brand.company.country],
        marks=True,
    )


def page(scene: Scene) -> str:
    """The landing page with its form, which leads nowhere."""
    artifact = compile_page(
        scene.content,
        scene.served,
        **scene.given,
        brand_css_url=f"{scene.launch.base_url}/b/{scene.launch.partner_slug}.css",
        marks=True,
    )
    return sample(artifact)


def html(scene: Scene, asset: str, reader_kind: str = "") -> str:
    """A mail or page as the frame shows it. Raises NotFound for an asset of another kind."""
    if scene.asset(asset, "email", "landing_page").kind == "landing_page":
        return page(scene)
    return mail(scene, asset).html(reader(scene, reader_kind), TOKEN)


def proof(scene: Scene) -> list[Finding]:
    """Every mail and the page, rendered, and each locked text looked for in it."""
    found: list[Finding] = []
    for asset in (*scene.content.mails, scene.content.page):
        try:
            shown = html(scene, asset.key)
        except Invalid as fault:
            cure = _("Open the brand profile and fill it in.")
            found.append(error("render", fault.message, cure, asset.key))
        else:
            found += check_locked(shown, scene.content, asset.key, scene.served)
    return found


def reader(scene: Scene, kind: str) -> Person:
    """Who reads the preview: "longest" and "nameless" show where a layout may break."""
    return person(scene.served, kind, scene.brand.company.country)


def person(locale: str, kind: str, country: str = "") -> Person:
    """An invented reader of that language: "longest", "nameless", else a typical one."""
    if kind == "nameless":
        return Person(country=country)
    language = locale.split("-")[0]
    name = _LONGEST if kind == "longest" else _TYPICAL.get(language, _TYPICAL["en"])
    return Person(*name, country=country)


def document(scene: Scene, asset: str) -> PdfSource:
    """The data sheet as HTML, on the paper of the partner's country."""
    return compile_pdf(
        scene.content,
        scene.asset(asset, "pdf").key,
        scene.served,
        **scene.given,
        paper=paper_for(scene.brand.company.country),
    )


def post(scene: Scene, asset: str) -> str:
    """A ready post, as it is copied."""
    return compile_post(
        scene.content,
        scene.asset(asset, "social_post").key,
        scene.served,
        **scene.given,
    )
