"""Each word of the fault grammar: what the client meets, and whether the mail was taken."""

import time
from collections import Counter

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tpma.simulator.errors import Refusal
from tpma.simulator.faults import _AFTER, _BEFORE, _FATES, DENIALS, Faults, Kind, fault, scripted


def outcome(send, recipient, **changes):
    """The class or code of what was met; "" for an answer without a message id."""
    try:
        return "accepted" if send(recipient, **changes).get("MessageId") else ""
    except ClientError as error:
        return error.response["Error"]["Code"]
    except BotoCoreError as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("word", "met", "taken"),
    [
        ("ada", "accepted", 1),
        ("dropafter", "ConnectionClosedError", 1),
        ("dropbefore", "ConnectionClosedError", 0),
        ("e500before", "InternalServiceErrorException", 0),
        ("e500after", "InternalServiceErrorException", 1),
        ("e502before", "502", 0),
        ("e503after", "503", 1),
        ("e504before", "504", 0),
        ("t429", "TooManyRequestsException", 0),
        ("quota", "TooManyRequestsException", 0),
        ("short200", "", 1),
        ("html200", "", 1),
        ("empty200", "", 1),
        ("reject", "MessageRejected", 0),
        ("proxy403", "403", 0),
        ("proxy404", "404", 0),
        *((f"deny-{reason}", code, 0) for reason, (code, _text, _status) in DENIALS.items()),
    ],
)
def test_what_is_met_and_what_was_taken(send, accepted, word, met, taken):
    got = outcome(send, f"{word}+1@reader.example")
    assert got == met or (word == "short200" and got in ("", "IncompleteReadError"))
    assert len(accepted()) == taken


@pytest.mark.parametrize(("word", "taken"), [("hang", 1), ("hangbefore", 0)])
def test_silence_lasts_until_the_client_gives_up(simulator, accepted, word, taken):
    impatient = simulator.client("sesv2", read_timeout=0.3)
    with pytest.raises(BotoCoreError, match="Read timeout"):
        impatient.send_email(
            FromEmailAddress="a@news.example.com",
            Destination={"ToAddresses": [f"{word}@reader.example"]},
            Content={"Raw": {"Data": b"From: a@news.example.com\r\n\r\n"}},
        )
    assert len(accepted()) == taken


def test_boto3s_own_retries_would_send_three_times(simulator, accepted):
    """Why the product switches them off."""
    eager = simulator.client("sesv2", retries={"mode": "standard", "total_max_attempts": 3})
    with pytest.raises(BotoCoreError):
        eager.send_email(
            FromEmailAddress="a@news.example.com",
            Destination={"ToAddresses": ["dropafter@reader.example"]},
            Content={"Raw": {"Data": b"From: a@news.example.com\r\n\r\n"}},
        )
    assert len(accepted()) == 3


def test_a_late_answer_is_an_answer(send):
    begun = time.monotonic()
    assert outcome(send, "slow200@reader.example") == "accepted"
    assert time.monotonic() - begun >= 0.2


def test_only_the_first_submissions_fail_when_counted(send, accepted, number):
    address = f"t429x2+{number}@reader.example"
    met = [outcome(send, address) for _ in range(3)]
    assert met == ["TooManyRequestsException", "TooManyRequestsException", "accepted"]
    assert len(accepted()) == 1


def test_words_are_joined_by_dots(send, events, number):
    address = f"e500beforex1.bounce-mailboxfull+{number}@reader.example"
    assert outcome(send, address) == "InternalServiceErrorException"
    assert outcome(send, address) == "accepted"
    assert [each["eventType"] for each in events(2)] == ["Send", "Bounce"]


@pytest.mark.parametrize("local", ["bounce.smith", "dana.reject", "hanging", "t429x", "x3", ""])
def test_a_persons_address_is_left_alone(local):
    assert scripted(f"{local}@reader.example") == ()


def test_every_word_is_understood_alone_and_counted():
    for word in (*_BEFORE, *_AFTER, *_FATES, "slow20"):
        assert fault(word) is not None
        assert fault(f"{word}x3").first == 3


def test_shares_come_from_the_seed_and_not_from_the_order():
    rates = {"dropafter": 0.1, "e500before": 0.1, "bounce-noemail": 0.2}
    people = [f"p{n}@reader.example" for n in range(2000)]

    def drawn(seed, order):
        faults = Faults(seed, rates)
        return {who: tuple(sorted(f.name for f in faults.of(who).values())) for who in order}

    first = drawn(7, people)
    assert first == drawn(7, list(reversed(people)))
    assert first != drawn(8, people)
    counted = Counter(name for names in first.values() for name in names)
    assert {name: round(counted[name] / 2000, 1) for name in rates} == rates


def test_a_share_of_one_concerns_everybody(simulator, send, accepted):
    simulator.plan(faults={"rates": {"e503before": 1.0}})
    assert [outcome(send, f"p{n}@reader.example") for n in range(3)] == ["503"] * 3
    assert accepted() == []


def test_an_unknown_fault_is_told():
    with pytest.raises(Refusal) as refused:
        Faults(1, {"dropp": 0.1})
    assert "faults.rates.dropp" in refused.value.message


def test_a_repeated_draw_is_another_one():
    faults = Faults(3, {"dropafter": 0.5})
    met = [Kind.AFTER in faults.of("a@reader.example") for _ in range(40)]
    assert 5 < sum(met) < 35
