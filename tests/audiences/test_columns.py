"""What columns hold, guessed in seven languages; and what is never taken in."""

import pytest

from tpma.audiences.columns import checked_mapping, field_of, guess, refused
from tpma.core.errors import Invalid

FIELDS = ["email", "given_name", "family_name", "company", "title", "phone", "country", "locale"]


@pytest.mark.parametrize(
    "headings",
    [
        "Email,First Name,Last Name,Company,Job Title,Phone,Country,Language",
        "EMAIL_ADDRESS,firstName,LAST-NAME,Account Name,position,Tel.,country_code,locale",
        "E-Mail-Adresse,Vorname,Nachname,Firma,Funktion,Telefon,Land,Sprache",
        "Adresse e-mail,Prénom,Nom de famille,Société,Poste,Téléphone,Pays,Langue",
        "Correo electrónico,Nombre de pila,Apellidos,Empresa,Cargo,Teléfono,País,Idioma",
        "Endereço de e-mail,Primeiro nome,Sobrenome,Razão social,Função,Telefone,País,Língua",
        "メールアドレス,名,姓,会社名,役職,電話番号,国,言語",
        "البريد الإلكتروني,الاسم الأول,اسم العائلة,الشركة,المنصب,الهاتف,الدولة,اللغة",
    ],
)
def test_headings_are_known_in_seven_languages(headings):
    assert [column.field for column in guess(headings.split(","), [])] == FIELDS


def test_addresses_are_found_where_no_heading_names_them():
    columns = guess(["a", "b"], [["Ada", "ada@x.example"], ["Bob", "bob@x.example"], ["Cy", ""]])
    assert [column.field for column in columns] == ["", "email"]


def test_a_field_is_given_to_the_first_column_that_claims_it():
    columns = guess(["Email", "Name", "E-Mail", "name"], [])
    assert [column.field for column in columns] == ["email", "name", "", ""]


@pytest.mark.parametrize(
    ("heading", "category"),
    [
        ("Health status", "health"),
        ("Diagnoses", "health"),
        ("Schwerbehinderung", "health"),
        ("病歴", "health"),
        ("Religion", "religion"),
        ("Religionszugehörigkeit", "religion"),
        ("Konfession", "religion"),
        ("الديانة", "religion"),
        ("Political party", "politics"),
        ("Gewerkschaft", "union"),
        ("Race", "origin"),
        ("Orientación sexual", "sexuality"),
        ("Fingerprint ID", "biometrics"),
        ("Criminal record", "crime"),
    ],
)
def test_special_categories_are_refused_with_their_reason(heading, category):
    assert refused(heading) == category
    (column,) = guess([heading], [["a@x.example"]])
    assert column.field == ""
    assert column.reason


@pytest.mark.parametrize(
    "heading",
    ["Healthcare segment", "Company", "Trace id", "Unionsbürger", "Industry", "Party size"],
)
def test_headings_that_only_sound_alike_are_taken(heading):
    assert refused(heading) == ""


def test_a_mapping_needs_an_address():
    with pytest.raises(Invalid) as refusal:
        checked_mapping({0: "company"}, ["a"])
    assert refusal.value.field == "mapping"


@pytest.mark.parametrize(
    "chosen",
    [
        {0: "email", 1: "email"},
        {0: "email", 1: "religion"},
        {0: "email", 7: "company"},
        {0: "email", 2: "company"},
    ],
)
def test_a_mapping_that_cannot_be_is_refused(chosen):
    with pytest.raises(Invalid):
        checked_mapping(chosen, ["a", "b", "Religion"])


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Name", "name"),
        ("Titel", "title"),
        ("Land", "country"),
        ("nom", "name"),
        ("Kunde", "company"),
    ],
)
def test_words_that_could_mean_two_things_have_one_meaning(heading, field):
    assert field_of(heading) == field
