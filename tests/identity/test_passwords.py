import unicodedata

import pytest
from argon2 import PasswordHasher, Type
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tpma.core.errors import Invalid
from tpma.identity import passwords


def test_a_password_costs_a_thief_what_rfc_9106_recommends(real_hasher):
    """Its second choice, for machines with little memory: t=3, 64 MiB, p=4."""
    assert real_hasher.type is Type.ID
    assert (real_hasher.time_cost, real_hasher.memory_cost, real_hasher.parallelism) == (
        3,
        64 * 1024,
        4,
    )


@pytest.mark.parametrize(
    "password",
    [
        "correct horse",
        "pässword-long-1",
        "пароль-надёжный",
        "パスワードは秘密の言葉",
        "كلمة سر طويلة",
        "🐎🔋📎 staple x",
    ],
)
def test_a_password_in_any_script_matches_itself(password):
    assert passwords.matches(passwords.hashed(passwords.accepted(password)), password)


def test_the_two_ways_a_keyboard_writes_an_umlaut_are_one_password():
    composed = unicodedata.normalize("NFC", "pässword-long-1")
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    assert passwords.matches(passwords.hashed(passwords.accepted(composed)), decomposed)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "too short"),
        ("ninechars", "too short"),
        ("x" * 201, "too long"),
        ("aaaaaaaaaaaa", "hardly varied"),
        ("ada@kestrel.example", "the address"),
        ("ADA@kestrel.example", "the address"),
    ],
)
def test_a_weak_password_is_refused_at_its_field(password, why):
    with pytest.raises(Invalid) as refusal:
        passwords.accepted(password, "ada@kestrel.example")
    assert refusal.value.field == "password"


@pytest.mark.parametrize("length", [10, 200])
def test_the_limits_themselves_are_allowed(length):
    assert passwords.accepted(("abcdefg" * 40)[:length])


def test_length_is_counted_in_characters_not_in_octets():
    assert passwords.accepted("密码很长很安全的词语")


def test_nothing_kept_matches_nothing():
    assert not passwords.matches(None, "correct horse battery")


def test_a_hash_that_is_no_hash_matches_nothing():
    assert not passwords.matches("plain text", "plain text")


def test_a_hash_of_other_parameters_is_outdated():
    assert passwords.outdated(PasswordHasher(2, 16, 1).hash("correct horse"))


def test_a_fresh_hash_is_not_outdated():
    assert not passwords.outdated(passwords.hashed("correct horse"))


@given(st.text(max_size=400))
@example("\ud800 lone surrogate")
@example("\x00" * 20)
@settings(max_examples=60, deadline=None)
def test_whatever_is_typed_is_accepted_or_refused_never_a_crash(text):
    try:
        typed = passwords.accepted(text)
    except Invalid:
        return
    assert passwords.matches(passwords.hashed(typed), text)
