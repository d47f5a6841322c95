"""What every way out for mail promises; then what SES and the outbox promise beyond it.

The same cases go through the local outbox, SMTP and SES. Their other ends are servers that do as
they are told and count what reaches them; the adapters and the network in between are real.
"""

import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts import smtp_server as talk
from tests.contracts.ses_server import (
    ScriptedSes,
    accepts,
    answers_without,
    drops,
    fails,
    hangs,
    proxy_page,
)
from tests.contracts.smtp_server import ScriptedSmtp
from tpma.adapters.mail_outbox import OutboxMail
from tpma.adapters.mail_ses import SesMail
from tpma.adapters.mail_smtp import SmtpMail
from tpma.adapters.smtp_session import Patience
from tpma.adapters.verp import Verp
from tpma.core.servers import smtp_server
from tpma.core.signing import Signer
from tpma.ports.mail import Envelope, Lookup, Outcome, Scope, SendResult

RAW = (
    b"From: Dana <campaigns@brightline.mail.example>\r\nTo: ada@reader.example\r\n"
    b"Subject: An offer\r\n\r\nHello\r\n"
)


def envelope(**changes):
    values = {
        "attempt_id": "a" * 32,
        "name": "m1-g1",
        "mail_from": "campaigns@brightline.mail.example",
        "rcpt_to": "ada@reader.example",
        "raw": RAW,
        "tags": {"tpma-attempt": "a" * 32, "tpma-launch": "HC-SEC-7K3M9QA", "tpma-env": "local"},
    }
    return Envelope(**values | changes)


def soon():
    return time.clock_gettime(time.CLOCK_BOOTTIME) + 30


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


def client(port, **config):
    settled = {
        "retries": {"total_max_attempts": 1}, "connect_timeout": 3, "read_timeout": 3,
        "parameter_validation": False,
    }  # fmt: skip
    return boto3.client(
        "sesv2",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(**settled | config),
    )


@pytest.fixture
def ses(server):
    mail = SesMail(client(server.server_address[1]), "tpma-events")
    yield mail
    mail._client.close()


# --- every way out


@dataclass
class Way:
    """A transport, the faults its other end knows, and what has reached that end."""

    mail: object
    cause: dict = field(default_factory=dict)  # fault → makes it happen from now on
    arrived: object = None  # () → the raw mails the other end holds

    def meets(self, fault):
        if fault not in self.cause:
            pytest.skip(f"{self.mail.name} cannot meet: {fault}")
        self.cause[fault]()


@pytest.fixture
def by_outbox(tmp_path):
    folder = tmp_path / "way"
    mail = OutboxMail(folder)
    return Way(
        mail,
        {
            "takes it": lambda: None,
            "not now": (folder / "tmp").rmdir,
            "cannot be reached": (folder / "tmp").rmdir,
        },
        lambda: [file.read_bytes() for file in (folder / "new").iterdir()],
    )


@pytest.fixture
def by_ses(server):
    made = SesMail(client(server.server_address[1], read_timeout=0.5), "tpma-events")

    def answers(answer):
        return lambda: setattr(server, "answer", answer)

    def nowhere():
        made._client.close()
        way.mail = SesMail(client(1), "")

    way = Way(
        made,
        {
            "takes it": answers(accepts),
            "not now": answers(fails(429, "TooManyRequestsException")),
            "cannot be reached": nowhere,
            "will not have us": answers(fails(403, "AccessDeniedException")),
            "refuses the sender": answers(fails(400, "MailFromDomainNotVerifiedException")),
            "refuses the mail": answers(fails(400, "MessageRejected", "virus")),
            "refuses the reader": answers(fails(400, "BadRequestException", "Illegal address")),
            "loses its answer": answers(drops),
            "never answers": answers(hangs),
            "answers nonsense": answers(answers_without(b"<html>")),
            "answers half": answers(answers_without(b'{"MessageId": "se', length=400)),
        },
        lambda: [base64.b64decode(got["Content"]["Raw"]["Data"]) for got in server.got],
    )
    yield way
    way.mail._client.close()


