"""SendBulkEmail: what one call proves of each of its mails, and what their readers get."""

import json
import threading
import time
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from uuid import UUID

import boto3
import pytest
from botocore.config import Config

from tests.contracts.ses_server import (
    ScriptedSes,
    answers_without,
    drops,
    fails,
    hangs,
    proxy_page,
)
from tests.factories import rendering as factory
from tpma.adapters import ses_bulk
from tpma.adapters.mail_ses import SesMail
from tpma.core.clock import utc_now
from tpma.core.errors import Invalid
from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.ports.mail import BulkTransport, Outcome, Scope
from tpma.rendering.facts import Person
from tpma.rendering.mail import compile_mail
from tpma.sending.envelopes import From, Recipient, build, paper_of, raw_hash
from tpma.simulator import composing

ACCEPTED, NOT_SENT, REFUSED, MAYBE = (
    Outcome.ACCEPTED, Outcome.NOT_SENT, Outcome.REFUSED, Outcome.MAYBE,
)  # fmt: skip
SIGNER, SETTINGS = Signer("test-secret"), Settings(secret_key="test-secret")
SKELETON = compile_mail(
    factory.content(),
    "email1",
    "en",
    requested="en-US",
    brand=factory.brand(),
    vendor=factory.vendor(),
    launch=factory.facts_of_launch(),
    slots={},
    link_numbers={"cta": 0, "site": 1},
    countries=["US", "DE"],
)
SKELETON = replace(
    SKELETON, footers=SKELETON.footers | {"DE": ("<p>Impressum</p>", "Impressum"), "US": ("a", "b")}
)
SENDER = From(
    base_url="http://localhost:8000",
    tenant_id=UUID(int=7),
    name="Grüße, Dana",
    address="campaigns@brightline.mail.tpma.example",
    reply_to="dana@brightline.example",
    code="HC-SEC-7K3M9QA",
    vendor_slug="helio",
    partner_slug="brightline",
)
PRIYA = Person("Priya", "Arun", "Harborpoint", "US")


def envelope(number=1, person=PRIYA, forms=None, skeleton=SKELETON, **changes):
    made = build(
        skeleton,
        Recipient(number, 1, 0, "en", 1, UUID(int=0), f"reader{number}@reader.example", person),
        paper_of(SENDER, SETTINGS, utc_now()),
        attempt_id=UUID(int=number),
        token=SIGNER.token(number),
        forms={} if forms is None else forms,
    )
    return replace(made, **changes)


def fifty():
    forms = {}
    return [envelope(number, forms=forms) for number in range(50)]


@pytest.fixture
def server():
    found = ScriptedSes()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    found.over.set()
    found.shutdown()
    thread.join(5)
    found.server_close()


