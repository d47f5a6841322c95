"""UUIDv7: sorted by birth, marked as version 7."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tpma.core.ids import uuid7

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(0, 250_000_000_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms))


@given(moments)
def test_an_id_says_version_7_and_the_rfc_variant(now):
    made = uuid7(now)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


@given(moments)
def test_the_first_48_bits_are_the_milliseconds_of_its_birth(now):
    assert uuid7(now).int >> 80 == int(now.timestamp() * 1000)


@given(moments, st.integers(1, 10**9))
def test_a_later_id_sorts_after_an_earlier_one_whatever_chance_gives(now, milliseconds):
    later = now + timedelta(milliseconds=milliseconds + 1)
    first = uuid7(now, lambda bits: (1 << bits) - 1)
    second = uuid7(later, lambda bits: 0)
    assert first < second
    assert str(first) < str(second)


def test_chance_fills_74_bits():
    asked: list[int] = []
    uuid7(datetime(2026, 3, 2, tzinfo=UTC), lambda bits: asked.append(bits) or 0)
    assert sum(asked) == 74


def test_two_ids_of_one_millisecond_differ():
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert len({uuid7(now) for _each in range(1000)}) == 1000
