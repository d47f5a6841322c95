"""Envelopes, their signatures, the handshake and the retries of SNS."""

import base64
import json
import ssl
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.simulator.stage import eventually

ORDER = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip


def fetch(simulator, url):
    """Over TLS, trusting nobody but the simulator's own authority."""
    context = ssl.create_default_context(cafile=simulator.told["ca"])
    with urllib.request.urlopen(url, context=context, timeout=5) as answer:
        return answer.read()


def verify(simulator, envelope):
    """As a receiver does: certificate by its address, its issuer, then the signature."""
    pem = fetch(simulator, envelope["SigningCertURL"])
    certificate = x509.load_pem_x509_certificate(pem)
    authority = x509.load_pem_x509_certificate(simulator.control("GET", "ca"))
    certificate.verify_directly_issued_by(authority)
    names = [name for name in ORDER[envelope["Type"]] if name in envelope]
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names)
    digest = {"1": hashes.SHA1(), "2": hashes.SHA256()}[envelope["SignatureVersion"]]
    signature = base64.b64decode(envelope["Signature"])
    certificate.public_key().verify(signature, text.encode(), padding.PKCS1v15(), digest)


@pytest.fixture
def topic(simulator, number):
    """A topic of the test's own, with a configuration set that publishes to it."""

    def topic(version="1"):
        name = f"topic{number}"
        arn = simulator.sns.create_topic(Name=name, Attributes={"SignatureVersion": version})
        simulator.plan(configuration_sets={name: {"topic": name}})
        return arn["TopicArn"], name

    return topic


def subscribe(simulator, arn, subscriber):
    told = simulator.sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=subscriber.address)
    assert told["SubscriptionArn"] == "pending confirmation"
    return eventually(lambda: subscriber.got)[0]


def confirmed(simulator, arn, subscriber):
    _headers, asked = subscribe(simulator, arn, subscriber)
    told = simulator.sns.confirm_subscription(TopicArn=arn, Token=asked["Token"])
    subscriber.got.clear()
    return told["SubscriptionArn"]


def test_the_queue_gets_the_whole_envelope_signed(simulator, send, events):
    send()
    for envelope in events(2, envelopes=True):
        assert envelope["Type"] == "Notification"
        assert envelope["SignatureVersion"] == "1"
        assert envelope["Subject"] == "Amazon SES Email Event Notification"
        assert envelope["Message"].endswith("}\n")
        verify(simulator, envelope)


def test_a_changed_envelope_does_not_verify(simulator, send, events):
    send("silent@reader.example")
    [envelope] = events(1, envelopes=True)
    envelope["Message"] = envelope["Message"].replace("Send", "Bounce")
    with pytest.raises(InvalidSignature):
        verify(simulator, envelope)


def test_the_address_of_certificates_can_be_that_of_aws(simulator, send, events):
    simulator.plan(sns={"base_url": "https://sns.eu-west-1.amazonaws.com"})
    send("silent@reader.example")
    [envelope] = events(1, envelopes=True)
    parts = urlsplit(envelope["SigningCertURL"])
    assert parts.hostname == "sns.eu-west-1.amazonaws.com"
    assert parts.path.startswith("/SimpleNotificationService-")
    envelope["SigningCertURL"] = simulator.told["tls_address"] + parts.path
    verify(simulator, envelope)


def test_the_certificate_of_the_door_is_good_for_the_host_of_sns(simulator):
    port = urlsplit(simulator.told["tls_address"]).port
    context = ssl.create_default_context(cafile=simulator.told["ca"])
    import socket

    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="sns.eu-west-1.amazonaws.com") as secure,
    ):
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_handshake_and_then_the_events_are_posted_and_signed(
    simulator, send, topic, subscriber, version
):
    arn, name = topic(version)
    headers, asked = subscribe(simulator, arn, subscriber)
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert asked["TopicArn"] == arn
    verify(simulator, asked)
    told = simulator.sns.confirm_subscription(TopicArn=arn, Token=asked["Token"])
    send("silent@reader.example", ConfigurationSetName=name)
    headers, envelope = eventually(lambda: subscriber.got[1:])[0]
    assert headers["x-amz-sns-message-type"] == "Notification"
    assert headers["x-amz-sns-topic-arn"] == arn
    assert headers["x-amz-sns-message-id"] == envelope["MessageId"]
    assert headers["x-amz-sns-subscription-arn"] == told["SubscriptionArn"]
    assert json.loads(envelope["Message"])["eventType"] == "Send"
    assert envelope["SignatureVersion"] == version
    assert parse_qs(urlsplit(envelope["UnsubscribeURL"]).query)["SubscriptionArn"] == [
        told["SubscriptionArn"]
    ]
    verify(simulator, envelope)


