"""Settings become the way out they name, and a bad key or server is told on one line."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contracts.smtp_server import ScriptedSmtp
from tests.contracts.test_mail_smtp import envelope, soon
from tpma.adapters.report_mailboxes import ImapReports, MaildirReports
from tpma.core.errors import Invalid
from tpma.core.settings import Settings
from tpma.ports.identities import DomainSpec
from tpma.ports.mail import Outcome, Reachable
from tpma.wiring import provisioner_of, report_mailboxes, seed_of, transport_of, verp_of


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


def test_sending_domains_are_set_up_by_whoever_carries_the_mail(server, tmp_path):
    assert provisioner_of(Settings(home=tmp_path)) is None
    assert provisioner_of(Settings(home=tmp_path, mail="ses")).name == "ses"
    by_smtp = provisioner_of(smtp(server, tmp_path, spf_include="_spf.relay.example"))
    wanted = by_smtp.ensure_identity(DomainSpec("news.brightline.com")).records
    assert "v=spf1 include:_spf.relay.example -all" in [record.value for record in wanted]


def test_a_key_file_that_is_not_there_is_told_of_the_domains_too(server, tmp_path):
    with pytest.raises(Invalid, match="TPMA_DKIM_KEY_FILE"):
        provisioner_of(smtp(server, tmp_path, dkim_key_file=tmp_path / "none.pem"))


def test_test_mails_are_read_where_the_settings_say(tmp_path):
    whole = {"home": tmp_path, "seed_address": "seed@provider.example"}
    assert seed_of(Settings(**whole)) is None
    by_imap = seed_of(Settings(**whole, seed_imap_url="imaps://u:p@mail.example/INBOX"))
    assert isinstance(by_imap.mailbox, ImapReports)
    (tmp_path / "new").mkdir()
    (tmp_path / "cur").mkdir()
    (tmp_path / "new" / "1").write_bytes(b"Subject: x\r\n\r\nx")
    by_folder = seed_of(Settings(**whole, seed_maildir=tmp_path))
    [letter] = by_folder.letters(10)
    by_folder.put_aside([letter.key])
    assert by_folder.letters(10) == []
    assert by_folder.address == "seed@provider.example"
