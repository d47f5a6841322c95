"""F6: what may be posted to us, and everything that may not: refused, nothing written, nothing
fetched but the one certificate, and that only when all else is right."""

import base64
import http.client
import json
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError

from tests.factories import launches as make
from tests.factories import sending as look
from tests.factories import ses
from tests.factories.ses import CERTIFICATE, NOW, TOPIC, Authority
from tests.fakes import FakeMail
from tpma import jobs
from tpma.adapters import sns_certificates
from tpma.adapters.events_sns import SnsEvents
from tpma.app import create_app
from tpma.core.errors import Unavailable
from tpma.ports.events import Forged
from tpma.sending import engine
from tpma.sending.events import subscriptions
from tpma.sending.events.models import FeedSubscription, SubscriptionState
from tpma.sending.models import EventInbox, Message, SendState
from tpma.web.security import limiter
from tpma.worker import handlers

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
handlers.load()
SNS = Authority()
STRANGER = Authority()
OLD = Authority(end=NOW - timedelta(days=1))
LATER = Authority(start=NOW + timedelta(days=1))
SHORT = Authority(bits=1024)
OTHER_TOPIC = TOPIC.replace("123456789012", "999999999999")
AT = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-" + "0a1b2c3d" * 4 + ".pem"


class Fetcher:
    """Knows one address; any other is an attack that came through."""

    def __init__(self, pem=SNS.pem):
        self.asked, self.pem = [], pem

    def __call__(self, url):
        self.asked.append(url)
        assert url == CERTIFICATE, f"fetched {url}"
        if isinstance(self.pem, Exception):
            raise self.pem
        return self.pem


class Confirmer(SnsEvents):
    def __init__(self, *args, **given):
        super().__init__(*args, **given)
        self.confirmed = []

    def confirm(self, topic, token):
        self.confirmed.append((topic, token))


@pytest.fixture
def fetcher():
    return Fetcher()


@pytest.fixture
def door(system, fetcher):
    return replace(system, push=Confirmer({TOPIC}, fetch=fetcher))


@pytest.fixture
def post(app, door, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", False)
    app.extensions["tpma"] = door
    client = app.test_client()

    def send(body, kind="text/plain; charset=UTF-8", path="/hooks/sns/ses", **more):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(path, data=data, content_type=kind, **more)

    return send


@contextmanager
def writes(db):
    """Statements that change something, or prepare to."""
    seen = []

    def look_at(_connection, _cursor, statement, *_rest):
        if (
            statement.lstrip()
            .upper()
            .startswith(("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE", "REPLACE"))
        ):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", look_at)
    yield seen
    event.remove(db.engine, "before_cursor_execute", look_at)


def _inbox(db):
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(EventInbox))


GOOD = SNS.message(ses.bounce())


def _url(address):
    """A message whose certificate is said to lie there; SNS does not sign that field."""
    return GOOD | {"SigningCertURL": address}


