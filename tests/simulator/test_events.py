"""What is published of a mail, in which words, and what the knobs do to it."""

from collections import Counter

import pytest

from tests.simulator.stage import eventually
from tpma.simulator.agenda import Agenda
from tpma.simulator.clock import Clock, iso
from tpma.simulator.events import Accepted, Feed
from tpma.simulator.fates import happenings
from tpma.simulator.knobs import Knobs
from tpma.simulator.state import ConfigurationSet, State

MAIL = {
    "source": "Dana <news@news.example.com>",
    "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/news.example.com",
    "sendingAccountId": "123456789012",
    "headersTruncated": False,
    "headers": [
        {"name": "From", "value": "Dana <news@news.example.com>"},
        {"name": "To", "value": "ada@reader.example"},
        {"name": "Subject", "value": "An offer"},
        {"name": "X-TPMA-Attempt", "value": "header-attempt"},
    ],
}


def test_send_and_delivery_tell_of_the_mail_and_its_tags(send, events):
    told = send(EmailTags=[{"Name": "tpma-attempt", "Value": "e1"}])
    sent, delivered = events(2)
    assert sent["eventType"] == "Send"
    assert sent["send"] == {}
    mail = sent["mail"]
    assert mail.items() >= MAIL.items()
    assert (mail["messageId"], mail["destination"]) == (told["MessageId"], ["ada@reader.example"])
    assert mail["commonHeaders"] == {
        "from": ["Dana <news@news.example.com>"],
        "to": ["ada@reader.example"],
        "messageId": told["MessageId"],
        "subject": "An offer",
    }
    assert mail["tags"] == {
        "tpma-attempt": ["e1"],
        "ses:configuration-set": ["tpma"],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": ["news.example.com"],
        "ses:caller-identity": ["simulated"],
    }
    assert delivered["eventType"] == "Delivery"
    assert delivered["delivery"]["recipients"] == ["ada@reader.example"]
    assert delivered["mail"]["tags"]["ses:outgoing-ip"]
    assert set(delivered["delivery"]) == {
        "timestamp", "processingTimeMillis", "recipients", "smtpResponse", "reportingMTA",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "kind", "subtype"),
    [
        ("bounce", "Permanent", "General"),
        ("bounce-noemail", "Permanent", "NoEmail"),
        ("bounce-suppressed", "Permanent", "Suppressed"),
        ("bounce-accountlist", "Permanent", "OnAccountSuppressionList"),
        ("bounce-unsubscribed", "Permanent", "UnsubscribedRecipient"),
        ("bounce-transient", "Transient", "General"),
        ("bounce-mailboxfull", "Transient", "MailboxFull"),
        ("bounce-toolarge", "Transient", "MessageTooLarge"),
        ("bounce-content", "Transient", "ContentRejected"),
        ("bounce-attachment", "Transient", "AttachmentRejected"),
        ("bounce-undetermined", "Undetermined", "Undetermined"),
    ],
)
def test_every_kind_of_bounce(send, events, number, word, kind, subtype):
    address = f"{word}+{number}@reader.example"
    send(address)
    sent, bounced = events(2)
    assert (sent["eventType"], bounced["eventType"]) == ("Send", "Bounce")
    bounce = bounced["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == (kind, subtype)
    assert bounce["bouncedRecipients"][0]["emailAddress"] == address
    assert bounce["feedbackId"]
    assert bounce["timestamp"]


@pytest.mark.parametrize(
    ("word", "feedback"),
    [
        ("complain", "abuse"),
        ("complain-authfailure", "auth-failure"),
        ("complain-fraud", "fraud"),
        ("complain-notspam", "not-spam"),
        ("complain-other", "other"),
        ("complain-virus", "virus"),
    ],
)
def test_every_kind_of_complaint_follows_a_delivery(send, events, number, word, feedback):
    send(f"{word}+{number}@reader.example")
    found = events(3)
    assert [each["eventType"] for each in found] == ["Send", "Delivery", "Complaint"]
    complaint = found[2]["complaint"]
    assert complaint["complaintFeedbackType"] == feedback
    assert complaint["complaintSubType"] is None
    assert complaint["arrivalDate"]


def test_a_complaint_names_everybody_of_the_domain(send, events, number):
    me, mate, other = f"complain+{number}@a.example", "x@a.example", "y@b.example"
    send(Destination={"ToAddresses": [me, mate, other]})
    found = events(5)
    kinds = Counter(each["eventType"] for each in found)
    assert kinds == {"Send": 1, "Delivery": 3, "Complaint": 1}
    [complaint] = [each["complaint"] for each in found if "complaint" in each]
    assert {r["emailAddress"] for r in complaint["complainedRecipients"]} == {me, mate}


@pytest.mark.parametrize(
    ("word", "types"),
    [
        ("delay", ["Send", "DeliveryDelay", "Delivery"]),
        ("delaybounce", ["Send", "DeliveryDelay", "Bounce"]),
        ("bounce-late", ["Send", "Delivery", "Bounce"]),
        ("ooto", ["Send", "Delivery", "Bounce"]),
        ("virus", ["Send", "Reject"]),
        ("renderfail", ["Rendering Failure"]),
        ("complain-accountlist", ["Send", "Complaint"]),
        ("silent", ["Send"]),
    ],
)
def test_other_fates(send, events, number, word, types):
    send(f"{word}+{number}@reader.example")
    found = events(len(types))
    assert [each["eventType"] for each in found] == types
    parts = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}
    assert all(parts.get(kind, kind.lower()) in e for kind, e in zip(types, found, strict=True))