@pytest.fixture
def by_smtp():
    with ScriptedSmtp() as found:
        made = SmtpMail(
            smtp_server(f"smtp://127.0.0.1:{found.port}"),
            Verp(Signer("secret"), "bounce.mail.example"),
            helo="mail.example",
            patience=Patience(connect=1, command=0.5, end=0.5),
        )

        def says(**script):
            return lambda: found.script.update(script)

        yield Way(
            made,
            {
                "takes it": lambda: None,
                "not now": says(MAIL=b"421 4.7.0 slow down\r\n"),
                "cannot be reached": says(GREETING=talk.drop),
                "will not have us": says(EHLO=b"550 5.7.1 no\r\n"),
                "refuses the sender": says(MAIL=b"550 5.7.1 not yours\r\n"),
                "refuses the mail": says(END=b"554 5.6.0 virus\r\n"),
                "refuses the reader": says(RCPT=b"550 5.1.1 unknown\r\n"),
                "loses its answer": says(END=talk.drop),
                "never answers": says(END=talk.hang),
                "answers nonsense": says(END=b"<html>\r\n"),
                "answers half": says(END=talk.then_drop(b"25")),
            },
            lambda: [got.raw for got in found.got],
        )
        made.close()


@pytest.fixture(params=["outbox", "smtp", "ses"])
def way(request):
    return request.getfixturevalue(f"by_{request.param}")


_PROMISED = [
    ("takes it", {Outcome.ACCEPTED}, {Scope.MESSAGE}),
    ("not now", {Outcome.NOT_SENT}, {Scope.ACCOUNT}),
    ("cannot be reached", {Outcome.NOT_SENT}, {Scope.ACCOUNT}),
    ("will not have us", {Outcome.NOT_SENT}, {Scope.ACCOUNT}),
    ("refuses the sender", {Outcome.NOT_SENT, Outcome.REFUSED}, {Scope.IDENTITY}),
    ("refuses the mail", {Outcome.REFUSED}, {Scope.MESSAGE}),
    ("refuses the reader", {Outcome.REFUSED}, {Scope.MESSAGE}),
    ("loses its answer", {Outcome.MAYBE}, {Scope.MESSAGE}),
    ("never answers", {Outcome.MAYBE}, {Scope.MESSAGE}),
    ("answers nonsense", {Outcome.MAYBE}, {Scope.MESSAGE}),
    ("answers half", {Outcome.MAYBE}, {Scope.MESSAGE}),
]


@pytest.mark.parametrize(("fault", "outcomes", "scopes"), _PROMISED)
def test_an_outcome_is_what_is_proven_after_one_submission_at_most(way, fault, outcomes, scopes):
    way.meets(fault)
    result = way.mail.send(envelope(), soon())
    assert result.outcome in outcomes
    assert result.scope in scopes
    assert len(way.arrived()) <= 1
    if result.outcome is Outcome.ACCEPTED:
        assert way.arrived() == [RAW]
        assert result.provider_id


@pytest.mark.parametrize("fault", ["not now", "cannot be reached", "will not have us"])
def test_what_may_be_tried_again_waits_a_while(way, fault):
    way.meets(fault)
    assert (way.mail.send(envelope(), soon()).retry_after or 0) > 0


def test_no_submission_begins_after_the_deadline_where_a_second_would_be_another(way):
    late = time.clock_gettime(time.CLOCK_BOOTTIME) - 0.01
    result = way.mail.send(envelope(), late)
    if not way.mail.capabilities.idempotent:
        assert (result.outcome, way.arrived()) == (Outcome.NOT_SENT, [])


def test_twenty_mails_have_twenty_answers_in_their_order_and_arrive_once_each(way):
    batch = [
        envelope(attempt_id=f"{n:032x}", name=f"m{n}-g1", raw=RAW + b"%d\r\n" % n)
        for n in range(20)
    ]
    results = [way.mail.send(one, soon()) for one in batch]
    assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 20
    assert sorted(way.arrived()) == sorted(one.raw for one in batch)


