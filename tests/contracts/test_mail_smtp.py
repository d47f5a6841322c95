"""SMTP: what each fault at each step proves, and what a server gets to see.

The server speaks raw SMTP as a test tells it; the well-behaved one for TLS and passwords is
aiosmtpd.
"""

import base64
import gc
import os
import re
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import dkim
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.smtp_server import ScriptedSmtp, after, drip, drop, hang, slam, then_drop
from tpma.adapters.dkim_signing import DkimSigner
from tpma.adapters.mail_smtp import Keeping, SmtpMail
from tpma.adapters.smtp_session import Patience, features_of
from tpma.adapters.verp import Verp
from tpma.core.errors import Invalid, Unavailable
from tpma.core.servers import smtp_server
from tpma.core.signing import Signer
from tpma.ports.mail import Envelope, Lookup, Outcome, Scope

RAW = (
    b"From: Dana <campaigns@brightline.mail.example>\r\nTo: ada@reader.example\r\n"
    b"Subject: An offer\r\n\r\nHello\r\n"
)
VERP = Verp(Signer("secret"), "bounce.mail.example")
QUICK = Patience(connect=1, command=0.3, end=0.3)
ACCEPTED, NOT_SENT, REFUSED, MAYBE = (
    Outcome.ACCEPTED,
    Outcome.NOT_SENT,
    Outcome.REFUSED,
    Outcome.MAYBE,
)
ALL = ["PIPELINING", "8BITMIME", "DSN", "SIZE"]
PLAIN = ["8BITMIME", "DSN", "SIZE"]
CHUNKS = [*ALL, "CHUNKING"]
WAYS = [pytest.param(f, id=i) for f, i in ((ALL, "pipelined"), (PLAIN, "plain"), (CHUNKS, "bdat"))]


def envelope(**changes):
    values = {
        "attempt_id": "a" * 32,
        "name": "m1-g1",
        "mail_from": "campaigns@brightline.mail.example",
        "rcpt_to": "ada@reader.example",
        "raw": RAW,
        "tags": {},
    }
    return Envelope(**values | changes)


def soon():
    return time.clock_gettime(time.CLOCK_BOOTTIME) + 30


@pytest.fixture
def server():
    with ScriptedSmtp() as found:
        yield found


@pytest.fixture
def smtp(server):
    mail = made(server.port)
    yield mail
    mail.close()


def made(port, **changes):
    values = {"helo": "mail.example", "patience": QUICK}
    return SmtpMail(smtp_server(f"smtp://127.0.0.1:{port}"), VERP, **values | changes)


GREETING = [
    ("GREETING", b"554 5.7.1 no service here\r\n", 300),
    ("GREETING", b"421 4.3.2 busy\r\n", 60),
    ("GREETING", drop, 5),
    ("GREETING", hang, 5),
    ("GREETING", drip, 5),
    ("GREETING", b"HTTP/1.1 400 Bad Request\r\n\r\n", 5),
    ("EHLO", b"502 5.5.1 what\r\n", 300),
    ("EHLO", drop, 5),
    ("EHLO", b"250-half of an answer\r\n", 5),
    ("EHLO", b"250-" + b"x" * 9000, 5),
    ("EHLO", b"250-x\r\n" * 300, 5),
]


@pytest.mark.parametrize(("step", "told", "pause"), GREETING)
def test_before_a_mail_is_named_every_trouble_is_ours_and_nothing_left(
    server, smtp, step, told, pause
):
    server.script[step] = told
    result = smtp.send(envelope(), soon())
    assert (result.outcome, result.scope, result.retry_after) == (NOT_SENT, Scope.ACCOUNT, pause)
    assert server.got == []


