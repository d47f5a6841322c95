"""Campaign codes: what is minted is valid, and every slip of the pen is caught."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.errors import Invalid
from tpma.launches import codes

VECTORS = Path(__file__).parents[1] / "domain_vectors.json"
prefixes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=4)
kits = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=6)
minted = st.builds(
    lambda prefix, kit, random: codes.mint(prefix, kit, random.choice),
    prefixes,
    kits,
    st.randoms(use_true_random=False),
)


@given(minted)
def test_what_is_minted_is_valid_and_its_own_true_form(code):
    assert codes.is_valid(code)
    assert codes.normalise(code) == code


@given(minted)
def test_a_code_may_stand_in_a_tag_a_header_and_an_address(code):
    assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert len(code) <= 19


@given(minted, st.data())
def test_one_wrong_character_is_always_caught(code, data):
    place = data.draw(st.sampled_from([n for n, c in enumerate(code) if c != "-"]))
    wrong = data.draw(st.sampled_from([c for c in codes.CROCKFORD if c != code[place]]))
    assert not codes.is_valid(code[:place] + wrong + code[place + 1 :])


@given(minted, st.data())
def test_two_characters_swapped_are_always_caught(code, data):
    places = [n for n, c in enumerate(code) if c != "-"]
    a, b = sorted(data.draw(st.permutations(places))[:2])
    swapped = list(code)
    swapped[a], swapped[b] = swapped[b], swapped[a]
    assert "".join(swapped) == code or not codes.is_valid("".join(swapped))


_SLIPS = [
    str.lower,
    lambda code: f"  {code}\n",
    lambda code: code.replace("-", "–"),
    lambda code: code.replace("-", " - "),
    lambda code: code.replace("-", "\u2212"),
    lambda code: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in code),
    lambda code: code[:-7] + code[-7:].replace("0", "O").replace("1", "I"),
    lambda code: code[:-7] + code[-7:].replace("0", "o").replace("1", "l"),
]


@given(minted, st.sampled_from(_SLIPS))
def test_a_code_is_read_as_people_type_it(code, slip):
    assert codes.normalise(slip(code)) == code


@given(st.text(max_size=40))
def test_no_text_is_an_accident(text):
    try:
        found = codes.normalise(text)
    except Invalid:
        return
    assert codes.is_valid(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "HC",
        "HC-SEC",
        "HCSEC7K3M9QA",
        "HC-SEC-7K3M9Q",
        "HC-SEC-7K3M9QAA",
        "H-SEC-7K3M9QA",
        "HC-SEC-7K3M9Q\x00",
        "HC-SEC-7K3M9QA' OR 1=1",
        "ＨＣ",
        "١٢-SEC-7K3M9QA",
    ],
)
def test_what_is_no_code_is_refused_at_its_field(text):
    with pytest.raises(Invalid) as refusal:
        codes.normalise(text)
    assert refusal.value.field == "code"


def test_a_check_character_that_could_be_misread_is_never_minted():
    found = [codes.mint("HC", "SEC") for _code in range(2000)]
    assert not [code for code in found if set(code[-7:]) & set("ILOU*")]


def test_ten_thousand_codes_hardly_ever_meet():
    found = {codes.mint("HC", "SEC") for _code in range(10_000)}
    assert len(found) >= 9_998  # 928 million; two meetings have odds of 1 in 700


@pytest.mark.parametrize(("body", "check"), json.loads(VECTORS.read_text())["T-01"].items())
def test_the_check_characters_are_those_of_the_standard(body, check):
    assert codes.is_valid(body + check)
    assert sum(codes.is_valid(body + other) for other in codes.CROCKFORD) == 1
