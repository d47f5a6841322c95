"""Settings become the way out they name, and a bad key or server is told on one line."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contracts.smtp_server import ScriptedSmtp
from tests.contracts.test_mail_smtp import envelope, soon
from tpma.adapters.report_mailboxes import ImapReports, MaildirReports
from tpma.core.errors import Invalid
from tpma.core.settings import Settings
from tpma.ports.mail import Outcome, Reachable
from tpma.wiring import report_mailboxes, transport_of, verp_of


@pytest.fixture
def server():
    with ScriptedSmtp() as found:
        yield found


def smtp(server, tmp_path, **more):
    url = f"smtp://127.0.0.1:{server.port}"
    return Settings(mail="smtp", smtp_url=url, home=tmp_path, secret_key="s", **more)


def test_a_mail_leaves_by_the_server_of_the_settings(server, tmp_path):
    settings = smtp(server, tmp_path, mail_domain="mail.example")
    transport = transport_of(settings)
    assert transport.send(envelope(), soon()).outcome is Outcome.ACCEPTED
    transport.close()
    sender = server.got[0].mail.removeprefix("MAIL FROM:").split(" ")[0]
    assert verp_of(settings).attempt(sender) == "a" * 32
    assert sender.endswith("@bounce.mail.example>")
    assert isinstance(transport, Reachable)


def test_a_key_file_signs_what_leaves(server, tmp_path):
    key = tmp_path / "dkim.pem"
    key.write_bytes(
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    settings = smtp(
        server,
        tmp_path,
        mail_domain="brightline.mail.example",
        bounce_domain="b.example.org",
        dkim_key_file=key,
        dkim_selector="k1",
    )
    transport = transport_of(settings)
    assert transport.send(envelope(), soon()).outcome is Outcome.ACCEPTED
    transport.close()
    head = server.got[0].raw.partition(b"\r\nFrom:")[0]
    assert b"d=brightline.mail.example" in head
    assert b"s=k1" in head
    assert "@b.example.org>" in server.got[0].mail


@pytest.mark.parametrize("content", [None, b"", b"not a key"])
def test_a_key_that_is_none_stops_the_start_and_is_named(server, tmp_path, content):
    key = tmp_path / "dkim.pem"
    if content is not None:
        key.write_bytes(content)
    with pytest.raises(Invalid, match="DKIM"):
        transport_of(smtp(server, tmp_path, dkim_key_file=key))


def test_an_authority_that_is_not_there_stops_the_start(tmp_path):
    settings = Settings(mail="smtp", smtp_url="smtps://mx.example?ca=/none.pem", home=tmp_path)
    with pytest.raises(Invalid, match="TPMA_SMTP_URL"):
        transport_of(settings)


def test_bounces_come_from_where_the_settings_say(tmp_path):
    assert report_mailboxes(Settings(home=tmp_path)) == []
    maildir, imap = report_mailboxes(
        Settings(
            home=tmp_path, dsn_maildir=tmp_path, dsn_imap_url="imaps://ada:pw@mx.example/Bounces"
        )
    )
    assert isinstance(maildir, MaildirReports)
    assert isinstance(imap, ImapReports)