COMMANDS = [
    ("MAIL", b"421 4.3.2 going down\r\n", NOT_SENT, Scope.ACCOUNT),
    ("MAIL", b"451 4.3.0 later\r\n", NOT_SENT, Scope.ACCOUNT),
    ("MAIL", b"530 5.7.0 authentication required\r\n", NOT_SENT, Scope.ACCOUNT),
    ("MAIL", b"550 5.7.1 sender not known here\r\n", REFUSED, Scope.IDENTITY),
    ("MAIL", b"552 5.3.4 too big\r\n", REFUSED, Scope.IDENTITY),
    ("MAIL", drop, NOT_SENT, Scope.ACCOUNT),
    ("MAIL", slam, NOT_SENT, Scope.ACCOUNT),
    ("MAIL", hang, NOT_SENT, Scope.ACCOUNT),
    ("MAIL", b"\x00\xff\r\n", NOT_SENT, Scope.ACCOUNT),
    ("MAIL", b"354 go on\r\n", NOT_SENT, Scope.ACCOUNT),
    ("RCPT", b"421 4.7.0 too many\r\n", NOT_SENT, Scope.ACCOUNT),
    ("RCPT", b"450 4.2.1 greylisted\r\n", NOT_SENT, Scope.MESSAGE),
    ("RCPT", b"452 4.2.2 mailbox full\r\n", NOT_SENT, Scope.MESSAGE),
    ("RCPT", b"550 5.1.1 user unknown\r\n", REFUSED, Scope.MESSAGE),
    ("RCPT", b"554-5.7.1 no\r\n554 5.7.1 relaying\r\n", REFUSED, Scope.MESSAGE),
    ("RCPT", drop, NOT_SENT, Scope.ACCOUNT),
    ("RCPT", slam, NOT_SENT, Scope.ACCOUNT),
    ("RCPT", hang, NOT_SENT, Scope.ACCOUNT),
    ("RCPT", b"250-one\r\n550 two\r\n", NOT_SENT, Scope.ACCOUNT),
]
DATA = [
    ("DATA", b"421 4.3.2 going down\r\n", NOT_SENT, Scope.ACCOUNT),
    ("DATA", b"451 4.3.0 later\r\n", NOT_SENT, Scope.MESSAGE),
    ("DATA", b"554 5.5.1 no valid recipients\r\n", REFUSED, Scope.MESSAGE),
    ("DATA", b"250 2.0.0 what mail?\r\n", NOT_SENT, Scope.ACCOUNT),
    ("DATA", drop, NOT_SENT, Scope.ACCOUNT),
    ("DATA", hang, NOT_SENT, Scope.ACCOUNT),
]


@pytest.mark.parametrize("features", WAYS)
@pytest.mark.parametrize(("step", "told", "outcome", "scope"), COMMANDS)
def test_a_fault_before_the_mail_itself_proves_that_nothing_left(
    server, smtp, features, step, told, outcome, scope
):
    server.features, server.script[step] = features, told
    result = smtp.send(envelope(), soon())
    assert (result.outcome, result.scope) == (outcome, scope)
    assert result.code.startswith(step)
    assert bool(result.retry_after) == (outcome is NOT_SENT)
    assert server.got == []
    assert sum(line.startswith("MAIL") for line in server.commands) == 1


@pytest.mark.parametrize("features", WAYS[:2])
@pytest.mark.parametrize(("step", "told", "outcome", "scope"), DATA)
def test_a_fault_at_data_proves_that_nothing_left(
    server, smtp, features, step, told, outcome, scope
):
    server.features, server.script[step] = features, told
    result = smtp.send(envelope(), soon())
    assert (result.outcome, result.scope) == (outcome, scope)
    assert server.got == []


@pytest.mark.parametrize("told", [drop, slam, b"421 4.3.2 going down\r\n", b"552 5.3.4 big\r\n"])
def test_a_server_that_gives_up_in_the_middle_has_nothing(server, smtp, told):
    server.script["BODY"] = told if callable(told) else then_drop(told)
    large = RAW + (b"x" * 78 + b"\r\n") * 100_000  # more than the buffers in between hold
    result = smtp.send(envelope(raw=large), soon())
    assert result.outcome in {NOT_SENT, REFUSED}
    assert result.outcome is NOT_SENT or result.code == "BODY 552 5.3.4"
    assert server.got == []


