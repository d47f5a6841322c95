"""A small kit with every part a rendering can meet, and facts of an invented partner."""

# ruff: noqa: E501 — templates are written as kits write them.

from dataclasses import replace
from typing import Any

from tpma.rendering.content import (
    AssetSpec,
    ConsentSpec,
    FormField,
    ImageSpec,
    KitContent,
    LinkSpec,
    SlotSpec,
    Unit,
)
from tpma.rendering.facts import BrandFacts, CompanyFacts, LaunchFacts, LogoFacts, VendorFacts

MAIL = """<mjml lang="{{ locale.tag }}" dir="{{ locale.dir }}">
  <mj-head>
    <mj-title>{{ brand.name }}</mj-title>
    <mj-preview>{% t preheader %}What you get, and when.{% endt %}</mj-preview>
    <mj-attributes><mj-all font-family="{{ locale.font }}" /></mj-attributes>
  </mj-head>
  <mj-body>
    <mj-section direction="{{ locale.dir }}">
      <mj-column direction="{{ locale.dir }}">
        <mj-image src="{{ brand.logo }}" alt="{{ brand.name }}" width="{{ brand.logo_width }}px" href="{{ link.site }}" />
        <mj-image src="{{ image.hero }}" alt="{% t hero_alt %}Rings around "one" point{% endt %}" />
        <mj-text font-size="31px"><h1>{% slot headline %}Know which office is exposed{% endslot %}</h1></mj-text>
        <mj-text>{% t greeting %}Hello {{ person.first_name }} {{ person.last_name }},{% endt %}</mj-text>
        <mj-text>{% slot intro %}Branch offices are rarely renewed all at once.{% endslot %}</mj-text>
        <mj-text>{% t note %}<b>Fixed price</b>, for {{ person.company }}. <a href="{{ link.site }}">More</a>{% endt %}</mj-text>
        <mj-table><tr><td>{% t day %}Day 1–3{% endt %}</td><td>{% t work %}We read &amp; test.{% endt %}</td></tr></mj-table>
        <mj-text><ul><li>{% t one %}First{% endt %}</li><li>{% t two %}Second{% endt %}</li></ul></mj-text>
        <mj-button href="{{ link.cta }}" background-color="{{ brand.colour }}" color="{{ brand.colour_text }}">{% slot cta %}Book the check{% endslot %}</mj-button>
        <mj-text>{{ legal.footer }}</mj-text>
        <mj-text><a href="{{ link.unsubscribe }}">{% t unsubscribe %}Unsubscribe{% endt %}</a><br /><span dir="ltr">{{ launch.code }}</span></mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""

PAGE = """<div class="hero"><div class="w"><div><h1>{% slot headline %}Know which office is exposed{% endslot %}</h1>
<p class="lead">{% t lead %}With {{ vendor.name }}, by {{ brand.name }}.{% endt %}</p>
<img src="{{ image.hero }}" alt=""></div>{{ form }}</div></div>
<section class="sec w"><h2>{% t after %}Afterwards{% endt %}</h2><p><a href="{{ link.site }}">{{ brand.name }}</a></p></section>
"""

PDF = """<h1 class="brand-fg">{% t title %}Secure Edge{% endt %}</h1>
<p>{% t lead %}{{ brand.name }} and {{ vendor.name }} check every site.{% endt %}</p>
<img src="{{ brand.logo }}" alt="{{ brand.name }}" width="{{ brand.logo_width }}">
<a class="brand-bg" href="{{ link.cta }}">{% t cta %}Book{% endt %}</a> <span dir="ltr">{{ launch.code }}</span>
"""

POST = """{% slot intro %}Which office would you least like to explain?{% endslot %}

