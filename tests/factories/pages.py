"""Landing pages that are live, in four languages, without the whole road of a launch."""

import hashlib
from typing import Any

from tests.factories import launches, rendering
from tests.factories.base import bound, save
from tests.factories.kept import kept
from tpma.core.db import clock_of
from tpma.identity.models import Organisation
from tpma.launches.models import Launch, LaunchAsset, LaunchState, Link
from tpma.pages.models import LandingPage, PageState
from tpma.rendering.facts import BrandFacts
from tpma.rendering.page import PageArtifact, compile_page

LOCALES = ("en-US", "de-DE", "ja-JP", "ar-AE")


@kept
def launch(**given: Any) -> Launch:
    """Under way, its links in place; nothing was sent."""
    made = launches.launch(
        contacts=0, **{"state": LaunchState.RUNNING, "primary_locale": "en-US"} | given
    )
    made.page_slug = made.page_slug or f"secure-edge-{made.campaign_code.lower()}"
    made.started_at = clock_of(bound())()
    for number, (key, target) in enumerate(LINKS.items()):
        save(
            Link(tenant_id=made.tenant_id, launch_id=made.id, number=number, key=key, target=target)
        )
    return made


LINKS = {
    "email1.cta": "page",
    "email1.site": "https://brightline.example/",
    "email1.call": "tel:+16145550142",
}


def artifact(made: Launch, locale: str) -> PageArtifact:
    company = bound().get_one(Organisation, made.tenant_id)
    facts: BrandFacts = rendering.brand(
        company=rendering.company(name=company.trading_name, legal_name=company.legal_name)
    )
    return compile_page(
        rendering.content(),
        locale.split("-")[0],
        requested=locale,
        brand=facts,
        vendor=rendering.vendor(),
        launch=rendering.facts_of_launch(code=made.campaign_code),
        slots={},
        brand_css_url="",
    )


def page(
    made: Launch | None = None, locales: tuple[str, ...] = LOCALES, **given: Any
) -> LandingPage:
    """A live page of this launch, frozen in these languages."""
    made = made or launch()
    for locale in locales:
        compiled = artifact(made, locale).to_bytes()
        save(
            LaunchAsset(
                tenant_id=made.tenant_id,
                launch_id=made.id,
                asset="page",
                locale=locale,
                served_locale=locale.split("-")[0],
                compiled=compiled,
                sha256=hashlib.sha256(compiled).hexdigest(),
            )
        )
    values = {
        "tenant_id": made.tenant_id,
        "launch_id": made.id,
        "slug": made.page_slug,
        "state": PageState.LIVE,
    }
    return save(LandingPage(**values | given))