END = [
    (b"250 2.0.0 Ok: queued as 4F3D2A1B0C\r\n", ACCEPTED),
    (b"250-2.0.0 fine\r\n250 2.0.0 really\r\n", ACCEPTED),
    (b"421 4.3.2 going down\r\n", NOT_SENT),
    (b"451 4.7.1 scanner is busy\r\n", NOT_SENT),
    (b"452 4.3.1 disk full\r\n", NOT_SENT),
    (b"550 5.7.1 looks like spam\r\n", REFUSED),
    (b"554 5.6.0 a virus\r\n", REFUSED),
    (drop, MAYBE),
    (slam, MAYBE),
    (hang, MAYBE),
    (drip, MAYBE),
    (then_drop(b"25"), MAYBE),
    (then_drop(b"250-2.0.0 half of it\r\n"), MAYBE),
    (then_drop(b"550-5.7.1 half of it\r\n"), MAYBE),
    (b"<html>\r\n", MAYBE),
    (b"354 go on\r\n", MAYBE),
    (b"999 what\r\n", MAYBE),
    (b"\r\n", MAYBE),
]


@pytest.mark.parametrize("features", WAYS)
@pytest.mark.parametrize(("told", "outcome"), END)
def test_after_the_last_byte_only_the_servers_word_counts(server, smtp, features, told, outcome):
    server.features, server.script["END"] = features, told
    result = smtp.send(envelope(), soon())
    assert result.outcome is outcome
    assert len(server.got) == 1
    assert server.connections == 1
    assert bool(result.retry_after) == (outcome is NOT_SENT)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (b"250 2.0.0 Ok: queued as 4F3D2A1B0C\r\n", "4F3D2A1B0C"),  # Postfix
        (b"250 OK id=1tABcd-0002xy-3Z\r\n", "1tABcd-0002xy-3Z"),  # Exim
        (b"250 Ok 0100018c-1f2e-4a\r\n", "0100018c-1f2e-4a"),  # Amazon SES
        (b"250 2.0.0 fine\r\n", "a" * 32),
    ],
)
def test_the_queue_id_is_kept_or_our_own_stands_in(server, smtp, said, found):
    server.script["END"] = said
    assert smtp.send(envelope(), soon()).provider_id == found


def test_a_port_nobody_listens_on_is_proof_that_nothing_left():
    result = made(1).send(envelope(), soon())
    assert (result.outcome, result.scope) == (NOT_SENT, Scope.ACCOUNT)
    assert result.retry_after == 5


def test_a_host_that_does_not_exist_is_proof_that_nothing_left():
    mail = SmtpMail(smtp_server("smtp://nobody.invalid"), VERP, helo="a", patience=QUICK)
    assert mail.send(envelope(), soon()).outcome is NOT_SENT


# --- what the server gets to see


@pytest.mark.parametrize("features", WAYS)
@pytest.mark.parametrize(
    "body",
    [
        b"Hello\r\n",
        b".\r\n",
        b"..\r\n.x\r\n",
        b"a\r\n.\r\nb\r\n",
        b"a\r\n.\r\n.\r\n",
        b"no line end",
        b"ends with a dot\r\n.",
        b"",
        b"\r\n\r\n.\r\n",
        ("ü" * 300 + "\r\n").encode(),
    ],
)
def test_the_bytes_arrive_as_they_are(server, smtp, features, body):
    server.features = features
    raw = RAW + body
    assert smtp.send(envelope(raw=raw), soon()).outcome is ACCEPTED
    assert server.got[0].raw == (raw if raw.endswith(b"\r\n") else raw + b"\r\n")
    assert smtp.send(envelope(raw=RAW), soon()).outcome is ACCEPTED
    assert [mail.raw for mail in server.got[1:]] == [RAW]


def test_a_mail_that_begins_with_a_dot_is_stuffed_too(server, smtp):
    raw = b".From: x\r\n" + RAW
    smtp.send(envelope(raw=raw), soon())
    assert server.got[0].raw == raw


def test_sender_recipient_and_what_bounces_shall_carry(server, smtp):
    smtp.send(envelope(attempt_id="0123456789abcdef" * 2), soon())
    mail = server.got[0]
    sender, *parameters = mail.mail.removeprefix("MAIL FROM:").split(" ")
    assert VERP.attempt(sender) == "0123456789abcdef" * 2
    assert parameters == [f"SIZE={len(RAW)}", "RET=HDRS", "ENVID=" + "0123456789abcdef" * 2]
    assert mail.rcpt == "RCPT TO:<ada@reader.example> NOTIFY=FAILURE,DELAY"