@pytest.fixture
def ses(server):
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=1)
    client = boto3.client(
        "sesv2",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    yield SesMail(client, "tpma-events", bulk=True)
    client.close()


def soon():
    return time.clock_gettime(time.CLOCK_BOOTTIME) + 30


def entries(*told):
    return answers_without({"BulkEmailEntryResults": list(told)})


_STATUSES = [
    ("SUCCESS", ACCEPTED, Scope.MESSAGE),
    ("MESSAGE_REJECTED", REFUSED, Scope.MESSAGE),
    ("INVALID_PARAMETER", REFUSED, Scope.MESSAGE),
    ("MAIL_FROM_DOMAIN_NOT_VERIFIED", NOT_SENT, Scope.IDENTITY),
    ("CONFIGURATION_SET_NOT_FOUND", NOT_SENT, Scope.CONFIG),
    ("TEMPLATE_NOT_FOUND", NOT_SENT, Scope.CONFIG),
    ("INVALID_SENDING_POOL_NAME", NOT_SENT, Scope.CONFIG),
    ("ACCOUNT_SUSPENDED", NOT_SENT, Scope.ACCOUNT),
    ("ACCOUNT_THROTTLED", NOT_SENT, Scope.ACCOUNT),
    ("ACCOUNT_DAILY_QUOTA_EXCEEDED", NOT_SENT, Scope.ACCOUNT),
    ("ACCOUNT_SENDING_PAUSED", NOT_SENT, Scope.ACCOUNT),
    ("CONFIGURATION_SET_SENDING_PAUSED", NOT_SENT, Scope.TENANT),
    ("TRANSIENT_FAILURE", MAYBE, Scope.MESSAGE),
    ("FAILED", MAYBE, Scope.MESSAGE),
    ("NOT_IN_THE_MODEL", MAYBE, Scope.MESSAGE),
    ("", MAYBE, Scope.MESSAGE),
]


def test_each_entry_has_the_outcome_its_own_status_proves(server, ses):
    told = [
        {"Status": status, "Error": "said", "MessageId": f"ses-{place}"}
        for place, (status, _outcome, _scope) in enumerate(_STATUSES)
    ]
    server.answer = entries(*told)
    results = ses.send_batch(fifty()[: len(_STATUSES)], soon())
    assert [(r.outcome, r.scope) for r in results] == [(o, s) for _status, o, s in _STATUSES]
    assert [r.provider_id for r in results if r.provider_id] == ["ses-0"]
    assert all(r.retry_after for r in results if r.outcome is NOT_SENT)
    assert len(server.got) == 1


@pytest.mark.parametrize(
    ("entry", "outcome"),
    [
        ({"Status": "SUCCESS"}, MAYBE),
        ({}, MAYBE),
        ("SUCCESS", MAYBE),
        ({"Status": "MESSAGE_REJECTED", "Error": "Email address is not verified."}, NOT_SENT),
    ],
)
def test_an_entry_that_says_less_than_it_should(server, ses, entry, outcome):
    server.answer = entries(entry)
    assert [r.outcome for r in ses.send_batch(fifty()[:1], soon())] == [outcome]


_OF_THE_CALL = [
    (entries(*[{"Status": "SUCCESS", "MessageId": "x"}] * 49), MAYBE),
    (entries(*[{"Status": "SUCCESS", "MessageId": "x"}] * 51), MAYBE),
    (answers_without({}), MAYBE),
    (answers_without(b"<html>"), MAYBE),
    (drops, MAYBE),
    (hangs, MAYBE),
    (fails(500, "InternalServiceErrorException"), MAYBE),
    (proxy_page(404), MAYBE),
    (fails(429, "TooManyRequestsException"), NOT_SENT),
    (fails(400, "SendingPausedException"), NOT_SENT),
    (fails(400, "BadRequestException"), REFUSED),
]


@pytest.mark.parametrize(("answer", "outcome"), _OF_THE_CALL)
def test_what_is_said_of_the_call_is_said_of_all_fifty(server, ses, answer, outcome):
    server.answer = answer
    results = ses.send_batch(fifty(), soon())
    assert [r.outcome for r in results] == [outcome] * 50
    assert len(server.got) == 1


def test_no_call_begins_after_its_deadline(server, ses):
    results = ses.send_batch(fifty(), soon() - 31)
    assert {r.code for r in results} == {"DeadlinePassed"}
    assert server.got == []


def test_only_where_it_is_switched_on(ses):
    assert ses.capabilities.batch_max == 50
    assert isinstance(ses, BulkTransport)
    assert SesMail(ses._client, "").capabilities.batch_max == 1


# --- what readers get

NAMES = ["Priya", '<b>O\'Neil & "sons"</b>', "مريم", "{{token}}", "a = b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_gets_the_mail_a_call_of_its_own_would_bring(name):
    person = Person(name, "Arun", name, "US")
    one = envelope(person=person)
    request = ses_bulk.request([one], "tpma")
    template = composing.read_template(request["DefaultContent"]["Template"])
    mail = composing.from_bulk_entry(request, request["BulkEmailEntries"][0], template, "")

    assert mail.failure == ""
    read = message_from_bytes(mail.raw, policy=default)
    text, html = (part.get_content().replace("\r\n", "\n") for part in read.iter_parts())
    token = SIGNER.token(1)
    assert html.strip() == SKELETON.html(person, token).strip()
    assert text.strip() == SKELETON.text(person, token).strip()
    assert read["Subject"] == SKELETON.subject(person)
    assert read["To"].addresses[0].addr_spec == "reader1@reader.example"
    assert read["From"].addresses[0].display_name == SENDER.name
    assert read["Reply-To"] == SENDER.reply_to
    assert (mail.destination, dict(mail.tags)) == (["reader1@reader.example"], one.tags)


def test_the_headers_of_a_launch_and_of_a_reader_are_all_there():
    request = ses_bulk.request([envelope()], "")
    shared = {h["Name"] for h in request["DefaultContent"]["Template"]["Headers"]}
    own = {h["Name"]: h["Value"] for h in request["BulkEmailEntries"][0]["ReplacementHeaders"]}
    assert shared == {"List-Id", "List-Unsubscribe-Post", "Feedback-ID", "X-TPMA-Code"}
    assert own["X-TPMA-Attempt"] == UUID(int=1).hex
    assert own["List-Unsubscribe"].startswith(f"<{SETTINGS.base_url}/u/{SIGNER.token(1)}>")


def test_readers_of_one_country_share_a_form_and_those_of_others_do_not():
    forms = {}
    made = [
        envelope(n, person=replace(PRIYA, country=country), forms=forms)
        for n, country in enumerate(["US", "US", "DE", "FR", "IT"])
    ]
    digests = [one.filled.form.digest for one in made]
    assert digests[0] == digests[1] != digests[2]
    assert digests[3] == digests[4] != digests[0]
    assert len(forms) == 3


def test_the_hash_of_an_attempt_is_of_everything_that_leaves():
    one = envelope()
    assert raw_hash(one) == raw_hash(envelope())
    assert raw_hash(one) != raw_hash(envelope(person=replace(PRIYA, first_name="Ada")))
    assert raw_hash(one) != raw_hash(envelope(person=replace(PRIYA, country="DE")))


@pytest.mark.parametrize("run", ["Save {{now}}", "Save {{ now }}", "a {"])
def test_words_a_provider_would_take_for_a_field_are_refused(run):
    spoilt = replace(SKELETON, text_runs=(run, *SKELETON.text_runs[1:]))
    with pytest.raises(Invalid, match="curly"):
        envelope(skeleton=spoilt)


def _filled(**changes):
    filled = envelope().filled
    return {"filled": replace(filled, **changes)}


@pytest.mark.parametrize(
    "changes",
    [
        {"rcpt_to": "ada@reader.example, eve@reader.example"},
        {"mail_from": "campaigns@brightline.example\n"},
        {"tags": {"tpma-launch": "HC SEC"}},
        {"tags": {"tpma-launch": ""}},
        {"tags": {"tpma-launch": "x" * 257}},
        _filled(headers=(("X-A", "one\r\nBcc: all@reader.example"),)),
        _filled(headers=(("X-A", "one\nX-B: two"),)),
        _filled(headers=(("X-A", ""),)),
        _filled(headers=(("X-A: one", "two"),)),
        _filled(headers=(("X-A", "Angebot für Sie"),)),
        _filled(headers=(("X-A", "x" * 996),)),
        _filled(headers=tuple((f"X-{n}", "x") for n in range(12))),
        _filled(headers=(("X A", "x"),)),
        _filled(values={"token": "x" * 262_144}),
        _filled(to="Ada\r\nBcc: all@reader.example <ada@reader.example>"),
        _filled(form=replace(envelope().filled.form, subject="one\ntwo")),
        _filled(form=replace(envelope().filled.form, html="x" * 500_001)),
    ],
)
def test_ses_is_not_asked_to_send_what_is_no_clean_entry(ses, changes):
    assert ses.problems(envelope(**changes))


def test_a_clean_entry_has_no_problems(ses):
    assert ses.problems(envelope()) == []
    assert json.dumps(ses_bulk.request(fifty(), ""))
