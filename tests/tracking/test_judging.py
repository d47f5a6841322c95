"""Verdicts that other hits decide: traps, gateways, style sheets; and verdicts asked for again."""

import pytest
from sqlalchemy import func, select, update

from tests import factories
from tests.factories import launches, pages, tracking
from tests.factories.tracking import CHROME
from tpma.audiences.models import Contact
from tpma.core.signing import link_character
from tpma.identity.models import Organisation
from tpma.jobs import Job
from tpma.launches.models import Launch
from tpma.rendering.mail import TRAP
from tpma.sending.models import Message
from tpma.tracking import counting, service
from tpma.tracking import jobs as tracking_jobs
from tpma.tracking.models import EventType, TrackingEvent, Verdict

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LISTED = "40.92.0.9"


@pytest.fixture
def mails(session, clock):
    """One launch's mails to seven people of one company, and one to another."""
    made = pages.launch()
    pages.page(made, ("en-US",))
    company = session.get_one(Organisation, made.tenant_id)
    people = [launches.contact(company, email=f"p{n}@mill-works.com") for n in range(7)]
    people.append(launches.contact(company, email="x@gmail.com"))
    found = [tracking.message(made, person) for person in people]
    session.commit()
    clock.forward(hours=1)
    return found


@pytest.fixture
def hit(client, system):
    """Ask for a link of a mail, or for what `path` says, from an address."""

    def ask(mail, number=0, *, agent=CHROME, address="203.0.113.7", path="/c/{}{}"):
        token = system.signer.token(mail.id)
        return client.get(
            path.format(token, link_character(number)),
            headers={"User-Agent": agent},
            environ_base={"REMOTE_ADDR": address},
        )

    return ask


def verdicts(db, kind=EventType.CLICK) -> list[tuple[Verdict, str]]:
    with db.reading() as session:
        rows = session.execute(
            select(TrackingEvent.verdict, TrackingEvent.rule)
            .where(TrackingEvent.type == kind)
            .order_by(TrackingEvent.id)
        )
        return [(verdict, rule) for verdict, rule in rows]


def well(db) -> bool:
    with db.reading() as session:
        return all(fine for fine, _line in counting.findings(session))


HUMAN = (Verdict.HUMAN, "")
TRAPPED = (Verdict.SCANNER, "BOT-03/2")
GATEWAY = (Verdict.SCANNER, "BOT-07/2")


def test_the_trap_leads_to_the_page_and_takes_the_scanners_hits_with_it(hit, mails, db, clock):
    hit(mails[0], 0, address="203.0.113.9")  # before
    hit(mails[0], 0, agent=FIREFOX, address="198.51.100.1")  # a person elsewhere
    clock.forward(minutes=9)
    answer = hit(mails[0], TRAP)
    assert answer.status_code == 302
    assert "/l/" in answer.headers["Location"]
    assert "r=" not in answer.headers["Location"]
    clock.forward(minutes=9)
    hit(mails[0], 1)  # after
    clock.forward(minutes=2)
    hit(mails[0], 1)  # long after
    assert verdicts(db) == [TRAPPED, HUMAN, TRAPPED, HUMAN]
    assert verdicts(db, EventType.TRAP) == [TRAPPED]
    assert well(db)


def test_the_trap_of_one_mail_tells_of_the_readers_other_mails(hit, mails, db):
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, mails[0].launch_id)
        person = session.get_one(Contact, mails[0].contact_id)
        second = tracking.message(launch, person, step=2, accepted_at=mails[0].accepted_at)
    hit(second, 0)
    hit(mails[0], TRAP)
    hit(mails[1], 0)  # of somebody else
    assert verdicts(db) == [TRAPPED, HUMAN]
    assert well(db)


