"""What people type: addresses in one form, no second header line, domains a company registers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.errors import Invalid
from tpma.core.text import (
    email_address,
    lines,
    one_line,
    phone_number,
    registrable_domain,
    slug,
)


@pytest.mark.parametrize(
    ("typed", "shown", "norm"),
    [
        ("ada@harborpoint.example", "ada@harborpoint.example", "ada@harborpoint.example"),
        ("  ada@harborpoint.example\n", "ada@harborpoint.example", "ada@harborpoint.example"),
        ("Ada.L@HarborPoint.EXAMPLE", "Ada.L@harborpoint.example", "ada.l@harborpoint.example"),
        ("ada+edge@h.example", "ada+edge@h.example", "ada+edge@h.example"),
        ("o'neil@h.example", "o'neil@h.example", "o'neil@h.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@bu\u0308cher.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@例え.jp", "ada@xn--r8jz45g.jp", "ada@xn--r8jz45g.jp"),
        ("ada@مثال.ae", "ada@xn--mgbh0fb.ae", "ada@xn--mgbh0fb.ae"),
    ],
)
def test_an_address_is_kept_in_one_form(typed, shown, norm):
    found = email_address(typed)
    assert (found.shown, found.norm) == (shown, norm)
    assert found.domain == norm.rsplit("@", 1)[1]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "Enter an e-mail address"),
        ("   ", "Enter an e-mail address"),
        ("ada.harborpoint.example", "The @ is missing"),
        ("ada@harborpoint", "Add the ending"),
        ("ada@@h.example", "not an e-mail address"),
        ("ada@h..example", "not an e-mail address"),
        ("ada lovelace@h.example", "not an e-mail address"),
        ("jörg@h.example", "not an e-mail address"),  # SES takes no such local part
        ("ada@h.example\nBcc: all@h.example", "not an e-mail address"),
        ("ada@h.example\r\nBcc: all@h.example", "not an e-mail address"),
        ("ada\u2028@h.example", "not an e-mail address"),
        ("ada@h.example,bob@h.example", "not an e-mail address"),
        ("Ada <ada@h.example>", "not an e-mail address"),
        ("ada@[127.0.0.1]", "not an e-mail address"),
        ("a" * 65 + "@h.example", "not an e-mail address"),
        ("ada@" + "h" * 250 + ".example", "not an e-mail address"),
    ],
)
def test_no_address_is_told_what_to_enter(typed, told):
    with pytest.raises(Invalid, match=told) as refusal:
        email_address(typed)
    assert refusal.value.field == "email"


@given(st.text())
def test_an_address_is_refused_or_safe_in_a_header_and_stable(typed):
    try:
        found = email_address(typed)
    except Invalid:
        return
    assert found.shown.isascii()
    assert found.shown.isprintable()
    assert email_address(found.shown) == found
    assert email_address(found.norm).norm == found.norm


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("harborpoint.com", "harborpoint.com"),
        ("mail.eu.harborpoint.co.uk", "harborpoint.co.uk"),
        ("HarborPoint.Example.", "harborpoint.example"),
        ("www.bücher.de", "xn--bcher-kva.de"),
        ("shop.example.co.jp", "example.co.jp"),
        ("co.uk", None),
        ("com", None),
        ("gmail.com", None),
        ("mail.gmx.de", None),
        ("", None),
        ("..", None),
        ("-bad-.com", None),
    ],
)
def test_the_domain_a_company_registers(host, domain):
    assert registrable_domain(host) == domain


@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\u2028", "\u2029", "\x00", "\x0b", "\x7f"])
def test_a_line_break_or_control_character_never_gets_into_one_line(break_):
    with pytest.raises(Invalid) as refusal:
        one_line(f"Secure Edge{break_}Bcc: all@h.example", 100, "subject")
    assert refusal.value.field == "subject"


@given(st.text(max_size=80))
def test_one_line_is_refused_or_can_stand_in_a_header(typed):
    try:
        kept = one_line(typed, 60, "subject")
    except Invalid:
        return
    assert len(kept) <= 60
    assert len(kept.splitlines()) <= 1
    assert one_line(kept, 60, "subject") == kept


def test_too_long_says_how_long():
    with pytest.raises(Invalid, match="at most 5 characters; this has 6"):
        one_line("abcdef", 5, "name")


def test_a_paragraph_keeps_its_line_breaks_as_newlines():
    assert lines(" one\r\ntwo\rthree ", 100, "note") == "one\ntwo\nthree"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\u2028"])
def test_a_paragraph_holds_no_control_character(character):
    with pytest.raises(Invalid):
        lines(f"one{character}two", 100, "note")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Brightline IT", "brightline-it"),
        ("Müller & Söhne GmbH", "muller-sohne-gmbh"),
        ("日本", ""),
        ("a" * 60, "a" * 40),
        ("x" * 39 + " y", "x" * 39),
        ("--a--", "a"),
    ],
)
def test_slug(text, made):
    assert slug(text) == made


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("+49 89 123456", "+4989123456"),
        ("0049 (89) 12-34.56", "+4989123456"),
        ("+49 (0)89 123456", "+4989123456"),
        ("+٩٧١ ٤ ٥٥٥ ٠١٠٠", "+97145550100"),
        ("+1\u00a0415\u202f555 0100", "+14155550100"),
    ],
)
def test_a_telephone_number_is_kept_as_e164(typed, kept):
    assert phone_number(typed, "phone") == kept


@pytest.mark.parametrize("typed", ["089 123456", "+0 123456", "+49", "+49 call me", "+" + "9" * 16])
def test_a_number_without_its_country_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        phone_number(typed, "phone")
    assert refusal.value.field == "phone"
