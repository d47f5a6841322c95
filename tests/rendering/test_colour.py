import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.localization.test_rules import VECTORS
from tpma.core.errors import Invalid
from tpma.rendering.colour import BLACK, READABLE, auto_text, contrast, readable_on_white

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06X}".format)


@pytest.mark.parametrize(("pair", "ratio"), VECTORS["T-85"].items())
def test_contrast_is_that_of_the_domain(pair, ratio):
    assert contrast(*pair.split("/")) == pytest.approx(ratio, abs=0.0005)


@pytest.mark.parametrize(
    ("colour", "text"), [("#FFB81C", "#1A1A1A"), ("#0057B8", "#FFFFFF"), ("#808080", BLACK)]
)
def test_text_on_a_colour(colour, text):
    assert auto_text(colour) == text


@given(COLOURS)
def test_text_on_any_colour_is_readable(colour):
    assert contrast(auto_text(colour), colour) >= READABLE


@given(COLOURS)
def test_any_colour_becomes_readable_on_white(colour):
    shade = readable_on_white(colour)
    assert contrast(shade, "#FFFFFF") >= READABLE
    assert (shade == colour) == (contrast(colour, "#FFFFFF") >= READABLE)


@pytest.mark.parametrize("wrong", ["", "red", "#FFF", "#12345G", "0057B8", "#0057B8;x"])
def test_other_notations_are_refused(wrong):
    with pytest.raises(Invalid):
        contrast(wrong, "#FFFFFF")