def test_a_server_without_extensions_is_asked_for_none(server, smtp):
    server.features = []
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    assert server.got[0].mail == f"MAIL FROM:<{VERP.address('a' * 32)}>"
    assert server.got[0].rcpt == "RCPT TO:<ada@reader.example>"


def test_the_commands_of_a_mail_go_out_together(server, smtp):
    server.impatient = True  # it would never answer the first one alone
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED


def test_a_server_that_goes_on_though_nobody_is_to_get_it_never_sees_a_dot(server, smtp):
    server.script["RCPT"] = [b"550 5.1.1 user unknown\r\n", None]
    assert smtp.send(envelope(), soon()).outcome is REFUSED
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    assert [(mail.connection, mail.raw) for mail in server.got] == [(2, RAW)]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "END"])
def test_a_mail_turned_down_leaves_nothing_behind_for_the_next(server, smtp, step):
    server.script[step] = [b"451 4.3.0 later\r\n", None]
    server.script["DATA"] = server.script.get("DATA") or [b"503 5.5.1 no mail\r\n", None]
    if step == "END":
        server.script["DATA"] = []
    assert smtp.send(envelope(), soon()).outcome is NOT_SENT
    assert smtp.send(envelope(attempt_id="b" * 32), soon()).outcome is ACCEPTED
    assert server.connections == 1
    assert server.got[-1].mail.startswith(f"MAIL FROM:<{VERP.address('b' * 32)}>")


def test_a_size_the_server_named_is_kept(server, smtp):
    server.features = ["PIPELINING", "SIZE 50"]
    result = smtp.send(envelope(), soon())
    assert (result.outcome, result.code) == (REFUSED, "SIZE")
    assert server.commands == ["EHLO mail.example"]


@pytest.mark.parametrize("told", ["SIZE", "SIZE 0", "SIZE ²", "SIZE many", "size 99999"])
def test_a_size_that_says_nothing_limits_nothing(server, smtp, told):
    server.features = [told]
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED


def test_letters_beyond_ascii_need_a_server_that_takes_them(server, smtp):
    raw = RAW + "Grüße\r\n".encode()
    server.features = ["PIPELINING"]
    assert smtp.send(envelope(raw=raw), soon()).outcome is REFUSED
    assert server.got == []
    smtp.close()
    server.features = ALL
    assert smtp.send(envelope(raw=raw), soon()).outcome is ACCEPTED
    assert " BODY=8BITMIME" in server.got[0].mail


# --- the clock


@pytest.mark.parametrize("features", WAYS)
def test_a_deadline_that_passes_on_the_way_stops_before_the_last_byte(server, features):
    server.features = features
    server.script["RCPT"] = after(0.3, b"250 ok\r\n")
    mail = made(server.port, patience=Patience(connect=1, command=3, end=3))
    result = mail.send(envelope(), time.clock_gettime(time.CLOCK_BOOTTIME) + 0.1)
    assert (result.outcome, result.code) == (NOT_SENT, "DeadlinePassed")
    time.sleep(0.1)
    assert server.got == []


