"""Tokens: only ours pass, for the one purpose they were made for."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tpma.core.errors import NotFound
from tpma.core.signing import ALPHABET, TOKEN_LENGTH, Signer, link_character, link_index

OURS = Signer("our secret")
subjects = st.integers(0, 2**56 - 1)
purposes = st.sampled_from(["message", "visit", "lead", "recipient", "x" * 40])


@given(subjects, purposes)
def test_a_token_names_its_subject_in_24_characters_safe_in_an_address(subject, purpose):
    token = OURS.token(subject, purpose)
    assert len(token) == TOKEN_LENGTH == 24
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")
    assert OURS.subject(token, purpose) == subject


@given(subjects, purposes, st.integers(0, 23), st.sampled_from(ALPHABET))
def test_a_token_with_one_other_character_is_refused(subject, purpose, position, other):
    token = OURS.token(subject, purpose)
    assume(token[position] != other)
    forged = token[:position] + other + token[position + 1 :]
    with pytest.raises(NotFound):
        OURS.subject(forged, purpose)


@given(subjects, st.text(min_size=1))
def test_another_installations_token_is_refused(subject, secret):
    assume(secret != OURS.secret)
    with pytest.raises(NotFound):
        OURS.subject(Signer(secret).token(subject))


@given(subjects, st.tuples(purposes, purposes))
def test_a_token_is_good_for_its_own_purpose_only(subject, pair):
    made_for, used_for = pair
    assume(made_for != used_for)
    with pytest.raises(NotFound):
        OURS.subject(OURS.token(subject, made_for), used_for)


@given(st.text(max_size=40), purposes)
def test_made_up_text_is_refused(text, purpose):
    with pytest.raises(NotFound):
        OURS.subject(text, purpose)


@given(st.text(alphabet=ALPHABET, min_size=24, max_size=24), purposes)
def test_24_characters_at_random_are_refused(text, purpose):
    with pytest.raises(NotFound):
        OURS.subject(text, purpose)


def test_a_link_is_one_character_from_0_to_63():
    assert [link_index(link_character(number)) for number in range(64)] == list(range(64))


@pytest.mark.parametrize("text", ["", "=", "AB", "ä", "/", " "])
def test_no_link_has_such_a_character(text):
    with pytest.raises(NotFound):
        link_index(text)


def test_a_hash_is_apart_for_each_owner_and_each_installation():
    text = "ada@harborpoint.example"
    hashes = {
        OURS.keyed_hash("a", text),
        OURS.keyed_hash("b", text),
        Signer("other").keyed_hash("a", text),
    }
    assert len(hashes) == 3
    assert OURS.keyed_hash("a", text) == OURS.keyed_hash("a", text)
    assert len(OURS.keyed_hash("a", text)) == 16


def test_owner_and_text_do_not_run_into_each_other():
    assert OURS.keyed_hash("ab", "c") != OURS.keyed_hash("a", "bc")
