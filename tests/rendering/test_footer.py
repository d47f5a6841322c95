import pytest

from tests.factories import rendering as factory
from tpma.core.errors import Invalid
from tpma.rendering.footer import FIELDS, NAMES, fields_for, footer, missing
from tpma.rendering.footer_texts import LABELS, SENTENCES

GERMAN = factory.company(
    legal_name="Rheinwerk Systemhaus GmbH",
    country="DE",
    address_lines=("Rheinallee 1", "50667 Köln"),
    legal={
        "representatives": "Anna Weiß",
        "register_court": "Amtsgericht Köln",
        "register_no": "HRB 12345",
        "vat_id": "DE123456789",
    },
)


def _footer(sender=GERMAN, country="DE", locale="de-DE", imprint=""):
    return footer(sender, factory.vendor(), country, locale, "https://p.example", imprint)


@pytest.mark.parametrize(
    ("sender", "reader", "more"),
    [
        ("US", "US", []),
        ("US", "", []),
        ("US", "CH", ["uid"]),
        ("US", "GB", ["register_no", "register_place"]),
        ("US", "CA", ["contact"]),
        ("US", "DK", ["contact", "register_no", "vat_id"]),  # no row of its own: EU and US minimum
    ],
)
def test_fields_are_those_of_both_countries(sender, reader, more):
    assert fields_for(sender, reader) == ["legal_name", "address", *more]


def test_austrian_and_swiss_readers_of_a_german_sender_add_their_fields():
    """T-92."""
    assert missing(GERMAN, ["AT", "CH"]) == [("CH", "uid")]


def test_a_missing_vat_id_is_named_with_its_country():
    legal = {key: value for key, value in GERMAN.legal.items() if key != "vat_id"}
    sender = factory.company(country="DE", legal=legal)
    assert missing(sender, ["DE", ""]) == [("DE", "vat_id")]


def test_an_american_sender_to_american_readers_lacks_nothing():
    assert missing(factory.company(), ["US", ""]) == []
    assert missing(factory.company(address_lines=()), []) == [("US", "address")]


def test_a_german_footer_has_the_whole_imprint():
    html, text = _footer(imprint="https://i.example")
    for expected in (
        "Rheinwerk Systemhaus GmbH, Rheinallee 1, 50667 Köln",
        "Vertreten durch: Anna Weiß",
        "Registergericht: Amtsgericht Köln",
        "USt-IdNr.: DE123456789",
        "Datenschutzhinweise",
        "Impressum",
        "Helio Cloud, Inc. hat die Inhalte bereitgestellt",
    ):
        assert expected in text
    assert '<a href="https://p.example" style="color:inherit">Datenschutzhinweise</a>' in html
    assert "Impressum: https://i.example" in text


def test_american_readers_are_told_that_it_is_an_advertisement():
    assert "This mail is an advertisement." in _footer(country="US", locale="en-US")[1]
    assert "advertisement" not in _footer(country="GB", locale="en-GB")[1]


def test_a_company_cannot_write_markup_into_its_footer():
    html, _text = _footer(factory.company(legal_name="<script>x</script>"))
    assert "<script>" not in html


def test_numbers_keep_their_direction_in_an_arabic_footer():
    _html, text = _footer(country="AE", locale="ar-AE")
    assert "\u2066hello@brightline.example\u2069" in text
    assert "\u2066" not in _footer()[1]


@pytest.mark.parametrize("locale", ["fr-FR", "pt-BR", "sv"])
def test_a_language_without_legal_texts_is_refused(locale):
    with pytest.raises(Invalid, match=locale) as refusal:
        _footer(locale=locale)
    assert refusal.value.field == "locale"


def test_every_language_has_every_text():
    for table in (LABELS, SENTENCES):
        assert len({frozenset(texts) for texts in table.values()}) == 1
    assert LABELS.keys() == SENTENCES.keys()


def test_every_field_has_a_name_for_the_interface():
    assert {key for keys in FIELDS.values() for key in keys} <= NAMES.keys()
