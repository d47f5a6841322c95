"""What SES takes and what it refuses, asked by boto3."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from tests.simulator.stage import RAW, eventually
from tpma.simulator import grammar
from tpma.simulator.errors import Refusal

SIMPLE = {"Subject": {"Data": "An offer"}, "Body": {"Text": {"Data": "Hello"}}}
TEMPLATE = {"TemplateContent": {"Subject": "Hello {{name}}", "Text": "Dear {{name}}"}}


def refusal(send, *args, **changes):
    with pytest.raises(ClientError) as caught:
        send(*args, **changes)
    answer = caught.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status, answer["Error"]["Code"], answer["Error"]["Message"]


def test_an_accepted_mail_is_in_the_journal_with_the_bytes_it_had(simulator, send, accepted):
    told = send(EmailTags=[{"Name": "tpma-attempt", "Value": "one"}])
    [line] = accepted()
    assert line["message_id"] == told["MessageId"]
    assert (line["attempt"], line["recipient"]) == ("one", "ada@reader.example")
    assert (line["sha256"], line["bytes"]) == (hashlib.sha256(RAW).hexdigest(), len(RAW))
    assert simulator.control("GET", f"raw/{told['MessageId']}") == RAW


def test_message_ids_are_shaped_like_those_of_ses_and_differ(send):
    found = {send()["MessageId"] for _ in range(5)}
    assert len(found) == 5
    assert all(re.fullmatch(r"[0-9a-f]{16}(-[0-9a-f]+){5}-000000", each) for each in found)


def test_every_answer_has_a_request_id(send):
    assert send()["ResponseMetadata"]["RequestId"]


def test_each_recipient_has_a_line(send, accepted):
    send(Destination={"ToAddresses": ["a@r.example"], "BccAddresses": ["b@r.example"]})
    assert [line["recipient"] for line in accepted()] == ["a@r.example", "b@r.example"]


def test_without_a_destination_the_headers_name_the_recipients(send, accepted):
    send(Destination=None, FromEmailAddress=None)
    assert [(x["recipient"], x["from"]) for x in accepted()] == [
        ("ada@reader.example", "news@news.example.com")
    ]


def test_the_attempt_may_stand_in_a_header(send, accepted):
    send(EmailTags=None)
    assert accepted()[0]["attempt"] == "header-attempt"


def test_an_attempt_submitted_twice_is_counted(simulator, send):
    key = "accepted.same_attempt_again"
    before = simulator.counters()["counters"].get(key, 0)
    for _ in range(2):
        send(EmailTags=[{"Name": "tpma-attempt", "Value": "twice"}])
    assert simulator.counters()["counters"][key] == before + 1


def test_simple_content_becomes_a_message(simulator, send):
    headers = [{"Name": "List-Unsubscribe", "Value": "<https://x.example/u/1>"}]
    told = send(Content={"Simple": {**SIMPLE, "Headers": headers}})
    raw = simulator.control("GET", f"raw/{told['MessageId']}")
    assert b"List-Unsubscribe: <https://x.example/u/1>\r\n" in raw
    assert b"Subject: An offer\r\n" in raw


def test_an_inline_template_is_filled(simulator, send):
    told = send(Content={"Template": {**TEMPLATE, "TemplateData": '{"name": "Ada"}'}})
    assert b"Subject: Hello Ada" in simulator.control("GET", f"raw/{told['MessageId']}")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Content": None}, "Value null at 'content'"),
        ({"Content": {}}, "Exactly one member of Content"),
        ({"Content": {"Raw": {"Data": RAW}, "Simple": SIMPLE}}, "Exactly one member of Content"),
        ({"Content": {"Simple": {"Subject": {"Data": "x"}}}}, "null at 'content.simple.body'"),
        (
            {"Content": {"Simple": {**SIMPLE, "Headers": [{"Name": "A:b", "Value": "x"}]}}},
            "'content.simple.headers.1.member.name' failed to satisfy constraint: Member must"
            " satisfy regular expression",
        ),
        (
            {"Content": {"Simple": {**SIMPLE, "Headers": [{"Name": "A", "Value": "é"}]}}},
            "headers.1.member.value' failed to satisfy constraint: Member must satisfy regular",
        ),
        (
            {"Content": {"Simple": {**SIMPLE, "Headers": [{"Name": "A", "Value": "x" * 996}]}}},
            "less than or equal to 995",
        ),
        (
            {"Content": {"Simple": {**SIMPLE, "Headers": [{"Name": "Ab", "Value": "x" * 995}]}}},
            "996 characters together",
        ),
        (
            {"Content": {"Simple": {**SIMPLE, "Headers": [{"Name": "A", "Value": "x"}] * 16}}},
            "headers' failed to satisfy constraint: Member must have length less than or equal",
        ),
        ({"TenantName": ""}, "greater than or equal to 1"),
        (
            {"ConfigurationOverrides": {"Tracking": {"OpenTrackingEnabled": "MAYBE"}}},
            "enum value set: [ENABLED, DISABLED]",
        ),
        ({"Content": {"Template": {**TEMPLATE, "TemplateData": "x" * 262_145}}}, "262144"),
        ({"Content": {"Template": {**TEMPLATE, "TemplateData": "[]"}}}, "JSON object"),
        ({"EmailTags": [{"Name": "a b", "Value": "x"}]}, "Invalid tag name"),
        ({"EmailTags": [{"Name": "a", "Value": "x.y"}]}, "Invalid tag value"),
        ({"EmailTags": [{"Name": "a", "Value": "x" * 257}]}, "Invalid tag value"),
        ({"Destination": {"ToAddresses": ["nobody"]}}, "Missing final '@domain'"),
        ({"Destination": {"ToAddresses": ["a\r\nBcc: b@c.example"]}}, "line break"),
        ({"Destination": {"ToAddresses": ["jürgen@r.example"]}}, "Local address"),
        ({"Destination": {"ToAddresses": ["a..b@r.example"]}}, "Local address"),
        ({"Destination": {"ToAddresses": ["a@bücher.example"]}}, "Domain contains illegal"),
        ({"Destination": {"ToAddresses": ["a@r.example"] * 51}}, "exceeds 50"),
        ({"Content": {"Raw": {"Data": b"Subject: x\r\n\r\n"}}}, "required header 'From'"),
        ({"Content": {"Raw": {"Data": b"Subject: a\r\n" + RAW}}}, "Duplicate header 'Subject'"),
        ({"Content": {"Raw": {"Data": b"X: " + b"y" * 996 + b"\r\n" + RAW}}}, "998 characters"),
        ({"Content": {"Raw": {"Data": "X: ü\r\n".encode() + RAW}}}, "non-ASCII"),
        ({"Content": {"Raw": {"Data": b"X: a\rB: c\r\n" + RAW}}}, "bare carriage return"),
    ],
)
def test_a_malformed_request_is_refused_and_the_place_is_named(send, accepted, changes, told):
    status, code, message = refusal(send, **changes)
    assert (status, code) == (400, "BadRequestException")
    assert told in message
    assert accepted() == []


def test_a_refusal_does_not_repeat_what_was_sent(send):
    assert "secret" not in refusal(send, "secret person@r.example")[2]


def test_forty_megabytes_are_the_most():
    with pytest.raises(Refusal, match="BadRequest") as refused:
        grammar.size(b"x" * (grammar.MOST_BYTES + 1))
    assert "41943040" in refused.value.message


def test_an_unknown_sender_is_refused(send):
    status, code, message = refusal(send, FromEmailAddress="a@elsewhere.example")
    assert (status, code) == (400, "MessageRejected")
    assert message == (
        "Email address is not verified. The following identities failed the check in region"
        " EU-WEST-1: a@elsewhere.example"
    )


def test_a_domain_covers_its_subdomains_and_addresses(send, accepted):
    send(FromEmailAddress="x@deep.news.example.com")
    assert len(accepted()) == 1


def test_the_sandbox_wants_verified_recipients(simulator, send):
    simulator.plan(account={"production": False})
    assert "reader.example" in refusal(send)[2]
    send("success@simulator.amazonses.com")


def test_an_unknown_configuration_set_is_named(send):
    assert refusal(send, ConfigurationSetName="none") == (
        404, "NotFoundException", "Configuration set none does not exist.",
    )  # fmt: skip


def test_a_paused_configuration_set_sends_nothing(ses, send, number):
    name = f"set{number}"
    ses.create_configuration_set(
        ConfigurationSetName=name, SendingOptions={"SendingEnabled": False}
    )
    assert refusal(send, ConfigurationSetName=name)[1] == "SendingPausedException"
    ses.put_configuration_set_sending_options(ConfigurationSetName=name, SendingEnabled=True)
    send(ConfigurationSetName=name)


def test_a_paused_account_sends_nothing(ses, send, accepted):
    ses.put_account_sending_attributes(SendingEnabled=False)
    assert ses.get_account()["SendingEnabled"] is False
    assert refusal(send)[1:] == (
        "SendingPausedException",
        "Sending paused for this account. For more information, please check the inbox of the"
        " email address associated with your AWS account.",
    )
    assert accepted() == []


def test_an_account_shut_down_is_suspended(simulator, ses, send):
    simulator.plan(account={"enforcement": "SHUTDOWN"})
    assert ses.get_account()["EnforcementStatus"] == "SHUTDOWN"
    assert refusal(send)[1] == "AccountSuspendedException"


def test_a_mail_from_domain_that_must_work_stops_the_mail_until_it_does(
    simulator, ses, send, number
):
    domain = f"d{number}.example"
    ses.create_email_identity(EmailIdentity=domain)
    simulator.control("PUT", f"dns/{domain}", {"dkim": "published"})
    ses.put_email_identity_mail_from_attributes(
        EmailIdentity=domain,
        MailFromDomain=f"bounce.{domain}",
        BehaviorOnMxFailure="REJECT_MESSAGE",
    )
    sender = {"FromEmailAddress": f"a@{domain}"}
    assert refusal(send, **sender)[1] == "MailFromDomainNotVerifiedException"
    simulator.control("PUT", f"dns/{domain}", {"mail_from": "published"})
    send(**sender)


def test_contact_lists_are_not_kept(send):
    told = refusal(send, ListManagementOptions={"ContactListName": "all"})
    assert told[1] == "NotFoundException"


def test_a_request_without_a_signature_is_nobodys(simulator):
    unsigned = simulator.client("sesv2", signature_version=UNSIGNED)
    status, code, message = refusal(unsigned.get_account)
    assert (status, code) == (403, "MissingAuthenticationTokenException")
    assert message == "Missing Authentication Token"


def test_a_signature_for_another_region_is_refused(simulator):
    elsewhere = simulator.client("sesv2", region_name="us-east-1")
    assert refusal(elsewhere.get_account)[1] == "InvalidSignatureException"


def test_a_signature_older_than_five_minutes_is_refused(simulator):
    client = simulator.client("sesv2")

    def age(request, **_more):
        old = datetime.now(UTC) - timedelta(minutes=6)
        request.headers["X-Amz-Date"] = old.strftime("%Y%m%dT%H%M%SZ")

    client.meta.events.register("before-send.sesv2", age)
    assert "expired" in refusal(client.get_account)[2]


def test_what_the_simulator_has_not_is_told(ses):
    assert refusal(ses.list_contact_lists)[:2] == (501, "NotImplementedException")


def test_counters_name_what_was_refused(simulator, send):
    refusal(send, FromEmailAddress="a@elsewhere.example")
    assert eventually(lambda: simulator.counters()["counters"]["refused.MessageRejected"])
