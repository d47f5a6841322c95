"""An optional field that is empty takes its separator with it."""

import re
from dataclasses import replace

import pytest

from tpma.core.paths import kits_folder
from tpma.kits import check, samples
from tpma.rendering.document import compile_pdf
from tpma.rendering.facts import Person
from tpma.rendering.mail import compile_mail, signed_links
from tpma.rendering.page import compile_page, sample
from tpma.rendering.template import expand, fill_markup, fill_plain

EMPTY = {"a.name": "Ada", "a.title": "", "a.firm": "Harbor", "a.phone": ""}
KITS = sorted(path.name for path in kits_folder().iterdir() if (path / "kit.toml").is_file())


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<p>{{ a.name }} · {{ a.title }}</p>", "<p>Ada</p>"),
        ("<p>{{ a.title }} · {{ a.name }}</p>", "<p>Ada</p>"),
        ("<p><bdi>{{ a.name }}</bdi> · <bdi>{{ a.title }}</bdi></p>", "<p><bdi>Ada</bdi></p>"),
        (
            "<p>{{ a.name }}<br />{{ a.title }}<br />{{ a.firm }}</p>",
            "<p>Ada<br />Harbor</p>",
        ),
        ('<p>{{ a.firm }}<br><span dir="ltr">{{ a.phone }}</span></p>', "<p>Harbor</p>"),
        ("<p>{{ a.name }}, {{ a.title }}, {{ a.phone }}, {{ a.firm }}</p>", "<p>Ada, Harbor</p>"),
        ("<p>{{ a.title }}، {{ a.firm }}</p>", "<p>Harbor</p>"),
        ("<p>{{ a.firm }} {{ a.title }}</p>", "<p>Harbor</p>"),
        ("<p>Call {{ a.title }} now</p>", "<p>Call now</p>"),
        ("<p>{{ a.title }}</p>", "<p></p>"),
        ('<i title="{{ a.title }}, x">y, z</i>', '<i title=", x">y, z</i>'),
        ("<p>{{ a.name }} · {{ a.firm }}</p>", "<p>Ada · Harbor</p>"),
    ],
)
def test_what_is_empty_leaves_no_separator(written, shown):
    assert expand(written, {}, {}, EMPTY) == shown


def test_texts_of_a_kit_close_up_too():
    assert fill_markup("{{ a.title }}, {{ a.firm }}", EMPTY) == "Harbor"
    assert fill_plain("{{ a.name }} · {{ a.title }}", EMPTY) == "Ada"


def everything(content, locale, title):
    """Every mail, page and document of a kit for a partner with this title."""
    facts = {
        "requested": locale,
        "brand": replace(samples.BRAND, contact_title=title),
        "vendor": samples.VENDOR,
        "launch": samples.launch(content),
        "slots": {},
    }
    for asset in content.mails:
        numbers = {key: n for n, key in enumerate(signed_links(content, asset.key))}
        mail = compile_mail(content, asset.key, locale, link_numbers=numbers, **facts)
        yield mail.html(Person(), "token")
    page = compile_page(content, locale, brand_css_url="https://x.example/b.css", **facts)
    yield sample(page)
    for asset in content.assets:
        if asset.kind == "pdf":
            yield compile_pdf(content, asset.key, locale, **facts).html


LONELY = re.compile(
    r"(>|^)\s*[·,،、]|[·,،、]\s*(</(bdi|div|p|td|span)>|<br)|<br\s*/?>\s*<br|(<bdi>|<span[^>]*>)\s*</"
)


@pytest.mark.parametrize("kit", KITS)
def test_no_kit_leaves_a_lone_sign_for_a_partner_without_a_title(kit):
    content = check.folder(kits_folder() / kit).content
    for locale in content.locales:
        with_title = everything(content, locale, "Vertrieb")
        for full, gap in zip(with_title, everything(content, locale, ""), strict=True):
            assert len(LONELY.findall(gap)) <= len(LONELY.findall(full)), locale
            assert "\ue010" not in gap