def test_five_readers_of_a_company_from_one_network_are_its_gateway(hit, mails, db, clock):
    for number, mail in enumerate(mails[:4]):
        hit(mail, 0, address=f"203.0.113.{number}")
        clock.forward(seconds=10)
    hit(mails[7], 0)  # free mail, same network: nothing to do with it
    assert verdicts(db) == [HUMAN] * 5
    hit(mails[4], 0)
    hit(mails[5], 0, address="198.51.100.1", agent=FIREFOX)
    assert verdicts(db) == [GATEWAY] * 4 + [HUMAN, GATEWAY, HUMAN]
    with db.reading() as session:
        clicked = session.scalar(select(func.count()).where(Message.clicked_at.is_not(None)))
    assert clicked == 2
    assert well(db)


def test_a_proxy_that_hides_its_visitors_is_no_gateway(hit, mails, db):
    for mail in mails:
        hit(mail, 0, address="127.0.0.1")
    assert set(verdicts(db)) == {HUMAN}


@pytest.mark.parametrize(
    ("style", "number", "verdict"),
    [
        (False, 0, Verdict.SCANNER),  # a click on our page, and nothing of it was shown
        (True, 0, Verdict.HUMAN),
        (False, 1, Verdict.HUMAN),  # another's page: nobody can see
    ],
)
def test_a_click_from_a_listed_network_is_settled_by_the_style_sheet(
    hit, mails, db, system, clock, style, number, verdict
):
    hit(mails[0], number, address=LISTED)
    assert verdicts(db) == [(Verdict.HUMAN, "BOT-06/2")]
    clock.forward(seconds=2)
    if style:
        answer = hit(mails[0], path="/s/{0}.css", address=LISTED)
        assert (answer.status_code, answer.mimetype) == (200, "text/css")
    clock.forward(seconds=40)
    with db.reading() as session:
        waiting = session.scalars(select(Job).where(Job.name == "tracking.settle")).all()
    assert len(waiting) == (number == 0)
    for job in waiting:
        assert job.run_at <= clock()
        tracking_jobs.settle(system, **job.payload)
    assert verdicts(db) == [(verdict, "BOT-06/2")]
    assert well(db)


def test_the_page_of_a_reader_has_a_style_sheet_of_its_own(hit, client, mails, system):
    where = hit(mails[0], 0).headers["Location"]
    token = system.signer.token(mails[0].id)
    assert f'<link rel="stylesheet" href="/s/{token}.css">' in client.get(where).text
    assert "/s/" not in client.get(where.partition("?")[0]).text


def test_verdicts_of_an_older_edition_are_worked_out_again(hit, mails, db, clock):
    for number in range(3):
        hit(mails[0], number)
    hit(mails[1], 0, agent="curl/8")
    with db.transaction() as session:  # as an edition without BOT-05 and BOT-02 had left them
        session.execute(update(TrackingEvent).values(verdict=Verdict.HUMAN, rule="", edition=1))
        counting.rebuild(session)
    with db.transaction() as session:
        assert service.rejudge(session, [mail.id for mail in mails]) == 4
    burst = (Verdict.SCANNER, "BOT-05/2")
    assert verdicts(db) == [burst, burst, burst, (Verdict.BOT, "BOT-02/2")]
    with db.reading() as session:
        assert session.scalars(select(TrackingEvent.edition).distinct()).all() == [2]
        assert session.scalars(select(Message.clicked_at)).all() == [None] * 8
    assert well(db)


@pytest.mark.parametrize("whose", ["tenant_id", "vendor_id"])
def test_where_nobody_may_be_tracked_links_lead_on_and_nothing_is_kept(
    hit, client, mails, db, whose
):
    with db.transaction() as session:
        launch = session.get_one(Launch, mails[0].launch_id)
        session.get_one(Organisation, getattr(launch, whose)).tracks_readers = False
    where = hit(mails[0], 0).headers["Location"]
    assert hit(mails[0], path="/o/{0}.gif").status_code == 200
    client.get(where, headers={"User-Agent": CHROME})
    with db.reading() as session:
        kept = session.execute(select(TrackingEvent.type, TrackingEvent.message_id)).all()
    assert [tuple(row) for row in kept] == [(EventType.PAGE_VIEW, None)]