_UNCLEAN = {
    "another header": {"raw": RAW.replace(b"An offer", b"An offer\nBcc: all@reader.example")},
    "a hidden reader": {"raw": RAW.replace(b"Subject", b"Bcc: all@reader.example\r\nSubject")},
    "a lone return": {"raw": RAW.replace(b"An offer", b"An offer\rX")},
    "a zero byte": {"raw": RAW.replace(b"An offer", b"An\0offer")},
    "two subjects": {"raw": RAW.replace(b"Subject", b"Subject: one\r\nSubject")},
    "two senders": {"raw": RAW.replace(b"Subject", b"From: eve@x.example\r\nSubject")},
    "a line without a name": {"raw": RAW.replace(b"Subject: An", b"An")},
    "no sender": {"raw": RAW.replace(b"From", b"X-From")},
    "orders to a provider": {"raw": RAW.replace(b"Subject", b"X-SES-TENANT: other\r\nSubject")},
    "a header beyond ASCII": {"raw": RAW.replace(b"An offer", "Ein Angebot für Sie".encode())},
    "a header too long": {"raw": RAW.replace(b"An offer", b"x" * 1000)},
    "a body line too long": {"raw": RAW + b"x" * 1000},
    "another mail behind a dot": {"raw": RAW + b".\nMAIL FROM:<eve@x.example>\n"},
    "too many bytes": {"raw": RAW + (b"x" * 78 + b"\r\n") * 131_073},
    "two lines of readers": {"rcpt_to": "ada@reader.example\r\nBcc: all@reader.example"},
    "two readers": {"rcpt_to": "ada@reader.example, eve@reader.example"},
    "a reader beyond ASCII": {"rcpt_to": "ädä@reader.example"},
    "a reader with brackets": {"rcpt_to": "<ada@reader.example>"},
    "a sender with a line end": {"mail_from": "campaigns@brightline.example\n"},
}


@pytest.mark.parametrize("changes", _UNCLEAN.values(), ids=_UNCLEAN)
def test_what_is_no_clean_mail_to_one_person_is_told_before_it_is_sent(way, changes):
    assert way.mail.problems(envelope(**changes))


def test_a_clean_mail_has_no_problems_anywhere(way):
    assert way.mail.problems(envelope()) == []
    assert way.mail.problems(envelope(raw=RAW + (b"x" * 998 + b"\r\n") * 3)) == []
    folded = RAW.replace(b"An offer", b"An\r\n offer\r\n\tfor you")
    assert way.mail.problems(envelope(raw=folded)) == []


_LENIENT = [HealthCheck.function_scoped_fixture]
_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=25, deadline=None, suppress_health_check=_LENIENT)
@given(name=_words, sender=_words, recipient=_words, raw=st.binary(max_size=120), tag=_words)
def test_whatever_it_is_given_it_answers_and_does_not_raise(way, name, sender, recipient, raw, tag):
    strange = envelope(
        name=name, mail_from=sender, rcpt_to=recipient, raw=raw, tags={"tpma-launch": tag}
    )
    assert isinstance(way.mail.problems(strange), list)
    assert isinstance(way.mail.send(strange, soon()), SendResult)


def test_a_result_may_be_changed_by_nobody(way):
    result = way.mail.send(envelope(), soon())
    assert replace(result) == result
    with pytest.raises(AttributeError):
        result.outcome = Outcome.REFUSED


# --- Amazon SES


_SAID = [
    (accepts, Outcome.ACCEPTED, Scope.MESSAGE),
    (drops, Outcome.MAYBE, Scope.MESSAGE),
    (hangs, Outcome.MAYBE, Scope.MESSAGE),
    (answers_without({}), Outcome.MAYBE, Scope.MESSAGE),
    (answers_without(b"<html>"), Outcome.MAYBE, Scope.MESSAGE),
    (answers_without(b'{"MessageId": "se', length=400), Outcome.MAYBE, Scope.MESSAGE),
    (answers_without({"MessageId": ""}), Outcome.MAYBE, Scope.MESSAGE),
    (fails(500, "InternalServiceErrorException"), Outcome.MAYBE, Scope.MESSAGE),
    (fails(502, "BadGateway"), Outcome.MAYBE, Scope.MESSAGE),
    (fails(503, "TooManyRequestsException"), Outcome.MAYBE, Scope.MESSAGE),
    (fails(504, "GatewayTimeout"), Outcome.MAYBE, Scope.MESSAGE),
    (fails(429, "TooManyRequestsException"), Outcome.NOT_SENT, Scope.ACCOUNT),
    (fails(400, "LimitExceededException"), Outcome.NOT_SENT, Scope.ACCOUNT),
    (fails(400, "SendingPausedException"), Outcome.NOT_SENT, Scope.TENANT),
    (fails(400, "AccountSuspendedException"), Outcome.NOT_SENT, Scope.ACCOUNT),
    (fails(400, "MailFromDomainNotVerifiedException"), Outcome.NOT_SENT, Scope.IDENTITY),
    (
        fails(400, "MessageRejected", "Email address is not verified."),
        Outcome.NOT_SENT,
        Scope.IDENTITY,
    ),
    (fails(404, "NotFoundException"), Outcome.NOT_SENT, Scope.CONFIG),
    (fails(403, "AccessDeniedException"), Outcome.NOT_SENT, Scope.ACCOUNT),
    (fails(403, "ExpiredTokenException"), Outcome.NOT_SENT, Scope.ACCOUNT),
    (fails(400, "BadRequestException", "Illegal address"), Outcome.REFUSED, Scope.MESSAGE),
    (fails(400, "MessageRejected", "virus"), Outcome.REFUSED, Scope.MESSAGE),
    (fails(400, "SomethingNewException"), Outcome.MAYBE, Scope.MESSAGE),
    (proxy_page(404), Outcome.MAYBE, Scope.MESSAGE),
    (proxy_page(403), Outcome.MAYBE, Scope.MESSAGE),
]