def test_a_mute_mail_is_never_heard_of_again(simulator, send, events, accepted):
    send("mute@reader.example")
    send("silent@reader.example")
    assert [each["mail"]["destination"] for each in events(1)] == [["silent@reader.example"]]
    assert len(accepted()) == 2


@pytest.mark.parametrize(
    ("mailbox", "last"),
    [
        ("success", "Delivery"),
        ("success+label", "Delivery"),
        ("bounce", "Bounce"),
        ("complaint+x", "Complaint"),
        ("ooto", "Bounce"),
        ("suppressionlist", "Bounce"),
    ],
)
def test_the_mailbox_simulator_answers(send, events, mailbox, last):
    address = f"{mailbox}@simulator.amazonses.com"
    send(address)
    many = {"complaint+x": 3, "ooto": 3}.get(mailbox, 2)
    assert events(many)[-1]["eventType"] == last


def test_mailbox_simulator_addresses_are_never_suppressed(simulator, ses, send, events):
    send("bounce@simulator.amazonses.com")
    events(2)
    listed = ses.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert "bounce@simulator.amazonses.com" not in [each["EmailAddress"] for each in listed]


def test_a_hard_bounce_is_suppressed_next_time(send, events, number):
    address = f"bounce-noemailx1+{number}@reader.example"
    send(address)
    events(2)
    send(address)
    assert events(2)[1]["bounce"]["bounceSubType"] == "OnAccountSuppressionList"


def test_not_spam_and_soft_bounces_suppress_nobody(ses, send, events, number):
    for word, many in (("complain-notspam", 3), ("bounce-mailboxfull", 2)):
        send(f"{word}+{number}@reader.example")
        events(many)
    listed = ses.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert not any(f"+{number}@" in each["EmailAddress"] for each in listed)


def test_a_tenants_complaint_silences_that_tenant_only(ses, send, events, number):
    address = f"complainx1+{number}@reader.example"
    names = [f"e{number}a", f"e{number}b"]
    for name in names:
        ses.create_tenant(TenantName=name, SuppressionAttributes={"SuppressionScope": "TENANT"})
        for resource in ("identity/news.example.com", "configuration-set/tpma"):
            ses.create_tenant_resource_association(
                TenantName=name, ResourceArn=f"arn:aws:ses:eu-west-1:123456789012:{resource}"
            )
    send(address, TenantName=names[0])
    events(3)
    send(address, TenantName=names[1])
    assert events(2)[1]["eventType"] == "Delivery"
    send(address, TenantName=names[0])
    assert events(2)[1]["complaint"]["complaintSubType"] == "OnAccountSuppressionList"