def _stamp(**span):
    return (NOW + timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


PATH = CERTIFICATE.removeprefix("https://sns.eu-west-1.amazonaws.com")
# name: (message, certificates that may be fetched, answer)
FORGED = {
    "signed by a stranger": (STRANGER.message(ses.bounce()), 1, 403),
    "not signed": (GOOD | {"Signature": ""}, 1, 403),
    "without the signature": ({k: v for k, v in GOOD.items() if k != "Signature"}, 0, 403),
    "a signature that is no base64": (GOOD | {"Signature": "!!!!"}, 0, 403),
    "a signature that is a number": (GOOD | {"Signature": 1}, 0, 403),
    "another text under a true signature": (
        GOOD | {"Message": json.dumps(ses.complaint())}, 1, 403,
    ),
    "another subject": (GOOD | {"Subject": "Amazon SES"}, 1, 403),
    "the subject taken away": ({k: v for k, v in GOOD.items() if k != "Subject"}, 1, 403),
    "a subject that was not there": (
        SNS.message(ses.bounce(), Subject=None) | {"Subject": "x"}, 1, 403,
    ),
    "another id": (GOOD | {"MessageId": "22b80b92-fdea-4c2c-8f9d-000000000000"}, 1, 403),
    "a line break in the id": (GOOD | {"MessageId": "22b8\nSubject\nx"}, 0, 403),
    "another type": (GOOD | {"Type": "SubscriptionConfirmation", "Token": "t",
                             "SubscribeURL": "https://x"}, 1, 403),
    "a type nobody knows": (GOOD | {"Type": "Notice"}, 0, 403),
    "downgraded to version 1": (GOOD | {"SignatureVersion": "1"}, 0, 403),
    "version 1, truly signed": (SNS.message(ses.bounce(), sha1=True), 0, 403),
    "SHA-1 called version 2": (
        SNS.message(ses.bounce(), sha1=True, SignatureVersion="2"), 1, 403,
    ),
    "version 3": (GOOD | {"SignatureVersion": "3"}, 0, 403),
    "no version": ({k: v for k, v in GOOD.items() if k != "SignatureVersion"}, 0, 403),
    "a topic of somebody else, truly signed": (
        SNS.message(ses.bounce(), TopicArn=OTHER_TOPIC), 0, 403,
    ),
    "a topic that begins like ours": (SNS.message(ses.bounce(), TopicArn=TOPIC + "2"), 0, 403),
    "our topic in other letters": (
        SNS.message(ses.bounce(), TopicArn=TOPIC.replace("tpma", "TPMA")), 0, 403,
    ),
    "our topic with a space": (SNS.message(ses.bounce(), TopicArn=TOPIC + " "), 0, 403),
    "our topic put over another": (
        SNS.message(ses.bounce(), TopicArn=OTHER_TOPIC) | {"TopicArn": TOPIC}, 1, 403,
    ),
    "without a topic": ({k: v for k, v in GOOD.items() if k != "TopicArn"}, 0, 403),
    "replayed after 75 minutes": (
        SNS.message(ses.bounce(), Timestamp=_stamp(minutes=-76)), 0, 403,
    ),
    "from the future": (SNS.message(ses.bounce(), Timestamp=_stamp(minutes=76)), 0, 403),
    "a new time on an old message": (
        SNS.message(ses.bounce(), Timestamp=_stamp(days=-2)) | {"Timestamp": _stamp()}, 1, 403,
    ),
    "no real time": (SNS.message(ses.bounce(), Timestamp="2026-13-41T00:00:00.000Z"), 0, 403),
    "a time in words": (SNS.message(ses.bounce(), Timestamp="now"), 0, 403),
    "certificate by http": (_url(CERTIFICATE.replace("https", "http")), 0, 403),
    "certificate by HTTPS://": (_url(CERTIFICATE.replace("https", "HTTPS")), 0, 403),
    "certificate from a file": (_url("file:///etc/passwd"), 0, 403),
    "certificate of a host that ends alike": (
        _url("https://evil-sns.eu-west-1.amazonaws.com" + PATH), 0, 403,
    ),
    "certificate of a host that begins alike": (
        _url("https://sns.eu-west-1.amazonaws.com.evil.example" + PATH), 0, 403,
    ),
    "certificate of a bucket": (_url("https://s3.eu-west-1.amazonaws.com" + PATH), 0, 403),
    "certificate of a host with a dot for a hyphen": (
        _url("https://sns.eu-west-1xamazonaws.com" + PATH), 0, 403,
    ),
    "certificate of a look-alike letter": (
        _url("https://sns.eu-west-1.\u0430mazonaws.com" + PATH), 0, 403,
    ),
    "certificate with a port": (_url("https://sns.eu-west-1.amazonaws.com:443" + PATH), 0, 403),
    "certificate with a user": (
        _url("https://sns.eu-west-1.amazonaws.com@evil.example" + PATH), 0, 403,
    ),
    "certificate with a user before": (
        _url("https://evil@sns.eu-west-1.amazonaws.com" + PATH), 0, 403,
    ),
    "certificate with a backslash": (
        _url("https://evil.example\\@sns.eu-west-1.amazonaws.com" + PATH), 0, 403,
    ),
    "certificate with a fragment": (_url(CERTIFICATE + "#.pem"), 0, 403),
    "certificate with a query": (_url(CERTIFICATE + "?x=.pem"), 0, 403),
    "certificate with a line break": (_url(CERTIFICATE + "\n"), 0, 403),
    "certificate of another region": (_url(CERTIFICATE.replace("eu-west-1", "us-east-1")), 0, 403),
    "certificate by another path": (_url(AT.replace("/Simple", "/x/Simple")), 0, 403),
    "certificate by a path of dots": (_url(AT.replace("/Simple", "/../Simple")), 0, 403),
    "certificate of a short name": (_url(AT.replace("0a1b2c3d.pem", ".pem")), 0, 403),
    "certificate in capital letters": (_url(AT.replace("0a1b2c3d", "0A1B2C3D")), 0, 403),
    "certificate at an unclosed bracket": (_url("https://[sns" + PATH), 0, 403),
    "a subscription nobody asked for": (SNS.subscription(), 1, 403),
    "a subscription of another topic": (SNS.subscription(TopicArn=OTHER_TOPIC), 0, 403),
    "a subscription signed by a stranger": (STRANGER.subscription(), 1, 403),
    "an unsubscription signed by a stranger": (
        STRANGER.subscription("UnsubscribeConfirmation"), 1, 403,
    ),
    "no object": (["Notification"], 0, 400),
    "no JSON": (b"Notification", 0, 400),
    "no UTF-8": (b'{"Type": "\xff"}', 0, 400),
    "nested to death": (b"[" * 100_000, 0, 400),
    "nothing": (b"", 0, 400),
    "half a letter": (GOOD | {"Message": "\ud800"}, 0, 403),
    "larger than 256 KB": (GOOD | {"Message": "x" * 256 * 1024}, 0, 413),
}  # fmt: skip


@pytest.mark.parametrize("case", FORGED)
def test_forged_and_malformed_messages_are_refused(db, post, fetcher, case):
    message, fetches, status = FORGED[case]
    with writes(db) as written:
        answer = post(message)
    assert answer.status_code == status
    assert written == []
    assert len(fetcher.asked) <= fetches
    assert _inbox(db) == 0


@pytest.mark.parametrize(
    ("pem", "status"),
    [
        (OLD.pem, 403),
        (LATER.pem, 403),
        (SHORT.pem, 403),
        (STRANGER.pem, 403),
        (SNS.pem + STRANGER.pem, 403),  # a chain that does not hold
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 403),
        (b"", 403),
        (SNS.pem + b"\n" * 16 * 1024, 403),
        (Forged("301"), 403),
        (Unavailable("no route"), 503),
    ],
    ids=["expired", "not yet", "short key", "another's", "chain", "junk", "empty", "large",
         "redirect", "unreachable"],
)  # fmt: skip
def test_a_certificate_that_does_not_hold_proves_nothing(db, post, fetcher, pem, status):
    fetcher.pem = pem
    signer = (
        {OLD.pem: OLD, LATER.pem: LATER, SHORT.pem: SHORT}.get(pem, SNS)
        if isinstance(pem, bytes)
        else SNS
    )
    with writes(db) as written:
        assert post(signer.message(ses.bounce())).status_code == status
    assert written == []