def test_a_worker_that_froze_before_its_last_byte_sends_nothing(server, smtp, monkeypatch):
    """As after SIGSTOP: the clock has jumped when it goes on."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    clock = iter([now, now + 3600])
    monkeypatch.setattr("tpma.adapters.mail_smtp.time.clock_gettime", lambda _id: next(clock))
    assert smtp.send(envelope(), now + 30).code == "DeadlinePassed"
    assert server.got == []


def test_nothing_is_asked_of_anybody_after_the_deadline(server, smtp):
    late = time.clock_gettime(time.CLOCK_BOOTTIME) - 0.01
    assert smtp.send(envelope(), late).code == "DeadlinePassed"
    assert server.connections == 0


# --- connections


def test_one_connection_carries_many_mails(server, smtp):
    for _mail in range(5):
        assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    assert (server.connections, len(server.got)) == (1, 5)


def test_a_connection_is_given_up_after_its_share(server):
    mail = made(server.port, keeping=Keeping(mails=2))
    for _mail in range(5):
        mail.send(envelope(), soon())
    mail.close()
    assert [got.connection for got in server.got] == [1, 1, 2, 2, 3]


def test_a_connection_that_lay_idle_too_long_is_not_trusted(server):
    mail = made(server.port, keeping=Keeping(idle_seconds=0.05))
    mail.send(envelope(), soon())
    time.sleep(0.1)
    mail.send(envelope(), soon())
    mail.close()
    assert [got.connection for got in server.got] == [1, 2]


STALE = [drop, slam, b"421 4.4.2 timeout exceeded\r\n", b"\xff\xff\r\n"]


@pytest.mark.parametrize("features", WAYS)
@pytest.mark.parametrize("told", STALE)
def test_a_stale_connection_is_found_at_mail_and_costs_nothing(server, smtp, features, told):
    server.features = features
    server.script["MAIL"] = [None, told, None]
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    assert smtp.send(envelope(attempt_id="b" * 32), soon()).outcome is ACCEPTED
    assert [got.connection for got in server.got] == [1, 2]


def test_it_is_tried_again_once_only(server, smtp):
    server.script["MAIL"] = [None, drop, drop, drop]
    smtp.send(envelope(), soon())
    assert smtp.send(envelope(), soon()).outcome is NOT_SENT
    assert (server.connections, len(server.got)) == (2, 1)


@pytest.mark.parametrize("told", [then_drop(b""), then_drop(b"421 4.4.2 idle\r\n"), slam])
def test_a_server_that_left_meanwhile_is_noticed_before_it_is_asked(server, smtp, told):
    def answer_and_leave(talk):
        talk.sock.sendall(b"250 2.0.0 Ok: queued as 4F3D2A1B0C\r\n")
        time.sleep(0.1)
        told(talk)

    server.script["END"] = [answer_and_leave, None]
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    time.sleep(0.2)
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    assert len(server.got) == 2
    assert sum(line.startswith("MAIL") for line in server.commands) == 2


def test_an_answer_too_many_is_never_taken_for_the_next_one(server, smtp):
    """Else the second mail's answer would be read as the third one's."""
    server.script["MAIL"] = [b"250 ok\r\n", None]
    server.script["END"] = [b"250 ok\r\n250 ok\r\n", b"550 5.7.1 no\r\n"]
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    assert smtp.send(envelope(), soon()).outcome is REFUSED


def test_an_answer_before_the_mail_is_not_the_answer_to_it(server, smtp):
    server.script["DATA"] = b"354 go on\r\n250 2.0.0 queued already\r\n"
    assert smtp.send(envelope(), soon()).outcome is NOT_SENT
    assert server.got == []


def test_a_connection_that_failed_is_not_used_again(server, smtp):
    server.script["END"] = [hang, None]
    assert smtp.send(envelope(), soon()).outcome is MAYBE
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    assert [got.connection for got in server.got] == [1, 2]


def test_sixty_mails_by_eight_threads_use_eight_connections_at_most(server, smtp):
    ids = [f"{n:032x}" for n in range(60)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(lambda i: smtp.send(envelope(attempt_id=i), soon()).outcome, ids))
    assert outcomes == {ACCEPTED}
    assert server.connections <= 8
    arrived = [VERP.attempt(got.mail.split(":", 1)[1].split(" ")[0]) for got in server.got]
    assert sorted(arrived) == ids


def test_a_forked_process_leaves_its_parents_connection_alone(server, smtp):
    smtp.send(envelope(), soon())
    child = os.fork()
    if not child:
        ok = smtp.send(envelope(), soon()).outcome is ACCEPTED
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert smtp.send(envelope(), soon()).outcome is ACCEPTED
    assert [got.connection for got in server.got] == [1, 2, 1]


def test_a_transport_nobody_needs_any_more_says_good_bye(server):
    mail = made(server.port)
    mail.send(envelope(), soon())
    del mail
    gc.collect()
    time.sleep(0.1)
    assert server.commands[-1] == "QUIT"


# --- TLS and passwords, on a real server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """For 127.0.0.1, signed by itself."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    shown = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(shown, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    unlocked = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unlocked) + made.public_bytes(pem)
    )
    return path


class Keeps:
    """aiosmtpd's handler: it keeps what it is given."""

    def __init__(self):
        self.got = []

    async def handle_DATA(self, _server, session, envelope):
        self.got.append((envelope, session))
        return "250 2.0.0 Ok: queued as 77AA77"