{% t offer %}Together with {{ vendor.name }} we check & price every site.{% endt %} {{ link.cta }}
"""

GERMAN = {
    "email1.subject": "{{ person.first_name }}, Ihre Standorte geprüft",
    "email1.greeting": "Guten Tag {{ person.first_name }} {{ person.last_name }},",
    "email1.headline": "Wissen, welcher Standort offen ist",
    "form.submit": "Prüfung buchen",
}

SOURCE: dict[str, str] = {
    "kit.title": "Secure Edge",
    "email1.subject": "{{ person.first_name }}, your offices checked",
    "email1.preheader": "What you get, and when.",
    "email1.hero_alt": 'Rings around "one" point',
    "email1.headline": "Know which office is exposed",
    "email1.greeting": "Hello {{ person.first_name }} {{ person.last_name }},",
    "email1.intro": "Branch offices are rarely renewed all at once.",
    "email1.note": '<b>Fixed price</b>, for {{ person.company }}. <a href="{{ link.site }}">More</a>',
    "email1.day": "Day 1–3",
    "email1.work": "We read &amp; test.",
    "email1.one": "First",
    "email1.two": "Second",
    "email1.cta": "Book the check",
    "email1.unsubscribe": "Unsubscribe",
    "page.subject": "Know which office is exposed",
    "page.preheader": "A fixed-price check.",
    "page.headline": "Know which office is exposed",
    "page.lead": "With {{ vendor.name }}, by {{ brand.name }}.",
    "page.after": "Afterwards",
    "datasheet.subject": "Secure Edge data sheet",
    "datasheet.title": "Secure Edge",
    "datasheet.lead": "{{ brand.name }} and {{ vendor.name }} check every site.",
    "datasheet.cta": "Book",
    "linkedin.intro": "Which office would you least like to explain?",
    "linkedin.offer": "Together with {{ vendor.name }} we check & price every site.",
    "form.title": "Book the edge check",
    "form.intro": "Fixed price. We answer within two working days.",
    "form.submit": "Book the check",
    "form.thanks_title": "Your request is with us",
    "form.thanks_text": "{{ brand.contact_name }} will write to you.",
    "form.given_name.label": "First name",
    "form.email.label": "Work e-mail",
    "form.phone.label": "Telephone",
    "form.sites.label": "Sites to check",
    "form.sites.option1": "1 to 5",
    "form.sites.option2": "More than 5",
    "consent.partner_marketing": "{{ brand.legal_name }} may send me e-mail.",
    "consent.share_with_vendor": "{{ brand.legal_name }} may pass my details to {{ vendor.legal_name }}.",
}

VALID_FOR = ("en-US", "en-GB", "de-DE", "de-AT", "ja-JP", "ar-AE")


def units() -> dict[str, Unit]:
    """Source texts in en; de where translated, else the source; ja and ar marked as such."""
    found = {}
    for key, text in SOURCE.items():
        legal = key.startswith("consent.")
        texts = {
            "en": text,
            "de": GERMAN.get(key, text),
            "ja": text.replace("Hello", "こんにちは"),
            "ar": text.replace("Hello", "مرحبًا"),
        }
        found[key] = Unit(key, texts, legal=legal, valid_for=VALID_FOR if legal else ())
    return found


def content(**changes: Any) -> KitContent:
    kit = KitContent(
        key="SEC",
        slug="secure-edge",
        semver="1.0.0",
        source_locale="en",
        locales=("en", "de", "ja", "ar"),
        product_families=("security",),
        motion="demand_gen",
        cover="assets/cover.svg",
        tiers=(),
        types=(),
        allow=(),
        deny=(),
        embargo=None,
        retires=None,
        goal_leads=20,
        fallbacks={
            "person.first_name": {"en": "there", "de": "zusammen", "ja": "ご担当者", "ar": "بكم"},
            "person.company": {"en": "your company", "de": "Ihr Haus", "ja": "貴社", "ar": "شركتكم"},
        },
        images=(ImageSpec("hero", "assets/hero.png", "image/png", 1200, 401, "0" * 64),),
        links=(LinkSpec("cta", "page"), LinkSpec("site", "brand.url")),
        assets=(
            AssetSpec("email1", "email", "email/invite.mjml", MAIL),
            AssetSpec("page", "landing_page", "page/landing.html", PAGE),
            AssetSpec("datasheet", "pdf", "pdf/datasheet.html", PDF, style="h1{color:#333}"),
            AssetSpec("linkedin", "social_post", "social/linkedin.txt", POST),
        ),
        fields=(
            FormField("given_name", "text", True, "given_name", "form.given_name.label"),
            FormField("email", "email", True, "email", "form.email.label"),
            FormField("phone", "tel", False, "phone", "form.phone.label"),
            FormField(
                "sites", "select", False, "", "form.sites.label",
                options=("form.sites.option1", "form.sites.option2"),
            ),
        ),
        consents=(
            ConsentSpec("partner_marketing", "1", ("partner",), "consent.partner_marketing"),
            ConsentSpec(
                "share_with_vendor", "1", ("partner", "vendor"), "consent.share_with_vendor"
            ),
        ),
        slots=(
            SlotSpec("email1", "headline", "text", "slot.email1.headline"),
            SlotSpec("email1", "intro", "rich_text", "slot.email1.intro"),
            SlotSpec("page", "headline", "text", "slot.page.headline"),
        ),
        units=units(),
    )  # fmt: skip
    return replace(kit, **changes)


def company(**changes: Any) -> CompanyFacts:
    made = CompanyFacts(
        name="Brightline IT",
        legal_name="Brightline IT, Inc.",
        country="US",
        address_lines=("88 East Broad Street", "Columbus, OH 43215", "USA"),
        website="https://brightline.example",
        email="hello@brightline.example",
        phone="+16145550100",
    )
    return replace(made, **changes)


def brand(**changes: Any) -> BrandFacts:
    made = BrandFacts(
        company=company(),
        logo=LogoFacts("https://x.example/logo.png", "https://x.example/logo-r.png", 156, 34),
        colour="#0057B8",
        colour_text="#FFFFFF",
        contact_name="Dana Whitfield",
        contact_title="Security practice lead",
        privacy_url="https://brightline.example/privacy",
    )
    return replace(made, **changes)


def vendor(**changes: Any) -> VendorFacts:
    made = VendorFacts(
        company=CompanyFacts("Helio Cloud", "Helio Cloud, Inc.", "US", ("1 Sun Way",)),
        logo=LogoFacts("https://x.example/helio.svg", "https://x.example/helio-r.svg", 116, 25),
    )
    return replace(made, **changes)


def facts_of_launch(**changes: Any) -> LaunchFacts:
    made = LaunchFacts(
        code="HC-SEC-ZQCGZXW",
        base_url="https://go.example",
        page_url="https://go.example/l/brightline-secure-edge",
        partner_slug="brightline-it",
        kit_slug="secure-edge",
        image_urls={"hero": "https://go.example/i/hero.png"},
    )
    return replace(made, **changes)
