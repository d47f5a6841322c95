import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.errors import Invalid
from tpma.partners import companies
from tpma.partners.companies import Company


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("kestrel.example", "https://kestrel.example"),
        ("http://kestrel.example/about", "http://kestrel.example/about"),
    ],
)
def test_a_web_address_is_kept_whole(typed, kept):
    assert companies.web_address(typed, "website") == kept


@pytest.mark.parametrize(
    "typed",
    [
        "javascript:alert(1)",
        "javascript://x.example/%0aalert(1)",
        "data:text/html,x",
        "ftp://kestrel.example",
        "localhost",
        "https://",
        "https://[bad",
        "kestrel example.com",
        "https://a.example\r\nX: y",
    ],
)
def test_what_is_no_web_address_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        companies.web_address(typed, "website")
    assert refusal.value.field == "website"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("", []), ("de, AT  ch", ["DE", "AT", "CH"]), ("DE;DE,de", ["DE"]), (" , ", [])],
)
def test_territories_are_country_codes(typed, kept):
    assert companies.codes(typed) == kept


@pytest.mark.parametrize("typed", ["Germany", "DE, XX", "001", "<script>"])
def test_an_unknown_country_is_named(typed):
    with pytest.raises(Invalid) as refusal:
        companies.codes(typed)
    assert refusal.value.field == "territories"


def test_families_are_parted_by_commas():
    assert companies.families(" Secure Edge, FinOps ,, Secure Edge") == ["Secure Edge", "FinOps"]


def test_only_fields_a_footer_knows_are_kept():
    kept = companies.legal_values({"vat_id": " DE123 ", "register_no": "", "joke": "x"})
    assert kept == {"vat_id": "DE123"}


def test_a_wrong_legal_field_is_named_as_the_form_names_it():
    with pytest.raises(Invalid) as refusal:
        companies.legal_values({"vat_id": "DE\n123"})
    assert refusal.value.field == "legal_vat_id"


def test_german_law_asks_for_its_fields_first():
    asked = [key for key, _label, required in companies.legal_fields_of("DE") if required]
    assert {"representatives", "register_court", "register_no", "vat_id"} <= set(asked)
    assert [key for key, _l, _r in companies.legal_fields_of("DE")][: len(asked)] == asked


@given(st.text(max_size=400), st.sampled_from(["website", "phone", "email", "city", "country"]))
def test_whatever_is_typed_is_kept_clean_or_refused(text, field):
    typed = {"legal_name": "Kestrel", "country": "GB"} | {field: text}
    try:
        kept = companies.columns(Company(**typed))
    except Invalid:
        return
    assert "\n" not in str(kept[field])
    assert "\x00" not in str(kept[field])