def test_a_key_of_another_kind_proves_nothing(db, post, fetcher):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    made = made.public_key(key.public_key()).not_valid_before(NOW).not_valid_after(NOW)
    fetcher.pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    assert post(GOOD).status_code == 403


@pytest.fixture
def sent(db, session, system):
    """One message whose fate is in doubt: the id of its attempt."""
    launch = make.running_launch(contacts=1)
    session.commit()
    engine.drain(look.by(system, FakeMail()), look.owner())
    with db.transaction() as own:
        own.execute(update(Message).values(send_state=SendState.IN_DOUBT))
    return launch, look.attempts(db)[0].id.hex


def test_a_signed_event_of_our_topic_is_applied_once(db, post, sent, fetcher):
    launch, attempt = sent
    message = SNS.message(ses.delivery(attempt))
    assert [post(message).status_code for _copy in range(3)] == [200] * 3
    assert look.states(db, launch.id) == ["accepted"]
    assert _inbox(db) == 1
    assert fetcher.asked == [CERTIFICATE]  # kept


@pytest.mark.parametrize("subject", ["Amazon SES Email Event Notification", None, ""])
def test_the_subject_is_signed_when_it_is_there(db, post, subject):
    assert post(SNS.message(ses.send(), Subject=subject)).status_code == 200


def test_a_null_subject_is_no_subject(db, post):
    message = SNS.message(ses.send(), Subject=None)
    assert post(message | {"Subject": None}).status_code == 200


def test_version_1_is_taken_where_it_was_allowed(db, door, app, post, fetcher):
    app.extensions["tpma"] = replace(door, push=SnsEvents({TOPIC}, sha1=True, fetch=fetcher))
    assert post(SNS.message(ses.send(), sha1=True)).status_code == 200
    assert post(GOOD | {"SignatureVersion": "1"}).status_code == 403


@pytest.mark.parametrize(
    ("host", "region"),
    [("amazonaws.com.cn", "cn-north-1"), ("amazonaws.eu", "eusc-de-east-1")],
)
def test_other_clouds_of_the_same_house_have_hosts_of_their_own(db, app, door, post, host, region):
    asked = []
    topic = f"arn:aws-cn:sns:{region}:123456789012:t"
    fetch = lambda url: asked.append(url) or SNS.pem  # noqa: E731
    app.extensions["tpma"] = replace(door, push=SnsEvents({topic}, fetch=fetch))
    url = CERTIFICATE.replace("eu-west-1.amazonaws.com", f"{region}.{host}")
    message = SNS.message(ses.send(), TopicArn=topic, SigningCertURL=url)
    assert post(message).status_code == 200
    assert asked == [url]