def test_only_the_types_a_destination_wants_are_published(ses, send, events, number):
    name = f"set{number}"
    ses.create_configuration_set(ConfigurationSetName=name)
    destination = {
        "Enabled": True,
        "MatchingEventTypes": ["DELIVERY"],
        "SnsDestination": {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:events"},
    }
    names = {"ConfigurationSetName": name, "EventDestinationName": "d"}
    ses.create_configuration_set_event_destination(**names, EventDestination=destination)
    send(ConfigurationSetName=name)
    assert [each["eventType"] for each in events(1)] == ["Delivery"]
    ses.update_configuration_set_event_destination(
        **names, EventDestination=destination | {"Enabled": False}
    )
    send(ConfigurationSetName=name)
    send("silent@reader.example")
    assert [each["eventType"] for each in events(1)] == ["Send"]


def test_a_mail_without_a_configuration_set_has_no_events(send, events):
    send(ConfigurationSetName=None)
    send("silent@reader.example")
    assert len(events(1)) == 1


def test_headers_beyond_ten_kilobytes_are_cut_off(send, events):
    many = b"".join(b"X-Long-%d: %s\r\n" % (n, b"y" * 900) for n in range(20))
    raw = b"From: a@news.example.com\r\nSubject: x\r\n" + many + b"\r\nHello"
    send("silent@reader.example", Content={"Raw": {"Data": raw}})
    [event] = events(1)
    assert event["mail"]["headersTruncated"] is True
    assert len(event["mail"]["headers"]) < 15


def test_a_blackout_holds_the_feed_back_and_loses_nothing(simulator, send, events):
    simulator.plan(events={"blackout": True})
    send()
    eventually(lambda: simulator.counters()["held"] == 2)
    simulator.plan(events={"blackout": False})
    assert [each["eventType"] for each in events(2)] == ["Send", "Delivery"]


def test_duplicates_may_be_all_and_drops_may_be_all(simulator, send, events):
    simulator.plan(events={"duplicates": 1})
    told = send()
    found = events(4)
    assert Counter(each["eventType"] for each in found) == {"Send": 2, "Delivery": 2}
    assert {each["mail"]["messageId"] for each in found} == {told["MessageId"]}
    simulator.plan(events={"duplicates": 0, "drop": 1})
    before = simulator.counters()["events"].get("dropped", 0)
    send()
    eventually(lambda: simulator.counters()["events"].get("dropped", 0) == before + 2)


def test_a_published_duplicate_has_a_message_id_of_its_own(simulator, send, events):
    simulator.plan(events={"duplicates": 1})
    send("silent@reader.example")
    first, second = events(2, envelopes=True)
    assert first["MessageId"] != second["MessageId"]
    assert first["Message"] == second["Message"]


def test_the_journal_knows_each_fate_and_can_be_told_again(simulator, send, events, accepted):
    send("bounce-mailboxfull@reader.example")
    send()
    first = events(4)
    assert [line["fate"] for line in accepted()] == ["bounce-mailboxfull", ""]
    since = accepted()[0]["at"]
    assert simulator.control("POST", "replay", {"since": since}) == {"messages": 2}
    again = events(4)
    assert {fact(each) for each in again} == {fact(each) for each in first}


def fact(event):
    return (
        event["eventType"],
        event["mail"]["messageId"],
        str(event["mail"]["tags"]["tpma-attempt"]),
    )


# The same feed without a process: order, chance and time can be held still.


class Told:
    """Keeps what would have been published."""

    def __init__(self):
        self.messages = []

    def publish(self, _topic, _subject, message):
        self.messages.append(message)


def feed(**knobs):
    now = [1000.0]
    clock = Clock(lambda: now[0])
    agenda, told = Agenda(clock), Told()
    destination = {
        "Enabled": True,
        "MatchingEventTypes": ["SEND", "DELIVERY"],
        "SnsDestination": {"TopicArn": "topic"},
    }
    state = State(
        configuration_sets={"cs": ConfigurationSet("cs", destinations={"d": destination})}
    )
    settled = Knobs(seed=knobs.pop("seed", 1))
    for name, value in knobs.items():
        setattr(settled.events, name, value)
    return Feed(clock, agenda, told, state, settled), agenda, told, now


def mail(number):
    return Accepted(
        f"m{number}", 1000.0, "a@b.example", "arn", [f"p{number}@r.example"], [], [], "cs", "",
        "127.0.0.1", "1",
    )  # fmt: skip


def played(seconds=60, **knobs):
    chosen, agenda, told, now = feed(**knobs)
    for number in range(200):
        made = mail(number)
        chosen.follow(made, [(made.destination[0], happenings(""))])
    agenda.act()
    now[0] += seconds
    while len(agenda):
        agenda.act()
        now[0] += 1
    return told.messages


def test_without_a_window_events_come_in_order():
    found = played(delay=10, reorder=0)
    assert [('"Send"' in each) for each in found] == [True] * 200 + [False] * 200


def test_within_a_window_events_overtake_each_other_the_same_way_for_a_seed():
    first = played(delay=1, reorder=30, seed=5)
    assert first == played(delay=1, reorder=30, seed=5)
    assert first != played(delay=1, reorder=30, seed=6)
    assert Counter(first) == Counter(played(delay=1, reorder=0))
    at = {key: n for n, each in enumerate(first) for key in [key_of(each)]}
    overtaken = sum(at["Delivery", n] < at["Send", n] for n in map(str, range(200)))
    assert 60 < overtaken < 140


def key_of(message):
    kind = "Send" if '"eventType":"Send"' in message else "Delivery"
    return kind, message.split('"messageId":"m')[1].split('"')[0]


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_shares_of_duplicates_and_drops_are_kept(share):
    assert abs(len(played(duplicates=share)) / 400 - (1 + share)) < 0.06
    assert abs(len(played(drop=share)) / 400 - (1 - share)) < 0.06


def test_a_delivery_waits_for_its_moment():
    chosen, agenda, told, now = feed(delay=10)
    chosen.follow(mail(1), [("p1@r.example", happenings(""))])
    agenda.act()
    assert len(told.messages) == 1
    now[0] += 10
    agenda.act()
    assert iso(1010.0) in told.messages[1]
