"""Events of SES as read by us: every documented kind, and anything at all without an error."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import ses
from tests.factories.ses import AT, NOW, TOPIC
from tpma.adapters import ses_events
from tpma.ports.events import BounceType, EventKind, RawEvent, Unreadable

SENT = datetime(2026, 3, 2, 8, 59, tzinfo=UTC)


def read(told):
    return ses_events.events(told, NOW)


def only(told):
    [event] = read(told)
    return event


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (ses.send(), EventKind.SEND),
        (ses.delivery(), EventKind.DELIVERY),
        (ses.bounce(), EventKind.BOUNCE),
        (ses.complaint(), EventKind.COMPLAINT),
        (ses.event("DeliveryDelay", delayType="MailboxFull", timestamp=AT), EventKind.DELAY),
        (ses.event("Reject", reason="Bad content"), EventKind.REJECT),
        (ses.event("Rendering Failure", errorMessage="x"), EventKind.RENDERING_FAILURE),
        (ses.event("RenderingFailure", errorMessage="x"), EventKind.RENDERING_FAILURE),
        (ses.event("Open"), EventKind.UNKNOWN),
        (ses.event("Subscription"), EventKind.UNKNOWN),
        (ses.event("Teleported"), EventKind.UNKNOWN),
    ],
)
def test_every_kind_is_read_with_its_mail(told, kind):
    event = only(told)
    assert event.kind is kind
    assert event.attempt_id == event.header_attempt_id == "a" * 32
    assert event.provider_id == "0102-ses-1"
    assert (event.environment, event.feed) == ("local", "tpma")
    assert event.handed_over_at == SENT
    assert event.recipient == "ada@reader.example"
    assert event.alone


@pytest.mark.parametrize("sort", ["Permanent", "Transient", "Undetermined"])
def test_a_bounce_has_its_sort_and_the_words_of_the_other_side_without_the_address(sort):
    event = only(ses.bounce(sort=sort, subtype="General"))
    assert event.bounce is BounceType(sort.lower())
    assert event.subtype == "General"
    assert event.unique == "fb-1"
    assert event.detail == "5.1.1 smtp; 550 5.1.1 <…@reader.example>: user unknown"


@pytest.mark.parametrize("sort", ["Gone", "", None, 7, ["Permanent"]])
def test_a_sort_of_bounce_nobody_knows_is_undetermined(sort):
    assert only(ses.bounce(sort=sort)).bounce is BounceType.UNDETERMINED


def test_an_event_of_many_recipients_is_one_item_each():
    found = read(ses.bounce(recipients=["a@x.example", "B <b@x.example>", "A@x.example"]))
    assert [event.recipient for event in found] == ["A@x.example", "b@x.example"]
    assert not any(event.alone for event in found)
    assert len({event.dedupe_key for event in found}) == 2


@pytest.mark.parametrize("sort", ["abuse", "not-spam", "virus", "something-new"])
def test_a_complaint_says_of_what(sort):
    assert only(ses.complaint(sort=sort)).subtype == sort


def test_a_complaint_of_the_account_list_says_so_first():
    assert only(ses.complaint(sort=None, subtype="OnAccountSuppressionList")).subtype == (
        "OnAccountSuppressionList"
    )


def test_identity_notifications_without_tags_are_read_by_their_header():
    told = ses.bounce("b" * 32, mail={"tags": None})
    told["notificationType"] = told.pop("eventType")
    event = only(told)
    assert (event.kind, event.attempt_id, event.environment) == (EventKind.BOUNCE, "", "")
    assert event.header_attempt_id == "b" * 32


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (f"<m17-g1.{'a' * 32}@news.brightline.com>", "m17-g1"),
        (f"<m17-g12.{'a' * 32}@news.brightline.com>", ""),
        ("<0102018f@eu-west-1.amazonses.com>", ""),
        ("m17-g1", ""),
    ],
)
def test_the_mails_own_id_says_which_mail_it_was(header, name):
    told = ses.send()
    told["mail"]["headers"].append({"name": "Message-ID", "value": header})
    assert only(told).message_name == name


def test_truncated_headers_are_no_trouble():
    mail = {"headersTruncated": True, "headers": [{"name": "Received", "value": "x" * 10_240}]}
    event = only(ses.send(mail=mail))
    assert (event.attempt_id, event.header_attempt_id) == ("a" * 32, "")


@pytest.mark.parametrize(
    "stamp",
    [
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-02-30T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2026-03-09T09:00:00Z",
        "yesterday",
        "",
        None,
        1772442000,
        {},
    ],
)
def test_a_time_nobody_could_have_meant_is_the_hand_over(stamp):
    event = only(ses.delivery(stamp=stamp))
    assert event.at == SENT


def test_without_any_time_it_is_when_we_heard():
    assert only(ses.delivery(stamp="?", mail={"timestamp": "?"})).at == NOW


def test_two_copies_have_one_key_whenever_they_arrive():
    told = ses.delivery(stamp="never")
    later = ses_events.events(told, NOW + timedelta(hours=1))
    assert [event.dedupe_key for event in later] == [event.dedupe_key for event in read(told)]


@pytest.mark.parametrize(
    "other",
    [
        ses.delivery(stamp="2026-03-02T08:59:01.000Z"),
        ses.delivery(message_id="0102-ses-2"),
        ses.delivery(to="b@reader.example"),
        ses.delivery(mail={"sendingAccountId": "999999999999"}),
        ses.event("DeliveryDelay", timestamp=AT),
        ses.send(),
    ],
)
def test_different_events_have_different_keys(other):
    assert only(other).dedupe_key != only(ses.delivery()).dedupe_key


def test_text_no_database_takes_is_cleaned():
    event = only(ses.event("Reject", reason="a\x00b\ud800c\r\nd"))
    assert event.detail == "a b c  d"


def test_an_envelope_of_sns_is_opened():
    body = json.dumps(
        {"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps(ses.send())}
    )
    [event] = ses_events.parse(RawEvent(body, NOW))
    assert event.kind is EventKind.SEND


def test_the_greeting_of_a_new_topic_is_no_event():
    text = "Successfully validated SNS topic for Amazon SES event publishing."
    body = json.dumps({"Type": "Notification", "TopicArn": TOPIC, "Message": text})
    assert ses_events.parse(RawEvent(body, NOW)) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "{",
        "[" * 100_000,
        "1" * 5_000,
        json.dumps({"TopicArn": TOPIC, "Message": "not json"}),
    ],
)
def test_what_is_no_json_is_said_to_be_unreadable(body):
    with pytest.raises(Unreadable):
        ses_events.parse(RawEvent(body, NOW))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["9999-12-31T23:59:59-23:59", "Bounce", "a" * 32, "x@y", AT, "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = [
    "timestamp", "recipients", "bouncedRecipients", "bounceType", "bounceSubType", "feedbackId",
    "complainedRecipients", "complaintFeedbackType", "complaintSubType", "delayedRecipients",
    "emailAddress", "diagnosticCode", "status", "reason", "errorMessage", "smtpResponse",
    "delayType", "tags", "headers", "messageId", "destination", "name", "value", "tpma-attempt",
]  # fmt: skip
inside = st.dictionaries(
    st.sampled_from(KEYS),
    anything
    | st.lists(st.dictionaries(st.sampled_from(KEYS), anything, max_size=3), max_size=3)
    | st.dictionaries(st.sampled_from(KEYS), anything, max_size=3),
    max_size=8,
)
almost = st.fixed_dictionaries(
    {
        "eventType": st.sampled_from(
            ["Send", "Delivery", "Bounce", "Complaint", "DeliveryDelay", "Reject", "Click"]
        )
        | anything
    },
    optional=dict.fromkeys(
        ("mail", "bounce", "complaint", "delivery", "deliveryDelay", "reject"), inside | anything
    ),
)


@settings(max_examples=300, deadline=None)
@given(told=anything | almost)
def test_nothing_surprises_the_parser(told):
    for event in read(told):
        assert event.at.tzinfo is not None
        assert datetime(2011, 1, 1, tzinfo=UTC) < event.at <= NOW + timedelta(days=1)
        assert len(event.dedupe_key) == 64
        for text in (event.detail, event.subtype, event.provider_id, event.feed, event.told):
            assert text.isprintable()
            text.encode("utf-8")
        assert event.attempt_id == "" or len(event.attempt_id) == 32
        assert event.told == "" or event.kind is EventKind.UNKNOWN


@settings(max_examples=100, deadline=None)
@given(body=st.text())
def test_any_text_is_read_or_unreadable(body):
    with contextlib.suppress(Unreadable):
        assert isinstance(ses_events.parse(RawEvent(body, NOW)), list)
