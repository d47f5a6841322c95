"""One URL for a mail server: what it says, and what it must not say."""

import pytest

from tpma.core.servers import MailServer, Protection, imap_server, smtp_server

NONE, STARTTLS, TLS = Protection.NONE, Protection.STARTTLS, Protection.TLS


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("smtp://127.0.0.1", MailServer("127.0.0.1", 25, NONE)),
        ("smtp://localhost:2525", MailServer("localhost", 2525, NONE)),
        ("smtp://[::1]:2525", MailServer("::1", 2525, NONE)),
        ("smtp://ada:pw@localhost", MailServer("localhost", 25, NONE, "ada", "pw")),
        ("smtp+starttls://mx.example", MailServer("mx.example", 587, STARTTLS)),
        (
            "smtps://ada%40mail.example:p%40ss%3A%2F@mx.example:4465?ca=/etc/ca.pem",
            MailServer("mx.example", 4465, TLS, "ada@mail.example", "p@ss:/", "/etc/ca.pem"),
        ),
    ],
)
def test_what_a_url_says(url, found):
    assert smtp_server(url) == found


def test_a_mailbox_is_the_path():
    found = imap_server("imaps://ada:pw@mx.example/Bounces%20of%20mail")
    assert (found.port, found.protection, found.folder) == (993, TLS, "Bounces of mail")
    assert imap_server("imap+starttls://ada:pw@mx.example").folder == ""


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("", "begin with"),
        ("mx.example", "begin with"),
        ("https://mx.example", "begin with"),
        ("smtps://", "name a host"),
        ("smtps:///path", "name a host"),
        ("smtps://mx example", "name a host"),
        ("smtps://mx..example", "name a host"),
        ("smtps://müller.example", "xn--"),
        ("smtps://" + "x" * 64 + ".example", "name a host"),
        ("smtps://mx.example:0x19", "cannot be read"),
        ("smtps://mx.example:99999", "cannot be read"),
        ("smtps://[::1", "cannot be read"),
        ("smtps://ada@mx.example", "both user and password"),
        ("smtps://:pw@mx.example", "both user and password"),
        ("smtps://ada:p%0Aw@mx.example", "printable"),
        ("smtps://ada:p%C3%BCw@mx.example", "printable"),
        ("smtp://ada:pw@mx.example", "needs TLS"),
        ("smtp://ada:pw@10.0.0.1", "needs TLS"),
        ("smtps://mx.example?tls=no", "only option"),
        ("smtp://mx.example?ca=/etc/ca.pem", "is for TLS"),
    ],
)
def test_what_a_url_may_not_say_and_its_cure(url, cure):
    with pytest.raises(ValueError, match=cure) as refusal:
        smtp_server(url)
    assert "pw" not in str(refusal.value)


def test_a_password_is_no_part_of_what_is_shown():
    assert "s3cret" not in repr(smtp_server("smtps://ada:s3cret@mx.example"))
    assert str(smtp_server("smtps://ada:s3cret@mx.example")) == "mx.example:465"
