"""What every way out for mail promises, and what Amazon SES makes of each kind of trouble.

SES is a small HTTP server that does as it is told and counts what reaches it; the adapter, boto3
and the network in between are the real ones.
"""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from tpma.adapters.mail_outbox import OutboxMail
from tpma.adapters.mail_ses import SesMail
from tpma.ports.mail import Envelope, Lookup, Outcome, Scope

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


class ScriptedSes(ThreadingHTTPServer):
    """Answers each submission as `answer` says and keeps every one it got."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict] = []
        self.answer = accepts
        self.over = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        self.server.answer(self)

    def log_message(self, *_args):
        """Quiet."""

    def say(self, status, body, code=None, *, length=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(data)))
        self.send_header("x-amzn-RequestId", "r-1")
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.send_header("Connection", "close")  # else another thread may reuse what closes now
        self.end_headers()
        self.wfile.write(data)


def accepts(handler):
    handler.say(200, {"MessageId": "ses-1"})


def fails(status, code, message=""):
    return lambda handler: handler.say(status, {"message": message}, code)


def answers_without(body, length=None):
    return lambda handler: handler.say(200, body, length=length)


def drops(handler):
    """The mail is taken and the answer is lost."""
    handler.close_connection = True
    handler.connection.shutdown(2)


def hangs(handler):
    handler.server.over.wait(20)
    handler.close_connection = True


def proxy_page(status):
    def answer(handler):
        data = b"<html>no</html>"
        handler.send_response(status)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(data)

    return answer


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
    settled = {"retries": {"total_max_attempts": 1}, "connect_timeout": 3, "read_timeout": 3}
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


def test_a_client_that_tries_again_by_itself_is_refused_at_the_start():
    with pytest.raises(ValueError, match="one attempt"):
        SesMail(client(1, retries={"total_max_attempts": 3}), "")


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
