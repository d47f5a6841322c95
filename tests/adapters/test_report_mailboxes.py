"""Returned mail is read, applied, and only then put aside; a death in between costs nothing."""

import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from tests import factories
from tests.adapters.imap_server import ScriptedImap
from tests.adapters.test_dsn import ATTEMPT, OUT_OF_OFFICE, POSTFIX, YAHOO
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.adapters.dsn import Kind, Sort, read
from tpma.adapters.events_reports import ReportEvents
from tpma.adapters.report_mailboxes import ImapReports, MaildirReports
from tpma.adapters.verp import Verp
from tpma.audiences.models import Suppression, SuppressionReason
from tpma.core.errors import Unavailable
from tpma.core.servers import imap_server
from tpma.core.signing import Signer
from tpma.sending.models import Attempt, DeliveryFact, FactKind
from tpma.worker.loop import listen, settle

VERP = Verp(Signer("secret"), "bounce.mail.example")
BOUNCE = POSTFIX.replace("\n", "\r\n").encode()
RECEIVED = datetime(2026, 11, 22, 9, 30, 6, tzinfo=UTC)


def collect(mailbox, verp, apply, most=100):
    """Read what is waiting, apply it, then put it aside; how many mails that were."""
    done = []
    try:
        for letter in mailbox.letters(most):
            apply(read(letter.raw, verp, letter.received))
            done.append(letter.key)
    finally:
        if done:
            mailbox.put_aside(done)
    return len(done)


class Maildir:
    """A mail server's side of a Maildir."""

    def __init__(self, path):
        self.path = path
        for folder in ("cur", "new", "tmp"):
            (path / folder).mkdir(parents=True)
        self.mailbox = MaildirReports(path)
        self.number = 0

    def deliver(self, raw, folder="new"):
        self.number += 1
        file = self.path / folder / f"{self.number}.M1P2.host"
        file.write_bytes(raw)
        os.utime(file, (RECEIVED.timestamp(),) * 2)

    def waiting(self):
        return sum(len(list((self.path / folder).iterdir())) for folder in ("new", "cur"))

    def aside(self):
        return [file.read_bytes() for file in sorted((self.path / ".tpma-read/cur").glob("*"))]


class Imap:
    def __init__(self, server):
        self.server = server
        self.mailbox = ImapReports(imap_server(f"imap://ada:s3cret@127.0.0.1:{server.port}"))

    def deliver(self, raw):
        self.server.waiting[len(self.server.waiting) + len(self.server.aside) + 1] = raw

    def waiting(self):
        return len(self.server.waiting)

    def aside(self):
        return list(self.server.aside.values())


@pytest.fixture
def imap():
    with ScriptedImap() as server:
        yield server


@pytest.fixture(params=["maildir", "imap", "imap without MOVE"])
def place(request, tmp_path):
    if request.param == "maildir":
        return Maildir(tmp_path / "reports")
    server = request.getfixturevalue("imap")
    server.can_move = request.param == "imap"
    return Imap(server)


def test_what_is_waiting_is_applied_in_order_and_put_aside(place):
    mails = [BOUNCE, YAHOO.encode(), OUT_OF_OFFICE.encode(), b"what?"]
    for mail in mails:
        place.deliver(mail)
    told = []
    assert collect(place.mailbox, VERP, told.append) == 4
    assert [one.sort for one in told] == [
        Sort.DELIVERY,
        Sort.COMPLAINT,
        Sort.AUTO_REPLY,
        Sort.OTHER,
    ]
    assert [r.kind for one in told for r in one.reports] == [Kind.BOUNCED_HARD, Kind.COMPLAINED]
    assert (place.waiting(), place.aside()) == (0, mails)
    assert collect(place.mailbox, VERP, told.append) == 0


def test_what_could_not_be_committed_stays_and_is_read_again(place):
    place.deliver(BOUNCE)
    place.deliver(YAHOO.encode())
    told = []

    def the_second_fails(returned):
        if told:
            raise RuntimeError("the database is down")
        told.append(returned)

    with pytest.raises(RuntimeError):
        collect(place.mailbox, VERP, the_second_fails)
    assert (place.waiting(), place.aside()) == (1, [BOUNCE])
    assert collect(place.mailbox, VERP, told.append) == 1
    assert [one.sort for one in told] == [Sort.DELIVERY, Sort.COMPLAINT]


