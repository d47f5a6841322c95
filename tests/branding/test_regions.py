"""T-80: what a partner cannot change stands unchanged in what is rendered."""

from dataclasses import replace

import pytest

from tests.factories import rendering as make
from tpma.branding import service
from tpma.rendering.facts import Person
from tpma.rendering.mail import compile_mail, signed_links


def mail(**slots: str) -> str:
    content = make.content()
    skeleton = compile_mail(
        content,
        "email1",
        "en",
        requested="en-US",
        brand=make.brand(),
        vendor=make.vendor(),
        launch=make.facts_of_launch(),
        slots={f"email1.{key}": text for key, text in slots.items()},
        link_numbers={link: n for n, link in enumerate(signed_links(content, "email1"))},
    )
    return skeleton.html(Person(first_name="Ada"), "token")


def rules_of(rendered: str) -> list[tuple[str, str]]:
    found = service.check_locked(rendered, make.content(), "email1", "en")
    return [(finding.rule, finding.field) for finding in found]


def test_a_rendered_mail_holds_every_locked_text():
    assert rules_of(mail(headline="Our own words", intro="Also <b>ours</b>")) == []


@pytest.mark.parametrize(
    ("was", "becomes", "unit"),
    [
        ("Unsubscribe", "Stay", "unsubscribe"),
        ("Fixed price", "Any price", "note"),
        ("Rings around", "Squares around", "hero_alt"),
        ("Hello", "Yo", "greeting"),
    ],
)
def test_a_changed_locked_text_is_found_and_named(was, becomes, unit):
    altered = mail().replace(was, becomes)
    assert rules_of(altered) == [("locked_region_changed", f"email1.{unit}")]


def test_hashes_name_the_locked_text_that_differs():
    content = make.content()
    unit = content.units["email1.unsubscribe"]
    altered = replace(unit, texts={**unit.texts, "en": "Stay"})
    other = replace(content, units={**content.units, unit.id: altered})
    before, after = (service.locked_hashes(kit, "email1", "en") for kit in (content, other))
    assert {key for key in before if before[key] != after[key]} == {"email1.unsubscribe"}


def test_a_slot_is_no_locked_text():
    assert "email1.headline" not in service.locked_hashes(make.content(), "email1", "en")