@pytest.mark.parametrize(("answer", "outcome", "scope"), _SAID)
def test_one_submission_an_attempt_and_the_outcome_that_is_proven(
    server, ses, answer, outcome, scope
):
    server.answer = answer
    result = ses.send(envelope(), soon())
    assert (result.outcome, result.scope) == (outcome, scope)
    assert len(server.got) == 1


def test_everything_the_provider_may_say_again_waits_a_while(server, ses):
    for answer, outcome, _scope in _SAID:
        if outcome is Outcome.NOT_SENT:
            server.answer = answer
            assert (ses.send(envelope(), soon()).retry_after or 0) > 0


def test_the_daily_quota_waits_a_quarter_of_an_hour(server, ses):
    server.answer = fails(400, "Throttling", "Daily message quota exceeded")
    assert ses.send(envelope(), soon()).retry_after == 900


def test_a_port_nobody_listens_on_is_proof_that_nothing_left():
    mail = SesMail(client(1), "")
    result = mail.send(envelope(), soon())
    assert (result.outcome, result.scope) == (Outcome.NOT_SENT, Scope.ACCOUNT)
    mail._client.close()


def test_no_submission_begins_after_its_deadline(server, ses):
    result = ses.send(envelope(), time.clock_gettime(time.CLOCK_BOOTTIME) - 0.01)
    assert result.outcome is Outcome.NOT_SENT
    assert server.got == []


def test_a_deadline_is_that_of_its_own_thread(server, ses):
    late = time.clock_gettime(time.CLOCK_BOOTTIME) - 1
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(
            pool.map(lambda n: ses.send(envelope(), late if n % 2 else soon()).outcome, range(16))
        )
    assert outcomes == [Outcome.ACCEPTED, Outcome.NOT_SENT] * 8


def test_who_waits_for_an_answer_keeps_nobody_from_sending(server, ses):
    together = threading.Barrier(8, timeout=10)

    def answer(handler):
        together.wait()
        accepts(handler)

    server.answer = answer
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _n: ses.send(envelope(), soon()).outcome, range(8)))
    assert outcomes == [Outcome.ACCEPTED] * 8


def test_a_request_that_cannot_be_put_together_is_refused_and_keeps_nobody_from_sending(
    server, ses
):
    result = ses.send(envelope(raw=7), soon())
    assert (result.outcome, result.code) == (Outcome.REFUSED, "Unbuildable")
    assert server.got == []
    assert ses.send(envelope(), soon()).outcome is Outcome.ACCEPTED


def test_a_client_that_tries_again_by_itself_is_refused_at_the_start():
    with pytest.raises(ValueError, match="one attempt"):
        SesMail(client(1, retries={"total_max_attempts": 3}), "")


def test_a_partners_own_mail_goes_by_its_tenant_and_configuration_set(server, ses):
    ses.send(envelope(tenant="brightline-0a", configuration_set="tpma-brightline-0a"), soon())
    [got] = server.got
    assert (got["TenantName"], got["ConfigurationSetName"]) == (
        "brightline-0a", "tpma-brightline-0a",
    )  # fmt: skip


