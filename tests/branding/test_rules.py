"""What partners may write, and in which colours: T-80 and T-85 to T-88 among the cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.branding import slot
from tpma.branding import rules, words
from tpma.branding.findings import Severity, errors
from tpma.core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "ground", "large", "fine"),
    [
        ("#767676", "#FFFFFF", False, True),
        ("#777777", "#FFFFFF", False, False),
        ("#949494", "#FFFFFF", True, True),
        ("#959595", "#FFFFFF", True, False),
        ("#FFB81C", "#FFFFFF", True, False),
        ("#FFB81C", "#1A1A1A", False, True),
        ("#0057B8", "#FFFFFF", False, True),
    ],
)
def test_text_is_readable_on_its_ground(text, ground, large, fine):
    assert (rules.check_colour(text, ground, large=large) is None) is fine


def test_a_refused_colour_says_the_measured_contrast():
    assert "1.73 : 1" in rules.check_colour("#FFB81C", "#FFFFFF").message


@pytest.mark.parametrize(
    ("text", "locale", "hits"),
    [
        ("GARANTÍA total", "es", 1),
        ("garantias", "es", 0),  # another word
        ("Guaranteed results", "en-US", 1),
        ("guaranteedly", "en", 0),
        ("Feel free to ask", "en", 0),
        ("A free check", "en", 1),
        ("Best practices for branch offices", "en", 0),
        ("The best firewall", "en", 1),
        ("100 % secure", "en", 1),
        ("Ein RISIKOFREIER Test", "de", 0),
        ("risikofrei testen", "de-AT", 1),
        ("Marktführer seit 1999", "de", 1),
        ("Wir rufen Sie am besten an", "de", 0),
        ("絶対に安全です", "ja", 1),
        ("والمضمونة", "ar", 1),  # "and the guaranteed"
        ("مَضْمُون", "ar", 1),  # with vowel signs
        ("guaranteed", "fi", 0),  # a language without a list
        ("", "en", 0),
    ],
)
def test_forbidden_words_are_found_whatever_their_accents(text, locale, hits):
    assert len(words.check_terms(text, locale)) == hits


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("40 % faster", 1),
        ("40% faster and 3x cheaper", 2),
        ("um 12,5 Prozent schneller", 1),
        ("10倍速い", 1),
        ("award-winning service", 1),
        ("No. 1 in Ohio", 1),
        ("In ten working days", 0),
        ("10 working days, 42 controls", 0),
        ("", 0),
    ],
)
def test_figures_and_awards_are_claims(text, claims):
    found = words.check_claims(text)
    assert len(found) == claims
    assert all(finding.severity is Severity.WARNING for finding in found)


def test_a_claim_of_the_vendor_may_be_repeated():
    assert words.check_claims("We cut 40 % of the work", vouched="Cuts 40 % of the work") == []


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("https://brightline.example/check", True),
        ("http://brightline.example", False),
        ("https://bit.ly/3x", False),
        ("https://www.tinyurl.com/3x", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://[::1", False),
    ],
)
def test_links_are_https_and_hide_nothing(address, fine):
    assert (words.check_link(address) is None) is fine


@pytest.mark.parametrize(
    ("subject", "fine"),
    [
        ("Your branch offices, checked in two weeks", True),
        ("RE: your question", False),
        ("Re : your question", False),
        ("fw: offer", False),
        ("AW: Ihre Frage", False),
        ("Rethink: your edge", True),
        ("LAST CHANCE for your offices", False),
        ("IT for SMB", True),
        ("x" * 150, True),
        ("x" * 151, False),
        ("支店のセキュリティ診断", True),
        ("", True),
    ],
)
def test_subjects_do_not_look_like_junk(subject, fine):
    assert (words.check_subject(subject) == []) is fine


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("Your branch offices, checked in two weeks", None),
        ("x" * 70, None),
        ("x" * 71, "slot.length"),
        ("two\nlines", "slot.line"),
        ("Hello\r\nBcc: all@example.com", "slot.line"),
        ("nul\x00byte", "slot.line"),
        ("<b>Bold</b>", "slot.markup"),
        ("<script>alert(1)</script>", "slot.markup"),
        ("</style>", "slot.markup"),
        ("<!-- no -->", "slot.markup"),
        ("Hello {{ person.first_name }}", "slot.markup"),
        ("{% if x %}", "slot.markup"),
        ("a < b and b > c", None),
        ("Grüße, 東京, مرحبا", None),
    ],
)
def test_a_slot_takes_plain_words_that_fit(value, rule):
    found = errors(rules.check_slot(slot(max_chars=70), value, "en"))
    assert [finding.rule for finding in found] == ([rule] if rule else [])


def test_a_text_of_several_lines_keeps_them_where_it_may():
    spec = slot(type="rich_text")
    assert rules.clean(spec, " one\r\ntwo ") == "one\ntwo"
    assert rules.check_slot(spec, "one\ntwo", "en") == []


def test_a_text_that_is_too_long_says_by_how_much():
    (finding,) = rules.check_slot(slot(max_chars=70), "x" * 73, "en")
    assert (finding.field, finding.cure) == ("email1.headline", "Shorten it by 3.")


def test_a_word_the_vendor_uses_itself_is_not_the_partners_fault():
    assert rules.check_slot(slot(), "A free check", "en", default="Your free check") == []
    assert rules.check_slot(slot(), "A free check", "en", default="Your check") != []


def test_only_a_subject_is_checked_as_one():
    shouted = "CALL US TODAY ABOUT THIS"
    assert rules.check_slot(slot(), shouted, "en") == []
    assert rules.check_slot(slot(key="subject"), shouted, "en")[0].rule == "spam"


def test_refusing_names_the_field_of_the_first_error():
    found = rules.check_slot(slot(max_chars=3), "four", "en")
    with pytest.raises(Invalid) as refusal:
        rules.refuse(found)
    assert refusal.value.field == "email1.headline"


@given(st.text(max_size=200), st.sampled_from(["en", "de", "es", "ja", "ar", "fi"]))
def test_whatever_is_typed_gets_an_answer(text, locale):
    for finding in rules.check_slot(slot(key="subject"), text, locale):
        assert finding.rule
        assert finding.message
