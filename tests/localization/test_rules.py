"""Language tags, their parents and what a reader is served (domain vectors T-70 to T-73, T-78)."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.errors import Invalid
from tpma.localization.rules import (
    ANY,
    CHAIN,
    PSEUDO,
    STRICT,
    canonical,
    chain,
    direction,
    legal_text_locale,
    page_language,
    parent,
    pseudo,
    served,
)
from tpma.rendering.content import Unit

VECTORS = json.loads((Path(__file__).parent.parent / "domain_vectors.json").read_text())
KNOWN = [
    "en",
    "de",
    "de-AT",
    "pt-BR",
    "pt-AO",
    "es-MX",
    "zh-TW",
    "zh-HK",
    "sr-ME",
    "nb-NO",
    "ar-AE",
]
TAGS = st.sampled_from(KNOWN) | st.builds(
    "{}-{}".format,
    st.sampled_from(["en", "fr", "zh", "sr", "pa", "az", "ar", "hi", "ja"]),
    st.sampled_from(["US", "TW", "ME", "PK", "IR", "AE", "SG", "001", "419"]),
)


@pytest.mark.parametrize(("tag", "parents"), VECTORS["T-70"].items())
def test_parents_are_those_of_cldr(tag, parents):
    assert chain(tag) == [tag, *parents]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("pt_br", "pt-BR"),
        ("ES-419", "es-419"),
        ("zh-TW", "zh-Hant-TW"),
        ("zh-hant-hk", "zh-Hant-HK"),
        ("sr-ME", "sr-Latn-ME"),
        ("pa-PK", "pa-Arab-PK"),
        ("zh-Hans-SG", "zh-SG"),
        ("zh-Hans-HK", "zh-Hans-HK"),
        ("en-Latn-US", "en-US"),
        ("es-MX", "es-MX"),
        ("iw-IL", "he-IL"),
        ("de-DE-1996", "de-DE-1996"),
    ],
)
def test_a_tag_is_kept_in_one_form(written, kept):
    assert canonical(written) == kept


@pytest.mark.parametrize(
    "wrong", ["", "e", "english", "de-", "de--DE", "de-D", "../de", "de DE", "12"]
)
def test_what_is_no_tag_is_refused(wrong):
    with pytest.raises(Invalid) as refusal:
        canonical(wrong)
    assert refusal.value.field == "locale"


def test_traditional_chinese_never_falls_back_to_simplified():
    assert chain("zh-TW") == ["zh-Hant-TW", "zh-Hant"]
    assert served("zh-TW", ["zh", "en"], CHAIN, "en") is None


def test_simplified_chinese_of_hong_kong_does():
    assert chain("zh-Hans-HK") == ["zh-Hans-HK", "zh-Hans", "zh"]


@given(TAGS)
def test_canonical_is_idempotent(tag):
    assert canonical(canonical(tag)) == canonical(tag)


@given(TAGS)
def test_a_chain_ends_and_never_repeats(tag):
    tags = chain(tag)
    assert len(tags) == len(set(tags)) <= 5
    assert parent(tags[-1]) is None


@given(TAGS, st.lists(st.sampled_from(KNOWN), unique=True), st.sampled_from([STRICT, CHAIN, ANY]))
def test_what_is_served_is_available(tag, available, policy):
    assert served(tag, available, policy, "en") in [*available, None]


@given(TAGS, st.lists(st.sampled_from(KNOWN), unique=True))
def test_the_chain_never_leaves_the_language(tag, available):
    found = served(tag, available, CHAIN, "en")
    assert found is None or found.split("-")[0] == canonical(tag).split("-")[0]


@pytest.mark.parametrize(
    ("requested", "available", "policy", "expected"),
    [
        ("es-MX", ["es-419", "en"], CHAIN, "es-419"),  # T-71
        ("sv-SE", ["de", "en"], CHAIN, None),  # T-72
        ("sv-SE", ["de", "en"], ANY, "en"),
        ("fr-CA", ["fr", "en"], CHAIN, "fr"),  # T-73
        ("de-DE", ["de", "en"], STRICT, None),
        ("de-DE", ["de-DE", "en"], STRICT, "de-DE"),
        ("hi-Latn", ["en"], CHAIN, None),  # its CLDR parent is English; content is not
        ("nb-NO", ["no"], CHAIN, "no"),
        ("nn-NO", ["no"], CHAIN, "no"),
        ("pt-PT", ["pt-BR"], CHAIN, None),  # no sibling region
        ("en-DE", ["en"], CHAIN, "en"),
        ("zh-CN", ["zh-Hans"], CHAIN, "zh-Hans"),
    ],
)
def test_what_a_reader_is_served(requested, available, policy, expected):
    assert served(requested, available, policy, "en") == expected


def test_the_partners_further_locales_come_before_the_source():
    assert served("sv-SE", ["de", "en"], ANY, "en", ["de-AT"]) == "de"


@pytest.mark.parametrize("tag", PSEUDO)
def test_pseudo_locales_are_made_for_every_kit(tag):
    assert served(tag, ["en"], CHAIN, "en") == tag


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        ("fr", "fr"),  # its own tag
        ("fr-BE", "fr"),  # declared valid
        ("fr-CA", None),  # T-73: served in fr, but not with its consent text
        ("en", None),
    ],
)
def test_a_legal_text_is_served_only_where_it_is_valid(requested, expected):
    unit = Unit("consent.x", {"fr": "…", "de": "…"}, legal=True, valid_for=("fr-BE", "en"))
    assert legal_text_locale(unit, requested) == expected


@pytest.mark.parametrize(
    ("requested", "served_locale", "expected"),
    [("de-AT", "de", "de-AT"), ("sv-SE", "en", "en"), ("es-MX", "es-419", "es-MX")],
)
def test_a_page_is_marked_with_the_language_it_is_in(requested, served_locale, expected):
    assert page_language(requested, served_locale) == expected


@pytest.mark.parametrize(
    ("tag", "way"),
    [("ar-AE", "rtl"), ("he", "rtl"), ("fa", "rtl"), ("ur", "rtl"), ("pa-PK", "rtl"),
     ("ar-XB", "rtl"), ("de", "ltr"), ("ja-JP", "ltr"), ("en-XA", "ltr")],
)  # fmt: skip
def test_direction(tag, way):
    assert direction(tag) == way


def test_the_accented_pseudo_locale_of_the_domain():
    assert pseudo("Start your free trial", "en-XA") == "[Stárt yóúr fréé tríál ·······]"


def test_a_pseudo_locale_leaves_fields_and_markup_alone():
    text = 'Hello <b>you</b>, {{ person.first_name }} &amp; <a href="{{ link.cta }}">go</a>'
    for tag in PSEUDO:
        for kept in ("<b>", "{{ person.first_name }}", "&amp;", '<a href="{{ link.cta }}">'):
            assert kept in pseudo(text, tag)