def test_a_database_in_trouble_asks_for_another_try(db, post, sent, monkeypatch):
    def locked(*_args):
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr("tpma.sending.hooks.feedback.ingest", locked)
    assert post(SNS.message(ses.delivery(sent[1]))).status_code == 503


@pytest.mark.parametrize("kind", ["text/html", "multipart/form-data; boundary=x", ""])
def test_only_text_is_taken(db, post, fetcher, kind):
    assert post(GOOD, kind).status_code == 415
    assert fetcher.asked == []


@pytest.mark.parametrize("path", ["/hooks/sns/", "/hooks/sns/outbox", "/hooks/sns/ses/x"])
def test_other_addresses_are_not_there(db, post, path):
    assert post(GOOD, path=path).status_code == 404


def test_without_topics_there_is_no_door(db, app, system, post):
    app.extensions["tpma"] = system
    assert post(GOOD).status_code == 404


def test_the_door_cannot_be_looked_through(db, app, door):
    app.extensions["tpma"] = door
    assert app.test_client().get("/hooks/sns/ses").status_code == 405


@pytest.fixture
def limited(door, monkeypatch):
    """A client of an app whose limits are on, that posts from one address."""
    monkeypatch.setattr(limiter, "enabled", True)
    app = create_app(door)
    limiter.reset()
    client = app.test_client()

    def send(message):
        return client.post(
            "/hooks/sns/ses",
            data=json.dumps(message),
            content_type="text/plain",
            environ_base={"REMOTE_ADDR": "203.0.113.9"},
        ).status_code

    yield send
    limiter.reset()


def test_a_forger_is_shut_out_before_any_cryptography(db, limited, monkeypatch):
    forged = STRANGER.message(ses.bounce())
    assert [limited(forged) for _try in range(33)] == [403] * 30 + [429] * 3
    opened = []
    monkeypatch.setattr(SnsEvents, "open", lambda *_args: opened.append(1))
    assert limited(forged) == 429
    assert opened == []


def test_who_is_always_right_is_never_shut_out(db, limited):
    assert {limited(SNS.message(ses.send())) for _try in range(60)} == {200}


def test_a_subscription_we_wait_for_is_confirmed_by_the_api(db, door, post):
    with db.transaction() as session:
        subscriptions.expect(session, TOPIC)
    assert post(SNS.subscription()).status_code == 200
    jobs.run_due(door)
    assert door.push.confirmed == [(TOPIC, "2336412f37")]
    with db.reading() as session:
        assert session.get_one(FeedSubscription, TOPIC).state is SubscriptionState.CONFIRMED
    assert post(SNS.subscription()).status_code == 403  # hijack: nobody waits any more
    jobs.run_due(door)
    assert len(door.push.confirmed) == 1


def test_two_askers_are_confirmed_once(db, door, post):
    with db.transaction() as session:
        subscriptions.expect(session, TOPIC)
    assert post(SNS.subscription()).status_code == 200
    assert post(SNS.subscription()).status_code == 200
    jobs.run_due(door)
    assert len(door.push.confirmed) == 1


def test_an_ended_subscription_is_an_alarm(db, post):
    assert post(SNS.subscription("UnsubscribeConfirmation")).status_code == 200
    with db.reading() as session:
        assert subscriptions.lost(session) == [TOPIC]


