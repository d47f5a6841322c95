"""How logos stand: the worked examples T-81 to T-84 of the rules, and what lies around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.branding import lockup
from tpma.branding.lockup import Box
from tpma.branding.models import LogoVariant


@pytest.mark.parametrize(
    ("aspect", "size"),
    [(1, (80.0, 80.0)), (3, (138.6, 46.2)), (6, (196.0, 32.7))],
)
def test_a_logo_gets_the_area_of_the_one_beside_it(aspect, size):
    width, height = lockup.balanced(aspect, area=160 * 40)
    assert (round(width, 1), round(height, 1)) == size


@given(st.floats(0.25, 8))
def test_every_logo_is_shown_legibly_in_its_own_shape(aspect):
    width, height = lockup.displayed(aspect)
    assert lockup.check_least(width, height) is None
    assert width <= 240
    assert height <= 96
    assert abs(width / height / aspect - 1) < 0.05  # whole pixels


@given(st.floats(0.25, 8), st.floats(0.25, 8))
def test_any_two_logos_are_balanced(one, other):
    assert lockup.check_balance(lockup.displayed(one), lockup.displayed(other)) is None


def test_a_logo_of_half_the_area_is_out_of_balance():
    assert lockup.check_balance((113, 28.3), (160, 40)).rule == "logo.balance"


def test_a_small_png_names_the_pixels_it_needs():
    finding = lockup.check_resolution(180, 60, (160, 53))
    assert finding.rule == "logo.format"
    assert "320 × 106" in finding.message


@pytest.mark.parametrize(("shown", "rule"), [((200, 90), "logo.aspect"), ((200, 100), None)])
def test_a_logo_is_never_stretched(shown, rule):
    finding = lockup.check_aspect((200, 100), shown)
    assert (finding and finding.rule) == rule


@pytest.mark.parametrize(
    ("width", "height", "fine"),
    [(800, 100, True), (801, 100, False), (100, 400, True), (100, 401, False), (300, 100, True)],
)
def test_shapes_from_one_to_four_up_to_eight_to_one_are_taken(width, height, fine):
    finding = lockup.check_shape(width, height)
    assert (finding is None) is fine


@pytest.mark.parametrize(
    ("width", "height", "fine"),
    [(80, 24, True), (79, 24, False), (100, 23, False), (24, 80, True)],
)
def test_a_logo_nobody_can_read_is_refused(width, height, fine):
    assert (lockup.check_least(width, height) is None) is fine


def test_a_logo_of_forty_px_keeps_ten_free():
    assert lockup.clear_margin(40) == 10


@pytest.mark.parametrize(("x", "fine"), [(170, True), (169, False), (160, False)])
def test_nothing_stands_in_the_clear_space(x, fine):
    finding = lockup.check_clear(Box(0, 0, 160, 40), [Box(x, 0, 50, 40)])
    assert (finding is None) is fine


@pytest.mark.parametrize(
    ("colour", "variant", "fine"),
    [
        ("#16181C", LogoVariant.PRIMARY, True),
        ("#FFB81C", LogoVariant.PRIMARY, False),
        ("#FFFFFF", LogoVariant.PRIMARY, False),
        ("#FFFFFF", LogoVariant.REVERSED, True),
        ("#16181C", LogoVariant.REVERSED, False),
    ],
)
def test_each_variant_stands_out_from_its_ground(colour, variant, fine):
    assert (lockup.check_ground(colour, variant) is None) is fine


@pytest.mark.parametrize(("size", "fine"), [(512_000, True), (512_001, False)])
def test_a_logo_has_at_most_500_kilobytes(size, fine):
    assert (lockup.check_bytes(size) is None) is fine
