from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.kits import rules
from tpma.kits.rules import Asking, Entitlement, visible

TODAY = date(2026, 3, 2)
OPEN = Entitlement()
GOLD_VAR = Asking(tier="gold", type="var", country="US")


def asking(**changes):
    return Asking(**{"tier": "gold", "type": "var", "country": "US"} | changes)


@pytest.mark.parametrize(
    ("entitlement", "partner", "refused"),
    [
        (OPEN, GOLD_VAR, set()),
        (Entitlement(tiers=("gold",)), GOLD_VAR, set()),
        (Entitlement(tiers=("platinum",)), GOLD_VAR, {"tier"}),
        (Entitlement(types=("msp",)), GOLD_VAR, {"type"}),
        (Entitlement(allow=("DE",)), GOLD_VAR, {"country"}),
        (Entitlement(allow=("US",)), GOLD_VAR, set()),
        (Entitlement(deny=("US",)), GOLD_VAR, {"country"}),
        (Entitlement(allow=("US",), deny=("US",)), GOLD_VAR, {"country"}),  # deny wins
        (Entitlement(deny=("RU",)), asking(country="RU"), {"country"}),
        (Entitlement(embargo=date(2026, 3, 3)), GOLD_VAR, {"embargo"}),
        (Entitlement(embargo=TODAY), GOLD_VAR, set()),  # its first day
        (Entitlement(retires=TODAY), GOLD_VAR, set()),  # its last day
        (Entitlement(retires=date(2026, 3, 1)), GOLD_VAR, {"retires"}),
        (Entitlement(tiers=("silver",), types=("si",)), GOLD_VAR, {"tier", "type"}),
    ],
)
def test_who_sees_a_kit_and_why_not(entitlement, partner, refused):
    verdict = visible(entitlement, partner, TODAY)
    assert verdict.visible == (not refused)
    assert {reason.rule for reason in verdict.refusals} == refused


def test_every_part_of_the_verdict_has_a_sentence():
    verdict = visible(Entitlement(deny=("US",), embargo=TODAY, retires=TODAY), GOLD_VAR, TODAY)
    assert [reason.rule for reason in verdict.reasons] == [
        "tier",
        "type",
        "country",
        "embargo",
        "retires",
    ]
    assert all(reason.sentence.endswith(".") for reason in verdict.reasons)
    assert "United States" in verdict.refusals[0].sentence


@pytest.mark.parametrize(
    ("one", "other", "is_newer"),
    [
        ("1.0.1", "1.0.0", True),
        ("1.10.0", "1.9.9", True),
        ("2.0.0", "1.99.99", True),
        ("1.0.0", "1.0.0", False),
        ("0.9.9", "1.0.0", False),
    ],
)
def test_versions_compare_as_numbers(one, other, is_newer):
    assert rules.newer(one, other) is is_newer


@given(st.tuples(*[st.integers(0, 10**6)] * 3))
def test_the_next_patch_is_newer_than_any_version(numbers):
    text = ".".join(map(str, numbers))
    assert rules.newer(rules.next_patch(text), text)


@pytest.mark.parametrize("text", ["", "1", "1.0", "1.0.0.0", "v1.0.0", "1.0.0-rc1", "1.0.0\n"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="version"):
        rules.semver(text)
