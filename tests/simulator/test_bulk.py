"""SendBulkEmail: fifty at most, one answer an entry."""

import json

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.simulator.stage import SENDER
from tpma.simulator.faults import STATUSES

TEMPLATE = {
    "TemplateContent": {"Subject": "Hello {{name}}", "Html": "<p>{{name}}, {{offer}}</p>"},
    "TemplateData": json.dumps({"offer": "ten percent"}),
    "Headers": [{"Name": "X-Kind", "Value": "default"}],
}


def entry(address, **changes):
    data = json.dumps({"name": "Ada"})
    template = {"ReplacementTemplate": {"ReplacementTemplateData": data}}
    return {
        "Destination": {"ToAddresses": [address]},
        "ReplacementEmailContent": template,
    } | changes


@pytest.fixture
def bulk(ses):
    def bulk(*entries, **changes):
        request = {
            "FromEmailAddress": SENDER,
            "DefaultContent": {"Template": TEMPLATE},
            "BulkEmailEntries": list(entries),
            "DefaultEmailTags": [{"Name": "kind", "Value": "default"}],
            "ConfigurationSetName": "tpma",
        }
        return ses.send_bulk_email(**request | changes)["BulkEmailEntryResults"]

    return bulk


def statuses(results):
    return [each["Status"] for each in results]


def test_fifty_are_taken_and_answered_in_order(bulk, accepted):
    results = bulk(*(entry(f"p{n}@r.example") for n in range(50)))
    assert statuses(results) == ["SUCCESS"] * 50
    lines = accepted()
    assert [line["message_id"] for line in lines] == [each["MessageId"] for each in results]
    assert [line["recipient"] for line in lines] == [f"p{n}@r.example" for n in range(50)]


@pytest.mark.parametrize("many", [0, 51])
def test_none_and_fifty_one_are_refused_as_a_whole(bulk, accepted, many):
    with pytest.raises(ClientError, match="from 1 to 50"):
        bulk(*(entry(f"p{n}@r.example") for n in range(many)))
    assert accepted() == []


def test_tags_headers_and_data_of_an_entry_override_the_defaults(simulator, bulk, accepted):
    [told] = bulk(
        entry(
            "a@r.example",
            ReplacementTags=[
                {"Name": "kind", "Value": "own"},
                {"Name": "tpma-attempt", "Value": "b1"},
            ],
            ReplacementHeaders=[
                {"Name": "x-kind", "Value": "own"},
                {"Name": "X-More", "Value": "more"},
            ],
        )
    )
    [line] = accepted()
    assert line["tags"] == {"kind": "own", "tpma-attempt": "b1"}
    assert line["attempt"] == "b1"
    raw = simulator.control("GET", f"raw/{told['MessageId']}")
    assert b"x-kind: own\r\n" in raw
    assert b"X-Kind" not in raw
    assert b"X-More: more\r\n" in raw
    assert b"Subject: Hello Ada" in raw
    assert b"<p>Ada, ten percent</p>" in raw


def test_an_entry_that_cannot_be_filled_is_accepted_and_told_by_an_event(bulk, events):
    [told] = bulk(entry("a@r.example", ReplacementEmailContent={}))
    assert told["Status"] == "SUCCESS"
    [event] = events(1)
    assert event["eventType"] == "Rendering Failure"
    assert event["failure"]["errorMessage"] == (
        "Attribute 'name' is not present in the rendering data."
    )


def test_all_statuses_may_stand_in_one_answer(bulk, accepted):
    wanted = [status.upper() for status in STATUSES]
    entries = [entry(f"status-{status}@r.example") for status in STATUSES]
    results = bulk(entry("a@r.example"), *entries)
    assert statuses(results) == ["SUCCESS", *wanted]
    assert len(accepted()) == 1


def test_an_entrys_own_mistake_is_its_own(bulk, accepted):
    results = bulk(
        entry("nobody"),
        entry("a@r.example", ReplacementTags=[{"Name": "a b", "Value": "x"}]),
        entry("reject@r.example"),
        entry("t429@r.example"),
        entry("quota@r.example"),
        entry("deny-mailfrom@r.example"),
        entry("b@r.example"),
    )
    assert statuses(results) == [
        "INVALID_PARAMETER", "INVALID_PARAMETER", "MESSAGE_REJECTED", "ACCOUNT_THROTTLED",
        "ACCOUNT_DAILY_QUOTA_EXCEEDED", "MAIL_FROM_DOMAIN_NOT_VERIFIED", "SUCCESS",
    ]  # fmt: skip
    assert [line["recipient"] for line in accepted()] == ["b@r.example"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"ConfigurationSetName": "none"}, "CONFIGURATION_SET_NOT_FOUND"),
        ({"DefaultContent": {"Template": {"TemplateName": "none"}}}, "TEMPLATE_NOT_FOUND"),
        ({"FromEmailAddress": "a@elsewhere.example"}, "MESSAGE_REJECTED"),
    ],
)
def test_what_is_missing_is_told_at_each_entry(bulk, changes, status):
    assert statuses(bulk(entry("a@r.example"), entry("b@r.example"), **changes)) == [status] * 2


@pytest.mark.parametrize(("word", "many"), [("shortlist", 1), ("longlist", 3)])
def test_there_may_be_fewer_or_more_results_than_entries(bulk, accepted, word, many):
    assert len(bulk(entry("a@r.example"), entry(f"{word}@r.example"))) == many
    assert len(accepted()) == 2


@pytest.mark.parametrize(
    ("word", "taken"),
    [("dropafter", 2), ("dropbefore", 0), ("e500after", 2), ("e503before", 0)],
)
def test_a_broken_connection_concerns_every_entry(bulk, accepted, word, taken):
    with pytest.raises((BotoCoreError, ClientError)):
        bulk(entry("a@r.example"), entry(f"{word}@r.example"))
    assert len(accepted()) == taken


def test_the_rate_is_charged_for_each_entry(simulator, bulk):
    simulator.plan(account={"max_send_rate": 1, "burst": 2})
    found = statuses(bulk(*(entry(f"p{n}@r.example") for n in range(4))))
    assert found == ["SUCCESS", "SUCCESS", "ACCOUNT_THROTTLED", "ACCOUNT_THROTTLED"]


def test_a_paused_account_refuses_the_call(simulator, bulk):
    simulator.plan(account={"sending_enabled": False})
    with pytest.raises(ClientError, match="Sending paused for this account"):
        bulk(entry("a@r.example"))
