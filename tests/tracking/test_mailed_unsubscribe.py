"""A mail to the address of List-Unsubscribe stops the mails to exactly whom its token names."""

import re
from dataclasses import replace
from email.header import Header
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.adapters.events_reports import ReportEvents
from tpma.adapters.report_mailboxes import MaildirReports
from tpma.adapters.verp import Verp
from tpma.audiences.models import Consent, ConsentState, Contact
from tpma.core.signing import Signer
from tpma.sending import engine
from tpma.sending.events.models import EventCount
from tpma.sending.models import DeliveryFact, FactKind, SendState
from tpma.worker.loop import settle

ADDRESS = "unsubscribe@mail.tpma.example"


@pytest.fixture
def place(system, tmp_path, session):
    """A launch of three that is out, and a mailbox beside whatever tells of events."""
    for part in ("new", "cur", "tmp"):
        (tmp_path / "box" / part).mkdir(parents=True)
    source = ReportEvents(
        [MaildirReports(tmp_path / "box")],
        Verp(system.signer, "bounce.mail.tpma.example"),
        unsubscribe=ADDRESS,
        sleep=lambda _seconds: None,
    )
    launch = make.running_launch(contacts=3)
    session.commit()
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    return Place(replace(system, events=source), tmp_path / "box", launch.id, mail)


class Place:
    def __init__(self, system, box, launch_id, mail):
        self.system, self.box, self.launch_id, self.mail = system, box, launch_id, mail

    def write(self, subject, to=ADDRESS, sender="anybody@elsewhere.example", name="1", **headers):
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = sender, to, subject
        for field, value in headers.items():
            letter[field.replace("_", "-")] = value
        letter.set_content("unsubscribe")
        (self.box / "new" / name).write_bytes(letter.as_bytes())

    def settle(self):
        settle(self.system)

    def withdrawn(self):
        """Addresses whose newest consent is a withdrawal."""
        with self.system.db.reading() as session:
            rows = session.execute(
                select(Contact.email, Consent.state).join(Consent).order_by(Consent.seq)
            )
            newest = dict(rows.all())
        return [email for email, state in newest.items() if state is ConsentState.WITHDRAWN]

    def counted(self):
        with self.system.db.reading() as session:
            rows = session.execute(select(EventCount.result, EventCount.n).where(
                EventCount.kind == "unsubscribe"
            ))  # fmt: skip
            return dict(rows.all())

    def token_of(self, number=0):
        """As the mail's own header carries it."""
        raw = self.mail.asked[number].raw
        head = re.search(rb"List-Unsubscribe: [^\r]*<mailto:([^>]+)>", raw)
        address, _sign, token = head[1].decode().partition("?subject=")
        assert address == ADDRESS
        return token, self.mail.asked[number].rcpt_to


@pytest.mark.parametrize(
    "said",
    [
        lambda token: token,
        lambda token: f"Re: unsubscribe {token} please",
        lambda token: Header(f"Abmelden für {token}", "utf-8").encode(),
    ],
)
def test_the_reader_whom_the_token_names_is_unsubscribed_and_nobody_else(place, said):
    token, reader = place.token_of(1)
    place.write(said(token))
    place.settle()
    assert place.withdrawn() == [reader]
    assert place.counted() == {"applied": 1}
    with place.system.db.reading() as session:
        [fact] = session.scalars(
            select(DeliveryFact).where(DeliveryFact.kind == FactKind.UNSUBSCRIBED)
        )
    assert fact.detail == "mail"


def test_the_same_mail_read_twice_and_a_second_one_change_nothing(place):
    token, reader = place.token_of()
    place.write(token)
    place.settle()
    place.write(token, name="2")  # byte for byte the same
    place.write(f"{token} again", name="3")
    place.settle()
    assert place.withdrawn() == [reader]
    assert place.counted() == {"applied": 1, "repeated": 1}


@pytest.mark.parametrize("kind", ["forged", "other purpose", "no such mail", "none", "two"])
def test_what_names_nobody_for_sure_is_refused_and_counted(place, kind):
    tokens = [place.token_of(number)[0] for number in range(2)]
    flipped = tokens[0][:-1] + ("A" if tokens[0][-1] != "A" else "B")
    place.write(
        {
            "forged": flipped,
            "other purpose": place.system.signer.token(1, "landing"),
            "no such mail": place.system.signer.token(2**40),
            "none": "stop this",
            "two": " ".join(tokens),
        }[kind]
    )
    place.settle()
    assert place.withdrawn() == []
    assert place.counted() == {"forged": 1}


def test_a_token_of_another_installation_names_nobody(place):
    place.write(Signer("another-secret").token(1))
    place.settle()
    assert (place.withdrawn(), place.counted()) == ([], {"forged": 1})


def test_the_sender_of_the_mail_proves_nothing(place):
    _token, reader = place.token_of()
    place.write("unsubscribe", sender=reader)
    place.settle()
    assert place.withdrawn() == []


def test_a_mail_to_another_address_unsubscribes_nobody(place):
    token, _reader = place.token_of()
    place.write(token, to="postmaster@mail.tpma.example")
    place.settle()
    assert (place.withdrawn(), place.counted()) == ([], {})


def test_where_events_come_by_a_queue_the_mailbox_is_read_all_the_same(place):
    place.system = replace(place.system, letters=place.system.events, events=None)
    token, reader = place.token_of()
    place.write(token)
    place.settle()
    assert place.withdrawn() == [reader]
    assert not list((place.box / "new").iterdir())


def test_no_mail_leaves_after_it_was_read(place, db, session):
    token, reader = place.token_of()
    place.write(token)
    place.settle()
    mail = FakeMail()
    with db.transaction() as own:
        for message in look.messages(db, place.launch_id):
            row = own.get_one(type(message), message.id)
            row.send_state = SendState.QUEUED
    engine.drain(look.by(place.system, mail), look.owner())
    assert reader not in [one.rcpt_to for one in mail.asked]
