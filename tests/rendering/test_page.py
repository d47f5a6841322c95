"""The landing page and its form, which works without JavaScript."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tests.factories import rendering as factory
from tests.rendering.test_template import HOSTILE
from tpma.core.errors import Invalid
from tpma.rendering import page_texts
from tpma.rendering.content import AssetSpec
from tpma.rendering.form import faults
from tpma.rendering.frame import plain_frame
from tpma.rendering.notices import (
    Choice,
    closed_page,
    message_page,
    not_found_page,
    preferences_page,
    unsubscribe_page,
    unsubscribed_page,
)
from tpma.rendering.page import PageArtifact, compile_page, render_page, sample, thanks_page


def _page(locale="en", requested="en-US", **changes) -> PageArtifact:
    content = changes.pop("content", factory.content())
    given = {
        "requested": requested,
        "brand": factory.brand(),
        "vendor": factory.vendor(),
        "launch": factory.facts_of_launch(),
        "slots": {},
        "brand_css_url": "/b/0abc.css",
    }
    return compile_page(content, locale, **{**given, **changes})


def _shown(page=None, *, values=None, wrong=None, token_fields=None):
    html = render_page(
        page or _page(),
        action="/l/brightline/submit",
        token_fields=token_fields or {},
        values=values or {},
        faults=wrong or {},
    )
    return LexborHTMLParser(html)


def test_the_page_has_head_header_main_and_footer():
    shown = _shown()
    assert shown.css_first("html").attributes == {"lang": "en-US", "dir": "ltr"}
    assert shown.css_first("title").text() == "Know which office is exposed · Brightline IT"
    assert shown.css_first("meta[name=robots]").attributes["content"] == "noindex"
    assert [one.attributes["href"] for one in shown.css("link[rel=stylesheet]")] == [
        "/static/public.css", "/b/0abc.css",
    ]  # fmt: skip
    assert len(shown.css("header picture source")) == 2
    assert shown.css_first("main h1").text() == "Know which office is exposed"
    assert "Brightline IT, Inc., 88 East Broad Street" in shown.css_first("footer").text()
    assert shown.css_first("footer").text().endswith("HC-SEC-ZQCGZXW")


def test_the_page_needs_no_script_and_no_inline_style():
    shown = _shown()
    assert not shown.css("script, style, [style], [onclick], iframe")


def test_every_control_has_a_name_and_a_label():
    shown = _shown()
    labelled = {label.attributes["for"] for label in shown.css("label")}
    for control in shown.css("input:not([type=hidden]), select"):
        assert control.attributes["id"] in labelled
        assert control.attributes["name"]
    ids = [node.attributes["id"] for node in shown.css("[id]")]
    assert len(ids) == len(set(ids))


def test_required_and_optional_are_told_apart():
    shown = _shown()
    assert [one.attributes["name"] for one in shown.css("[required]")] == ["given_name", "email"]
    assert "(optional)" in shown.css_first("label[for=f-phone]").text()
    assert shown.css_first("[name=email]").attributes["autocomplete"] == "email"


def test_consents_are_never_ticked_beforehand():
    values = {"consent_partner_marketing": "1", "consent_share_with_vendor": "1"}
    shown = _shown(values=values, wrong={"email": "required"})
    boxes = shown.css("input[type=checkbox]")
    assert [one.attributes["name"] for one in boxes] == [
        "consent_partner_marketing", "consent_share_with_vendor",
    ]  # fmt: skip
    assert not shown.css("[checked]")


def test_consents_name_both_companies_and_can_be_proved():
    consents = _page().form.consents
    assert consents[1].text == "Brightline IT, Inc. may pass my details to Helio Cloud, Inc.."
    assert consents[1].locale == "en"
    assert len(consents[1].sha256) == 64


def test_a_reader_no_consent_text_is_valid_for_gets_no_page():
    with pytest.raises(Invalid, match="partner_marketing") as refusal:
        _page("en", "en-ZA")
    assert refusal.value.field == "consent.partner_marketing"


def test_what_is_wrong_is_said_at_its_field_in_the_pages_language():
    page = _page("de", "de-DE")
    shown = _shown(page, values={"email": "priya@harborpoint"}, wrong={"email": "email_ending"})
    entry = shown.css_first("[name=email]")
    assert entry.attributes["aria-invalid"] == "true"
    assert entry.attributes["value"] == "priya@harborpoint"
    error = shown.css_first(f"#{entry.attributes['aria-describedby']}")
    assert error.text() == "Die Endung fehlt, zum Beispiel harborpoint.example."
    assert shown.css_first("[role=alert]") is not None
    assert "autofocus" in entry.attributes


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"given_name": "Priya", "email": "p@h.example"}, {}),
        ({}, {"given_name": "required", "email": "required"}),
        ({"given_name": " ", "email": "p@h.example"}, {"given_name": "required"}),
        ({"given_name": "P", "email": "priya"}, {"email": "email"}),
        ({"given_name": "P", "email": "priya@harborpoint"}, {"email": "email_ending"}),
        ({"given_name": "P", "email": "p@h.example\r\nBcc: x@y.example"}, {"email": "email"}),
        ({"given_name": "P" * 201, "email": "p@h.example"}, {"given_name": "too_long"}),
        ({"given_name": "P", "email": "p@h.example", "phone": "call me"}, {"phone": "phone"}),
        ({"given_name": "P", "email": "p@h.example", "phone": "+49 221 5550100"}, {}),
        ({"given_name": "P", "email": "p@h.example", "sites": "none"}, {"sites": "choice"}),
        ({"given_name": "P", "email": "p@h.example", "sites": "1 to 5"}, {}),
    ],
)
def test_answers_are_checked(values, wrong):
    assert faults(_page().form, values) == wrong


def test_the_honeypot_is_hidden_from_people():
    trap = _shown().css_first("[name=website]")
    assert trap.parent.attributes["aria-hidden"] == "true"
    assert trap.attributes["tabindex"] == "-1"


@given(HOSTILE, HOSTILE)
def test_what_was_typed_comes_back_as_text(typed, token):
    values = {"given_name": typed, "sites": typed}
    shown = _shown(values=values, token_fields={"token": token})
    assert shown.css_first("[name=given_name]").attributes["value"] == typed.replace("\r\n", "\n")
    assert shown.css_first("[name=token]").attributes["value"] == token.replace("\r\n", "\n")
    assert not shown.css("script, [onload]")


@given(st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable() and text.strip()))
def test_the_partners_headline_is_shown_as_written(words):
    shown = _shown(_page(slots={"page.headline": words}))
    assert shown.css_first("h1").text().split() == words.split()


def test_a_stored_page_is_the_same_page():
    page = _page()
    again = PageArtifact.from_bytes(page.to_bytes())
    assert again == page
    assert again.digest == page.digest
    assert sample(again) == sample(page)


@pytest.mark.parametrize("count", [0, 2])
def test_a_page_without_its_form_exactly_once_is_refused(count):
    source = factory.PAGE.replace("{{ form }}", "{{ form }}" * count)
    content = factory.content(assets=(AssetSpec("page", "landing_page", "page/l.html", source),))
    with pytest.raises(Invalid):
        _page(content=content)


def test_an_arabic_page_runs_from_right_to_left():
    shown = _shown(_page("ar", "ar-AE"))
    assert shown.css_first("html").attributes == {"lang": "ar-AE", "dir": "rtl"}
    assert "بالشراكة مع" in shown.css_first("header").text()
    assert shown.css_first("[name=email]").attributes["dir"] == "ltr"


def test_the_page_after_the_form_is_in_the_kits_words():
    html = thanks_page(_page())
    assert "<h1>Your request is with us</h1><p>Dana Whitfield will write to you.</p>" in html


FRAME = _page("de", "de-DE").frame


@pytest.mark.parametrize(
    ("html", "heading"),
    [
        (closed_page(FRAME), "Dieses Angebot ist beendet"),
        (message_page(FRAME, "A <b>", "x <script>"), "A <b>"),
        (not_found_page("ja-JP"), "このリンクは無効です"),
        (not_found_page("sv-SE"), "This link does not lead anywhere"),
        (
            unsubscribe_page(FRAME, address="p•@h.example", action="/u/x", token_fields={}),
            "Keine E-Mails mehr von Brightline IT?",
        ),
        (
            unsubscribed_page(FRAME, undo_action="/u/x/undo", token_fields={"t": "1"}),
            "Sie erhalten keine E-Mails mehr von Brightline IT",
        ),
        (
            preferences_page(
                FRAME,
                address="p•@h.example",
                choices=[Choice("news", "Neues", "Monatlich", True)],
                action="/p/x",
                token_fields={"t": "1"},
                saved=True,
            ),
            "Was dürfen wir Ihnen senden?",
        ),
    ],
)
def test_the_small_pages(html, heading):
    shown = LexborHTMLParser(html)
    assert shown.css_first("h1").text() == heading
    assert len(shown.css("h1")) == 1
    assert not shown.css("script, style, [style]")


def test_nothing_is_unsubscribed_by_looking():
    html = unsubscribe_page(FRAME, address="p•@h.example", action="/u/x", token_fields={"t": "1"})
    form = LexborHTMLParser(html).css_first("form")
    assert form.attributes["method"] == "post"
    assert 'dir="ltr">p•@h.example' in html


def test_a_page_of_no_partner_has_no_brand():
    assert plain_frame("fr").tag == "en"
    assert len(LexborHTMLParser(not_found_page("de")).css("link[rel=stylesheet]")) == 1


def test_every_language_says_everything():
    english = page_texts._TEXTS["en"]
    for texts in page_texts._TEXTS.values():
        assert texts.keys() == english.keys()
        for key, text in texts.items():
            assert _names(text) == _names(english[key])


def _names(text: str) -> set[str]:
    return {piece.split(")")[0] for piece in text.split("%(")[1:]}