def _login(_server, _session, _envelope, _mechanism, data):
    known = (data.login, data.password) == (b"ada", b"s3cret:@")
    return AuthResult(success=known, handled=False)  # let aiosmtpd say so


@pytest.fixture
def relay(certificate):
    """A server that wants TLS and a password; `relay(TLS from the first byte or not)`."""
    running = []

    def start(implicit=False):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        handler = Keeps()
        options = {"authenticator": _login, "auth_required": True, "hostname": "127.0.0.1"}
        if implicit:
            options |= {"ssl_context": context, "auth_require_tls": False}
        else:
            options |= {"tls_context": context, "require_starttls": True}
        running.append(Controller(handler, port=port, **options))
        running[-1].start()
        return port, handler

    yield start
    for controller in running:
        controller.stop()


def _by_tls(port, certificate, scheme="smtp+starttls", who="ada:s3cret%3A%40"):
    url = f"{scheme}://{who}@127.0.0.1:{port}?ca={certificate}"
    patience = Patience(connect=3, command=3, end=3)
    return SmtpMail(smtp_server(url), VERP, helo="mail.example", patience=patience)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_mail_under_tls_and_with_a_password(relay, certificate, scheme):
    port, handler = relay(scheme == "smtps")
    mail = _by_tls(port, certificate, scheme)
    large = RAW + (b".x" * 39 + b"\r\n") * 5_000
    for raw in (RAW, large, RAW):
        result = mail.send(envelope(raw=raw), soon())
        assert (result.outcome, result.provider_id) == (ACCEPTED, "77AA77")
    assert [got.content for got, _session in handler.got] == [RAW, large, RAW]
    assert len({session.peer for _got, session in handler.got}) == 1
    got = handler.got[0][0]
    assert VERP.attempt(got.mail_from) == "a" * 32
    assert got.rcpt_tos == ["ada@reader.example"]
    assert re.search(r": TLSv1\.3 \(certificate until .* GMT\); .*SIZE", mail.reach())
    mail.close()


def test_a_wrong_password_is_our_trouble(relay, certificate):
    port, handler = relay()
    mail = _by_tls(port, certificate, who="ada:wrong")
    result = mail.send(envelope(), soon())
    assert (result.outcome, result.scope, result.retry_after) == (NOT_SENT, Scope.ACCOUNT, 300)
    assert result.code.startswith("AUTH 535")
    assert handler.got == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_certificate_nobody_vouches_for_is_not_spoken_to(relay, certificate, scheme):
    port, handler = relay(scheme == "smtps")
    url = f"{scheme}://ada:s3cret%3A%40@127.0.0.1:{port}"
    mail = SmtpMail(smtp_server(url), VERP, helo="mail.example", patience=Patience(1, 2, 2))
    result = mail.send(envelope(), soon())
    assert (result.outcome, result.code) == (NOT_SENT, "CONNECT SSLCertVerificationError")
    assert handler.got == []


def test_a_server_that_hides_its_starttls_gets_no_password(server, certificate):
    mail = _by_tls(server.port, certificate)
    result = mail.send(envelope(), soon())
    assert (result.outcome, result.scope) == (NOT_SENT, Scope.ACCOUNT)
    assert result.code.startswith("STARTTLS")
    assert server.commands == ["EHLO mail.example"]