def test_a_death_between_commit_and_putting_aside_gives_the_same_report_again(place, monkeypatch):
    place.deliver(BOUNCE)
    told = []
    with monkeypatch.context() as patch:
        patch.setattr(type(place.mailbox), "put_aside", lambda *_a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            collect(place.mailbox, VERP, told.append)
    collect(place.mailbox, VERP, told.append)
    assert told[0] == told[1]


def test_so_many_at_a_time(place):
    for _mail in range(5):
        place.deliver(BOUNCE)
    told = []
    assert collect(place.mailbox, VERP, told.append, most=2) == 2
    assert place.waiting() == 3


def test_a_report_without_a_date_has_the_hour_it_came(place):
    place.deliver(
        POSTFIX.replace("Last-Attempt-Date", "X-Date").replace("\nDate:", "\nX:").encode()
    )
    told = []
    collect(place.mailbox, VERP, told.append)
    assert told[0].reports[0].at == RECEIVED


def test_doctor_is_told_how_many_wait(place):
    place.deliver(BOUNCE)
    assert place.mailbox.reach().endswith(": 1 waiting")
    assert place.waiting() == 1


def test_mail_a_person_has_looked_at_is_read_too_and_hidden_files_are_not(tmp_path):
    place = Maildir(tmp_path / "reports")
    place.deliver(BOUNCE, "cur")
    (place.path / "new" / ".keep").write_text("")
    (place.path / "new" / "link").symlink_to("/etc/hostname")
    told = []
    assert collect(place.mailbox, VERP, told.append) == 1


def test_a_maildir_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Unavailable, match="No such file"):
        MaildirReports(tmp_path / "none").reach()


def test_an_imap_server_that_is_not_there_is_told():
    mailbox = ImapReports(imap_server("imap://ada:s3cret@127.0.0.1:1"))
    with pytest.raises(Unavailable, match="refused"):
        mailbox.reach()


def test_a_mailbox_numbered_anew_moves_nothing_it_does_not_mean(imap):
    place = Imap(imap)
    place.deliver(BOUNCE)
    [letter] = place.mailbox.letters(10)
    imap.numbering = 8
    place.mailbox.put_aside([letter.key])
    assert place.waiting() == 1


def test_what_somebody_else_put_aside_meanwhile_is_no_fault(place):
    place.deliver(BOUNCE)
    [letter] = place.mailbox.letters(10)
    place.mailbox.put_aside([letter.key])
    place.mailbox.put_aside([letter.key])
    assert (place.waiting(), place.aside()) == (0, [BOUNCE])


@pytest.mark.parametrize("command", ["LOGIN", "SELECT", "SEARCH", "FETCH", "MOVE"])
def test_an_imap_server_that_says_no_is_told_and_nothing_is_lost(imap, command):
    place = Imap(imap)
    place.deliver(BOUNCE)
    imap.fail = command
    with pytest.raises(Unavailable, match="not today"):
        collect(place.mailbox, VERP, lambda _returned: None)
    assert place.waiting() == 1


def test_a_mail_is_looked_at_without_being_marked(imap):
    place = Imap(imap)
    place.deliver(BOUNCE)
    collect(place.mailbox, VERP, lambda _returned: None)
    assert any("BODY.PEEK[]" in line for line in imap.said)


def test_a_bounce_suppresses_through_the_pipeline_every_provider_uses(system, tmp_path):
    """From a mail that a server took to its fact, once, though the report came twice."""
    system = look.by(system, FakeMail())
    with system.db.transaction() as session:
        factories.bind(session)
        make.running_launch(contacts=1)
    settle(system)
    with system.db.reading() as reading:
        attempt_id = reading.scalars(select(Attempt.id)).one()
    verp = Verp(system.signer, "bounce.mail.example")
    text = POSTFIX.replace(
        Verp(Signer("secret"), verp.domain).address(ATTEMPT), verp.address(attempt_id.hex)
    ).replace(ATTEMPT, attempt_id.hex)
    place = Maildir(tmp_path / "reports")
    place.deliver(text.encode())
    place.deliver(text.encode())
    source = ReportEvents([place.mailbox], verp, sleep=lambda _seconds: None)
    listening = replace(system, events=source)
    assert listen(listening, wait_s=0) == 2
    assert (listen(listening, wait_s=0), place.waiting()) == (0, 0)
    with system.db.reading() as reading:
        facts = reading.scalars(select(DeliveryFact.kind).order_by(DeliveryFact.kind)).all()
        closed = reading.scalars(select(Suppression.reason)).all()
    assert facts.count(FactKind.BOUNCED_HARD) == 1
    assert closed == [SuppressionReason.HARD_BOUNCE]