class TestCertificates:
    """The cache, by the clock it is given."""

    def _ask(self, certificates, now=NOW, url=CERTIFICATE):
        fields = SNS.message("x")
        names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
        signed = "".join(f"{name}\n{fields[name]}\n" for name in names).encode()
        signature = base64.b64decode(fields["Signature"])
        certificates.verify(url, "2", signature, signed, now)

    def test_it_is_kept_for_a_day(self, db, fetcher):
        certificates = sns_certificates.Certificates(fetcher)
        for hours in (0, 1, 23):
            self._ask(certificates, NOW + timedelta(hours=hours))
        assert len(fetcher.asked) == 1
        self._ask(certificates, NOW + timedelta(hours=25))
        assert len(fetcher.asked) == 2

    def test_a_refusal_is_kept_for_five_minutes(self, db):
        fetcher = Fetcher(Forged("404"))
        certificates = sns_certificates.Certificates(fetcher)
        for minutes in (0, 1, 4.9, 5.1):
            with pytest.raises(Forged):
                self._ask(certificates, NOW + timedelta(minutes=minutes))
        assert len(fetcher.asked) == 2

    def test_a_network_in_trouble_is_asked_again_soon(self, db):
        fetcher = Fetcher(Unavailable("no route"))
        certificates = sns_certificates.Certificates(fetcher)
        for seconds in (0, 5, 11):
            with pytest.raises(Unavailable):
                self._ask(certificates, NOW + timedelta(seconds=seconds))
        assert len(fetcher.asked) == 2

    def test_many_who_ask_at_once_fetch_once(self, db):
        asked, gate = [], threading.Event()

        def slow(url):
            asked.append(url)
            gate.wait(0.2)
            return SNS.pem

        certificates = sns_certificates.Certificates(slow)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _turn: self._ask(certificates), range(8)))
        assert len(asked) == 1

    def test_a_flood_of_addresses_costs_twenty_fetches_a_minute(self, db):
        asked = []

        def none(url):
            asked.append(url)
            raise Forged("404")

        certificates = sns_certificates.Certificates(none)
        for n in range(50):
            with pytest.raises((Forged, Unavailable)):
                self._ask(certificates, url=f"https://sns/{n}")
        assert len(asked) == 20

    def test_it_expires_while_it_is_kept(self, db):
        brief = Authority(end=NOW + timedelta(hours=1))
        certificates = sns_certificates.Certificates(lambda _url: brief.pem)
        with pytest.raises(Forged, match="signature"):
            self._ask(certificates)
        with pytest.raises(Forged, match="in force"):
            self._ask(certificates, NOW + timedelta(hours=2))


class TestFetch:
    """The one request we make, against servers that mean harm; no name leaves this machine."""

    @pytest.fixture
    def serve(self, db, tmp_path, monkeypatch):
        """A TLS server on loopback that says these bytes, trusted by the client."""
        import socket
        from ipaddress import ip_address

        key = Authority().key
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(2)
        made = made.public_key(key.public_key()).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        from tpma.core.clock import utc_now

        now = utc_now()
        made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(
            now + timedelta(days=1)
        )
        pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (tmp_path / "c.pem").write_bytes(pem + secret)
        listening = socket.create_server(("127.0.0.1", 0))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "c.pem")
        client = ssl.create_default_context(cafile=str(tmp_path / "c.pem"))
        over = threading.Event()

        def start(says, *, trusted=True):
            if trusted:
                monkeypatch.setattr(ssl, "create_default_context", lambda: client)

            def answer():
                connection, _peer = listening.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as tls:
                        tls.recv(4096)
                        for part in says:
                            if over.wait(0.05 if len(says) > 2 else 0):
                                return
                            tls.sendall(part)
                except OSError:
                    connection.close()

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            threads.append(thread)
            return f"https://127.0.0.1:{listening.getsockname()[1]}/c.pem"

        threads = []
        yield start
        over.set()
        for thread in threads:
            thread.join(5)
        listening.close()

    def test_it_brings_what_is_there(self, serve):
        body = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npem"
        assert sns_certificates.fetch(serve([body])) == b"pem"

    @pytest.mark.parametrize(
        "head",
        [
            b"302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0",
            b"404 Not Found\r\nContent-Length: 0",
            b"206 Partial Content\r\nContent-Length: 3\r\n\r\npem",
        ],
    )
    def test_any_other_answer_is_a_refusal(self, serve, head):
        with pytest.raises(Forged):
            sns_certificates.fetch(serve([b"HTTP/1.1 " + head + b"\r\n\r\n"]))

    def test_a_gigabyte_is_left_after_16_kilobytes(self, serve):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
        with pytest.raises(Forged, match="large"):
            sns_certificates.fetch(serve([head, b"x" * 65536]))

    def test_a_trickle_is_left_after_a_while(self, serve, monkeypatch):
        monkeypatch.setattr(sns_certificates, "_WHOLE", 0.3)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
        with pytest.raises(Unavailable, match="slowly"):
            sns_certificates.fetch(serve([head, *[b"x"] * 200]))

    def test_a_server_nobody_vouches_for_is_not_asked(self, serve):
        with pytest.raises(Unavailable, match="SSL"):
            sns_certificates.fetch(serve([b""], trusted=False))

    def test_no_answer_is_no_verdict(self, db):
        assert issubclass(http.client.IncompleteRead, http.client.HTTPException)
        with pytest.raises(Unavailable):
            sns_certificates.fetch("https://127.0.0.1:1/c.pem")