def test_the_bytes_the_tags_and_the_one_recipient_arrive(server, ses):
    ses.send(envelope(), soon())
    got = server.got[0]
    assert base64.b64decode(got["Content"]["Raw"]["Data"]) == RAW
    assert got["Destination"] == {"ToAddresses": ["ada@reader.example"]}
    assert got["ConfigurationSetName"] == "tpma-events"
    assert {t["Name"]: t["Value"] for t in got["EmailTags"]} == envelope().tags


@pytest.mark.parametrize(
    "changes",
    [
        {"raw": RAW.replace(b"Subject", b"Bcc: all@reader.example\r\nSubject")},
        {"raw": RAW.replace(b"An offer", b"An offer\nBcc: all@reader.example")},
        {"raw": RAW.replace(b"An offer", b"An offer\rX")},
        {"raw": RAW.replace(b"Subject", b"Subject: one\r\nSubject")},
        {"raw": RAW.replace(b"Subject", b"X-SES-TENANT: other\r\nSubject")},
        {"raw": RAW.replace(b"An offer", "Ein Angebot für Sie".encode())},
        {"raw": RAW.replace(b"An offer", b"x" * 1000)},
        {"raw": RAW + b"x" * (10 * 1024 * 1024)},
        {"rcpt_to": "ada@reader.example\r\nBcc: all@reader.example"},
        {"rcpt_to": "ada@reader.example, eve@reader.example"},
        {"rcpt_to": "ädä@reader.example"},
        {"mail_from": "campaigns@brightline.example\n"},
        {"tags": {"tpma-launch": "HC SEC"}},
        {"tags": {"tpma launch": "HC"}},
        {"tags": {"tpma-launch": ""}},
        {"tags": {"tpma-launch": "HC\n"}},
    ],
)
def test_ses_is_not_asked_to_send_what_is_no_clean_mail(ses, changes):
    assert ses.problems(envelope(**changes))


def test_a_clean_mail_has_no_problems(ses):
    assert ses.problems(envelope()) == []


def test_ses_cannot_tell_what_became_of_an_attempt(ses):
    assert ses.lookup("m1-g1") == (Lookup.UNKNOWN, None)
    assert ses.stored("ses-1") is None


# --- the local outbox


@pytest.fixture
def outbox(tmp_path):
    return OutboxMail(tmp_path / "outbox")


def test_the_outbox_keeps_the_exact_bytes(outbox):
    result = outbox.send(envelope(), soon())
    assert (result.outcome, outbox.stored(result.provider_id)) == (Outcome.ACCEPTED, RAW)


def test_a_second_send_of_a_name_is_the_first(outbox, tmp_path):
    outbox.send(envelope(), soon())
    again = outbox.send(envelope(raw=b"other"), soon())
    assert (again.outcome, again.provider_id) == (Outcome.ACCEPTED, "m1-g1")
    assert outbox.stored("m1-g1") == RAW


def test_forty_sends_of_one_name_at_once_leave_one_file(outbox, tmp_path):
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda _n: outbox.send(envelope(), soon()), range(40)))
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert len(list((tmp_path / "outbox" / "new").iterdir())) == 1
    assert list((tmp_path / "outbox" / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../m1", "a/b", "a\0b", "a\n", "/etc/passwd", ".hidden", "x" * 121, "ä"]
)
def test_a_hostile_name_is_refused_everywhere(outbox, tmp_path, name):
    assert outbox.problems(envelope(name=name))
    assert outbox.send(envelope(name=name), soon()).outcome is Outcome.REFUSED
    assert outbox.stored(name) is None
    assert outbox.lookup(name) == (Lookup.ABSENT_PROVEN, None)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_outbox_proves_presence_and_absence(outbox):
    outbox.send(envelope(), soon())
    assert outbox.lookup("m1-g1") == (Lookup.FOUND, "m1-g1")
    assert outbox.lookup("m2-g1") == (Lookup.ABSENT_PROVEN, None)


def test_a_broken_disk_is_not_the_mails_fault(outbox, tmp_path):
    (tmp_path / "outbox" / "tmp").rmdir()
    result = outbox.send(envelope(), soon())
    assert (result.outcome, result.scope) == (Outcome.NOT_SENT, Scope.ACCOUNT)
    assert result.retry_after