def test_words_slipped_in_before_the_handshake_are_not_heard(server, certificate):
    server.features = ["STARTTLS"]
    server.script["STARTTLS"] = b"220 go on\r\n250-mx.example\r\n250 AUTH PLAIN\r\n"
    result = _by_tls(server.port, certificate).send(envelope(), soon())
    assert result.outcome is NOT_SENT
    assert result.code in {"CONNECT Garbled", "CONNECT SSLError"}
    assert not any("AUTH" in line for line in server.commands)


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ("AUTH PLAIN LOGIN", ["AUTH PLAIN AGFkYQBzM2NyZXQ="]),
        ("AUTH LOGIN", ["AUTH LOGIN", "YWRh", "czNjcmV0"]),
        ("AUTH=LOGIN", ["AUTH LOGIN", "YWRh", "czNjcmV0"]),
        ("AUTH CRAM-MD5", []),
    ],
)
def test_a_relay_on_this_machine_may_want_a_password_in_the_clear(server, offered, said):
    server.features = [offered]
    if "PLAIN" not in offered:
        server.script["AUTH"] = b"334 VXNlcm5hbWU6\r\n"
    server.script |= {"YWRH": b"334 UGFzc3dvcmQ6\r\n", "CZNJCMV0": b"235 2.7.0 welcome\r\n"}
    url = smtp_server(f"smtp://ada:s3cret@127.0.0.1:{server.port}")
    mail = SmtpMail(url, VERP, helo="mail.example", patience=QUICK)
    result = mail.send(envelope(), soon())
    mail.close()
    assert (result.outcome is ACCEPTED) == bool(said)
    assert server.commands[1 : 1 + len(said)] == said
    assert said or (result.code, result.retry_after) == ("AUTH 504", 300)


# --- signatures of our own


@pytest.fixture(scope="module")
def dkim_key():
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    return pem, lambda name, timeout=5: record if name == b"s1._domainkey.mail.example." else None


LISTED = RAW.replace(
    b"Subject",
    b"List-Unsubscribe: <https://tpma.example/u/x>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nSubject",
)


@pytest.fixture
def signed(server, dkim_key):
    """LISTED as it arrived, with the means to check it."""
    pem, dns = dkim_key
    mail = made(server.port, sign=DkimSigner("mail.example", "s1", pem))
    assert mail.send(envelope(raw=LISTED), soon()).outcome is ACCEPTED
    mail.close()
    return server.got[0].raw, lambda raw: dkim.verify(raw, dnsfunc=dns)


def test_what_arrives_carries_a_signature_that_holds(signed):
    raw, holds = signed
    assert raw.endswith(LISTED)
    assert holds(raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hallo"),
        (b"An offer", b"A trap"),
        (b"Unsubscribe=One-Click", b"Unsubscribe=Two-Click"),
        (b"tpma.example/u/x", b"evil.example/u/x"),
        (b"Subject: An", b"Subject: Another\r\nSubject: An"),
        (b"From: Dana", b"From: <eve@mail.example>\r\nFrom: Dana"),
    ],
)
def test_whoever_changes_what_is_signed_breaks_it(signed, old, new):
    raw, holds = signed
    assert old in raw
    assert not holds(raw.replace(old, new))


def test_a_partners_own_domain_is_signed_for_and_returns_to_its_own_path(server, dkim_key):
    pem, dns = dkim_key
    theirs = LISTED.replace(b"mail.example>", b"news.brightline.com>")
    mail = made(server.port, sign=DkimSigner("mail.example", "s1", pem))
    sent = envelope(
        raw=theirs,
        mail_from="campaigns@news.brightline.com",
        bounce_domain="bounce.news.brightline.com",
        dkim_domain="news.brightline.com",
    )
    assert mail.send(sent, soon()).outcome is ACCEPTED
    mail.close()
    got = server.got[0]
    path = got.mail.removeprefix("MAIL FROM:").split(" ")[0]
    assert path.endswith("@bounce.news.brightline.com>")
    assert VERP.attempt(path) == "a" * 32
    assert b"d=news.brightline.com" in got.raw.partition(b"\r\nFrom:")[0]
    key = dns(b"s1._domainkey.mail.example.")
    assert dkim.verify(got.raw, dnsfunc=lambda name, timeout=5: key)


def test_one_click_cannot_be_added_to_a_mail_that_had_none(server, dkim_key):
    pem, dns = dkim_key
    raw = DkimSigner("mail.example", "s1", pem)(RAW, "a@mail.example")
    assert dkim.verify(raw, dnsfunc=dns)
    added = raw.replace(b"Subject", b"List-Unsubscribe-Post: x\r\nSubject")
    assert not dkim.verify(added, dnsfunc=dns)


@pytest.mark.parametrize("sender", ["a@other.example", "a@notmail.example", "a@example"])
def test_somebody_elses_domain_is_not_signed_for(dkim_key, sender):
    assert DkimSigner("mail.example", "s1", dkim_key[0])(RAW, sender) == RAW


