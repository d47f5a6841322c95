"""PDF sources and ready posts."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.factories import rendering as factory
from tpma.core.errors import Invalid
from tpma.rendering.content import LinkSpec
from tpma.rendering.document import A4, LETTER, PdfSource, compile_pdf, paper_for
from tpma.rendering.links import page_address, target_address
from tpma.rendering.social import compile_post

GIVEN = {
    "requested": "en-US",
    "brand": factory.brand(colour="#FFB81C", colour_text="#1A1A1A"),
    "vendor": factory.vendor(),
    "launch": factory.facts_of_launch(),
}


def _pdf(**changes) -> PdfSource:
    return compile_pdf(factory.content(), "datasheet", "en", **{**GIVEN, "slots": {}, **changes})


@pytest.mark.parametrize(
    ("country", "paper"), [("US", LETTER), ("CA", LETTER), ("PH", LETTER), ("DE", A4), ("", A4)]
)
def test_paper_is_that_of_the_country(country, paper):
    assert paper_for(country) == paper


def test_a_pdf_source_is_a_whole_document_in_the_brands_colours():
    source = _pdf(paper=LETTER)
    document = LexborHTMLParser(source.html)
    styles = "".join(style.text() for style in document.css("style"))
    assert document.css_first("html").attributes["lang"] == "en-US"
    assert document.css_first("title").text() == "Secure Edge data sheet"
    assert "@page{size:Letter" in styles
    assert "h1{color:#333}" in styles
    assert ".brand-bg{background:#FFB81C;color:#1A1A1A}" in styles
    assert ".brand-fg{color:#996E10}" in styles  # readable on white
    assert source.assets == ("https://x.example/logo.png",)


def test_links_of_a_pdf_are_marked_as_print():
    link = LexborHTMLParser(_pdf().html).css_first("a").attributes["href"]
    assert dict(parse_qsl(urlsplit(link).query)) == {
        "utm_id": "HC-SEC-ZQCGZXW",
        "utm_campaign": "secure-edge",
        "utm_source": "brightline-it",
        "utm_medium": "print",
        "utm_content": "datasheet.cta",
        "utm_source_platform": "tpma",
    }


def test_parameters_join_those_the_address_has():
    launch = factory.facts_of_launch(page_url="https://go.example/l/x?lang=de#form")
    address = page_address(launch, "email", "email1.cta")
    assert address.startswith("https://go.example/l/x?lang=de&utm_id=HC-SEC-ZQCGZXW&")
    assert address.endswith("#form")


def test_a_post_is_plain_text_with_the_partners_words():
    words = "Fish & <chips> {{ brand.name }}"
    post = compile_post(
        factory.content(), "linkedin", "en", **GIVEN, slots={"linkedin.intro": words}
    )
    lines = post.splitlines()
    assert lines[0] == words
    assert lines[2].startswith("Together with Helio Cloud we check & price every site. https://go.")
    assert "utm_medium=social" in lines[2]
    assert "utm_content=linkedin.cta" in lines[2]


def test_a_links_target_that_is_not_filled_in_is_named():
    brand = factory.brand(privacy_url="")
    with pytest.raises(Invalid) as refusal:
        target_address(LinkSpec("privacy", "brand.privacy_url"), brand)
    assert refusal.value.field == "brand.privacy_url"