def test_the_link_of_the_handshake_confirms_too(simulator, topic, subscriber):
    arn, _name = topic()
    _headers, asked = subscribe(simulator, arn, subscriber)
    assert b"ConfirmSubscriptionResult" in fetch(simulator, asked["SubscribeURL"])
    listed = simulator.sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert [each["SubscriptionArn"].startswith(arn + ":") for each in listed] == [True]


def test_nothing_is_posted_before_the_handshake(simulator, send, topic, subscriber):
    arn, name = topic()
    subscribe(simulator, arn, subscriber)
    send("silent@reader.example", ConfigurationSetName=name)
    send("silent@reader.example", ConfigurationSetName=name)
    eventually(lambda: simulator.counters()["pending"] == 0)
    assert len(subscriber.got) == 1


def test_a_wrong_token_confirms_nothing(simulator, topic, subscriber):
    arn, _name = topic()
    subscribe(simulator, arn, subscriber)
    with pytest.raises(ClientError, match="Token"):
        simulator.sns.confirm_subscription(TopicArn=arn, Token="x" * 64)


@pytest.mark.parametrize("trouble", [500, 503, 429])
def test_trouble_is_tried_again_with_the_same_envelope(simulator, send, topic, subscriber, trouble):
    arn, name = topic()
    confirmed(simulator, arn, subscriber)
    subscriber.statuses[:] = [trouble, trouble]
    send("silent@reader.example", ConfigurationSetName=name)
    for tries in (1, 2, 3):
        eventually(lambda tries=tries: len(subscriber.got) == tries)
        if tries < 3:
            eventually(lambda: simulator.counters()["pending"])
            simulator.forward(20)
    assert len({envelope["Signature"] for _headers, envelope in subscriber.got}) == 1


def test_a_refusal_of_the_receiver_is_final(simulator, send, topic, subscriber):
    arn, name = topic()
    confirmed(simulator, arn, subscriber)
    refused = simulator.counters()["posts"].get("refused", 0)
    subscriber.statuses[:] = [403]
    send("silent@reader.example", ConfigurationSetName=name)
    eventually(lambda: simulator.counters()["posts"].get("refused", 0) == refused + 1)
    simulator.forward(100)
    assert len(subscriber.got) == 1


def test_after_its_retries_sns_gives_up(simulator, send, topic, subscriber):
    simulator.plan(sns={"retries": 1, "retry_delay": 0})
    arn, name = topic()
    confirmed(simulator, arn, subscriber)
    given_up = simulator.counters()["posts"].get("given up", 0)
    subscriber.statuses[:] = [500] * 5
    send("silent@reader.example", ConfigurationSetName=name)
    eventually(lambda: simulator.counters()["posts"].get("given up", 0) == given_up + 1)
    assert len(subscriber.got) == 2


def test_an_unsubscribed_address_hears_no_more(simulator, send, topic, subscriber):
    arn, name = topic()
    simulator.sns.unsubscribe(SubscriptionArn=confirmed(simulator, arn, subscriber))
    send("silent@reader.example", ConfigurationSetName=name)
    eventually(lambda: simulator.counters()["pending"] == 0)
    assert subscriber.got == []


@pytest.mark.parametrize(
    ("protocol", "endpoint", "told"),
    [
        ("https", "https://elsewhere.example/hook", "--may-call elsewhere.example"),
        ("https", "http://127.0.0.1:1/", "match the protocol"),
        ("email", "a@b.example", "match the protocol"),
        ("sqs", "arn:aws:sqs:eu-west-1:123456789012:none", "SQS endpoint"),
    ],
)
def test_only_addresses_that_may_be_called_are_subscribed(
    simulator, topic, protocol, endpoint, told
):
    arn, _name = topic()
    with pytest.raises(ClientError, match=told):
        simulator.sns.subscribe(TopicArn=arn, Protocol=protocol, Endpoint=endpoint)


def test_an_unknown_topic_is_not_found(simulator):
    with pytest.raises(ClientError) as caught:
        simulator.sns.get_topic_attributes(TopicArn="arn:aws:sns:eu-west-1:123456789012:none")
    assert caught.value.response["Error"]["Code"] == "NotFound"