@pytest.mark.parametrize("key", [b"", b"x", b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n"])
def test_a_key_that_cannot_sign_is_refused_at_the_start(key):
    with pytest.raises(Invalid, match="DKIM"):
        DkimSigner("mail.example", "s1", key)


def test_a_key_is_shown_to_nobody(dkim_key):
    assert "PRIVATE" not in repr(DkimSigner("mail.example", "s1", dkim_key[0]))


# --- what is no mail


@pytest.mark.parametrize(
    "changes",
    [
        {"rcpt_to": "ada@reader.example>\r\nRCPT TO:<eve@reader.example"},
        {"rcpt_to": "ada@reader.example> NOTIFY=NEVER"},
        {"rcpt_to": "ädä@reader.example"},
        {"rcpt_to": "ada@müller.example"},
        {"rcpt_to": '"ada lovelace"@reader.example'},
        {"rcpt_to": ""},
        {"rcpt_to": "ada@[127.0.0.1]"},
        {"mail_from": "campaigns"},
        {"attempt_id": "x"},
        {"attempt_id": "a" * 32 + "\r\nRSET"},
        {"raw": RAW + b"a\n.\nMAIL FROM:<evil@x.example>\n"},
        {"raw": RAW + b"a\r.\r\n"},
        {"raw": RAW + b"x" * 1001 + b"\r\n"},
        {"raw": b""},
        {"raw": b"\r\n\r\nno header at all\r\n"},
    ],
)
def test_what_is_no_clean_mail_is_refused_and_never_reaches_the_server(server, smtp, changes):
    assert smtp.problems(envelope(**changes))
    assert smtp.send(envelope(**changes), soon()).outcome is REFUSED
    assert server.connections == 0


_LENIENT = [HealthCheck.function_scoped_fixture]
_anything = st.text(st.characters(), max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=_LENIENT)
@given(attempt=_anything, sender=_anything, recipient=_anything, raw=st.binary(max_size=200))
def test_whatever_it_is_given_it_answers(server, smtp, attempt, sender, recipient, raw):
    given_up = envelope(attempt_id=attempt, mail_from=sender, rcpt_to=recipient, raw=raw)
    assert smtp.send(given_up, soon()).outcome in Outcome


@settings(max_examples=80, deadline=None, suppress_health_check=_LENIENT)
@given(
    step=st.sampled_from(["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END", "RSET"]),
    said=st.binary(max_size=40).map(then_drop),
    features=st.sampled_from([ALL, PLAIN, CHUNKS]),
)
def test_whatever_a_server_says_it_answers_and_never_doubts_what_cannot_have_left(
    step, said, features
):
    with ScriptedSmtp(features=features, script={step: said}) as server:
        mail = made(server.port)
        outcome = mail.send(envelope(), soon()).outcome
        mail.close()
        if outcome is MAYBE:
            assert step == "END"
        if outcome in {ACCEPTED, MAYBE}:
            assert len(server.got) == 1
        if step in {"GREETING", "EHLO", "MAIL", "RCPT", "DATA"} and not (
            features is CHUNKS and step == "DATA"
        ):
            assert server.got == [] or outcome is ACCEPTED


def test_what_ehlo_offers():
    assert features_of("mx.example\nSIZE 1000\npipelining\nAUTH PLAIN\nAUTH=LOGIN\n") == {
        "SIZE": "1000",
        "PIPELINING": "",
        "AUTH": "PLAIN LOGIN",
    }


def test_smtp_cannot_tell_what_became_of_an_attempt(smtp):
    assert smtp.lookup("m1-g1") == (Lookup.UNKNOWN, None)
    assert smtp.stored("4F3D2A1B0C") is None


def test_reaching_a_server_says_what_it_offers_and_sends_nothing(server, smtp):
    told = smtp.reach()
    assert told == (f"SMTP server 127.0.0.1:{server.port}: no TLS; PIPELINING, 8BITMIME, DSN, SIZE")
    assert server.commands == ["EHLO mail.example", "QUIT"] or server.commands == [
        "EHLO mail.example"
    ]
    server.script["GREETING"] = b"554 5.7.1 go away\r\n"
    with pytest.raises(Unavailable, match="554 5.7.1 go away"):
        smtp.reach()
