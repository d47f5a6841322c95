"""The interface's languages: strings, plurals, numbers and dates as CLDR writes them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from tpma.core import i18n
from tpma.core.money import Money

NOON = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
CATALOG = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Kits"
msgstr "Kampagnen"

msgid "Hello %(name)s"
msgstr "Hallo %(name)s"

msgid "%(num)s lead"
msgid_plural "%(num)s leads"
msgstr[0] "%(num)s Lead"
msgstr[1] "%(num)s Leads (viele)"

msgctxt "of a launch"
msgid "Open"
msgstr "Offen"
"""


@pytest.fixture
def german(tmp_path, monkeypatch):
    """A small German catalog of our own, so that no translator can break these tests."""
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "tpma.po").write_text(CATALOG)
    monkeypatch.setattr(i18n, "locales_folder", lambda: tmp_path)
    i18n._catalog.cache_clear()
    with i18n.speaking("de"):
        yield
    i18n._catalog.cache_clear()


def test_a_string_is_said_in_the_language_of_the_block(german):
    assert i18n.gettext("Kits") == "Kampagnen"
    assert i18n.gettext("Hello %(name)s", name="Ada") == "Hallo Ada"


def test_a_string_the_catalog_lacks_stays_english(german):
    assert i18n.gettext("Deals") == "Deals"


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 Lead"), (2, "2 Leads (viele)"), (0, "0 Leads (viele)")]
)
def test_a_number_chooses_its_form(german, number, said):
    assert i18n.ngettext("%(num)s lead", "%(num)s leads", number) == said


def test_a_context_tells_two_meanings_apart(german):
    assert i18n.pgettext("of a launch", "Open") == "Offen"
    assert i18n.pgettext("of a door", "Open") == "Open"


def test_after_the_block_the_language_before_it_is_back():
    with i18n.speaking("de", "Europe/Berlin"):
        with i18n.speaking("ar-XB", "Asia/Tokyo"):
            assert (i18n.current_tag(), i18n.current_zone().key) == ("ar-XB", "Asia/Tokyo")
        assert (i18n.current_tag(), i18n.current_zone().key) == ("de", "Europe/Berlin")
    assert (i18n.current_tag(), i18n.current_zone().key) == ("en", "UTC")


def test_an_error_inside_the_block_leaves_nothing_behind():
    with pytest.raises(RuntimeError), i18n.speaking("de"):
        raise RuntimeError
    assert i18n.current_tag() == "en"


@pytest.mark.parametrize(
    ("wanted", "shipped", "served"),
    [
        (["de"], ("en", "de"), "de"),
        (["de-AT"], ("en", "de"), "de"),
        (["DE-at"], ("en", "de"), "de"),
        (["pt-PT"], ("en", "pt-BR"), "pt-BR"),  # a sibling of the same language
        (["pt-PT", "de"], ("en", "de", "pt-BR"), "pt-BR"),
        (["fr", "de"], ("en", "de"), "de"),
        (["fr-CA", "ja"], ("en", "de"), None),
        (["en-GB", "de"], ("en", "de"), "en"),
        (["*"], ("en", "de"), None),
        ([""], ("en", "de"), None),
        ([], ("en", "de"), None),
    ],
)
def test_best_match(wanted, shipped, served):
    assert i18n.best_match(wanted, shipped) == served


@given(st.lists(st.text(max_size=12), max_size=5))
def test_whatever_a_browser_asks_for_is_served_or_refused(wanted):
    assert i18n.best_match(wanted) in {*i18n.SHIPPED, None}


@pytest.mark.parametrize("tag", ["xx", "", "e", "not a tag", "de_DE_", "🙂"])
def test_a_tag_nobody_knows_formats_as_english(tag):
    assert i18n.babel_locale(tag) == Locale("en") or tag == ""


@pytest.mark.parametrize(
    ("tag", "way"),
    [("en", "ltr"), ("de", "ltr"), ("en-XA", "ltr"), ("ar-XB", "rtl"), ("ar-AE", "rtl")],
)
def test_direction(tag, way):
    assert i18n.direction(tag) == way


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("en", "en"),
        ("de", "de"),
        ("ja-JP", "ja_JP"),
        ("ar-AE", "ar_AE"),
        ("en-XA", "en"),
        ("ar-XB", "ar"),
    ],
)
def test_numbers_money_and_dates_are_those_of_cldr(tag, locale):
    with i18n.speaking(tag, "Europe/Berlin"):
        assert i18n.number(1234567) == format_decimal(1234567, locale=locale)
        assert i18n.number(Decimal("0.5")) == format_decimal(Decimal("0.5"), locale=locale)
        assert i18n.money(Money(1_400_050, "USD")) == format_currency(
            Decimal("14000.50"), "USD", locale=locale
        )
        assert i18n.money(Money(1234, "JPY")) == format_currency(1234, "JPY", locale=locale)
        assert i18n.day(date(2026, 3, 2)) == format_date(date(2026, 3, 2), locale=locale)
        assert i18n.moment(NOON) == format_datetime(
            NOON, "medium", tzinfo=i18n.current_zone(), locale=locale
        )


def test_an_overview_leaves_the_cents_out():
    with i18n.speaking("en"):
        assert i18n.money(Money(1_400_050, "USD"), cents=False) == "$14,000"


def test_a_day_is_the_readers_own():
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    with i18n.speaking("en", "Asia/Tokyo"):
        assert i18n.day(late) == i18n.day(date(2026, 3, 3))


def test_a_percentage_says_as_many_places_as_asked():
    assert (i18n.percent(Decimal("0.215")), i18n.percent(Decimal("0.215"), 0)) == ("21.5%", "22%")


@pytest.mark.parametrize(
    ("tag", "share", "said"), [("en", 0.0312, "+3.1"), ("de", -0.0312, "-3,1"), ("en", 0.0, "+0.0")]
)
def test_percentage_points_have_a_sign_and_the_readers_decimal(tag, share, said):
    with i18n.speaking(tag):
        assert i18n.points(share) == said


@pytest.mark.parametrize(
    ("span", "said"), [({"hours": -2}, "2 hours ago"), ({"days": 3}, "in 3 days")]
)
def test_ago(span, said):
    assert i18n.ago(NOON + timedelta(**span), NOON) == said


def test_the_accented_pseudo_language_is_vector_t_78():
    with i18n.speaking("en-XA"):
        assert i18n.gettext("Start your free trial") == "[Stárt yóúr fréé tríál ·······]"


def test_the_mirrored_pseudo_language_turns_words_and_leaves_placeholders():
    with i18n.speaking("ar-XB"):
        shown = i18n.gettext("Hello %(name)s, <b>you</b>", name="Ada")
    assert shown == "\u202eHello \u202cAda\u202e, \u202c<b>\u202eyou\u202c</b>"


@given(st.sampled_from(i18n.PSEUDO), st.integers(0, 10**6))
def test_a_pseudo_language_fills_placeholders_as_any_other(tag, number):
    with i18n.speaking(tag):
        assert str(number) in i18n.ngettext("%(num)s lead", "%(num)s leads", number)
        assert "aeiou" in i18n.gettext("Say %(word)s 100%%", word="aeiou")


def test_a_lazy_string_is_itself_until_it_is_shown():
    with i18n.speaking("en-XA"):
        assert i18n.lazy("Draft") == "Draft"
