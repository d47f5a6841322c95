"""Cells as we keep them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.audiences.rows import address_of
from tpma.audiences.values import (
    cleaned,
    country_code,
    language_tag,
    phone_number,
    split_name,
    tags_of,
)
from tpma.core.errors import Invalid
from tpma.core.text import email_address


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"), ("de", "DE"), ("DEU", "DE"), ("276", "DE"), ("Germany", "DE"),
        ("Deutschland", "DE"), ("Allemagne", "DE"), ("ドイツ", "DE"), ("ألمانيا", "DE"),
        ("USA", "US"), ("U.S.A.", "US"), ("EE.UU.", "US"), ("United States", "US"), ("米国", "US"),
        ("UK", "GB"), ("Great Britain", "GB"), ("England", "GB"), ("Côte d’Ivoire", "CI"),
        ("Österreich", "AT"), ("Brasil", "BR"), ("日本", "JP"), ("Türkei", "TR"), ("Holland", "NL"),
        ("", ""), ("Narnia", ""), ("EU", ""), ("ZZ", ""), ("Bavaria", ""),
    ],
)  # fmt: skip
def test_countries_by_code_and_by_name_in_several_languages(text, code):
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("de", "de"), ("DE-at", "de-AT"), ("pt_BR", "pt-BR"), ("zh-TW", "zh-Hant-TW"),
        ("German", "de"), ("Deutsch", "de"), ("日本語", "ja"), ("العربية", "ar"),
        ("français", "fr"), ("Inglés", "en"), ("", ""), ("very good", ""), ("qqq", ""),
    ],
)  # fmt: skip
def test_languages_by_tag_and_by_name(text, tag):
    assert language_tag(text) == tag


@pytest.mark.parametrize(
    ("whole", "given", "family"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("Dr. Ada King Lovelace", "Ada King", "Lovelace"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Ursula von der Leyen", "Ursula", "von der Leyen"),
        ("山田 太郎", "太郎", "山田"),
        ("Madonna", "Madonna", ""),
        ("", "", ""),
    ],
)
def test_a_whole_name_is_parted(whole, given, family):
    assert split_name(whole) == (given, family)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+49 (0)30 1234567", "+49301234567"),
        ("0049 30 1234567", "+49301234567"),
        ("+1-614-555-0186", "+16145550186"),
        ("030 1234567", "030 1234567"),
        ("ask Bob", "ask Bob"),
    ],
)
def test_phone_numbers_that_say_their_country_become_e164(typed, kept):
    assert phone_number(typed) == kept


def test_tags_are_parted_and_kept_once():
    assert tags_of("News, kunde; News |VIP") == ["news", "kunde", "vip"]


def test_line_breaks_and_control_characters_never_stay_in_a_cell():
    assert cleaned("Ada\r\nBcc: x@y.example\u2028\x07") == "Ada Bcc: x@y.example"


@pytest.mark.parametrize(
    ("cell", "norm"),
    [
        ("Ada@Harbor.Example", "ada@harbor.example"),
        ("Ada Lovelace <Ada@harbor.example>", "ada@harbor.example"),
        ("mailto:ada@harbor.example", "ada@harbor.example"),
        ("jörg@müller.de", None),
        ("ada@müller.de", "ada@xn--mller-kva.de"),
        ("ada", None),
        ("ada@x", None),
        ("a@b.com; c@d.com", None),
    ],
)
def test_addresses_as_lists_write_them(cell, norm):
    if norm is None:
        with pytest.raises(Invalid):
            address_of(cell)
    else:
        assert address_of(cell).norm == norm


LOCAL = st.text("abXY09._+-", min_size=1, max_size=70)
DOMAIN = st.text("abZ09-.", min_size=1, max_size=40)


@given(LOCAL, DOMAIN, st.sampled_from(["com", "de", "example", "io", "co.uk", "COM", ""]))
def test_the_short_way_takes_only_what_the_long_way_takes(local, domain, ending):
    text = f"{local}@{domain}.{ending}"
    try:
        slow = email_address(text)
    except Invalid:
        with pytest.raises(Invalid):
            address_of(text)
    else:
        assert address_of(text) == slow
