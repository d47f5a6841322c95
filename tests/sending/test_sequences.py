"""Later mails of a launch: who gets them, what lets them go, what ends the way to them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.factories import kits
from tests.factories import launches as make
from tests.factories import sending as look
from tpma import jobs
from tpma.audiences import service as audiences
from tpma.audiences.models import ConsentPurpose
from tpma.identity.models import Organisation
from tpma.launches import steps
from tpma.launches.models import Launch, LaunchState
from tpma.sending import engine, following, planning, preparing, recovery, service
from tpma.sending.deeds import DeedKind, ReaderDeed
from tpma.sending.models import Message, SendChunk, SendState
from tpma.tracking import service as events
from tpma.tracking.models import EventType
from tpma.tracking.reader import BROWSER, SCANNER
from tpma.tracking.rules import Visit


def mails(*later):
    """The small kit's assets, the first mail followed by these."""
    content = kits.kit_content()
    first, second = content.asset("email1"), content.asset("email2")
    rest = [asset for asset in content.assets if asset.kind != "email"]
    more = [
        replace(second, key=f"email{number}", **given)
        for number, given in enumerate(later, start=2)
    ]
    units = dict(content.units)
    for asset in more:
        for unit, found in content.units.items():
            if unit.startswith("email2."):
                name = unit.replace("email2.", f"{asset.key}.")
                units[name] = replace(found, id=name)
    return {"assets": (first, *more, *rest), "units": units}


TRIGGERED = {"day": 0, "hours": 1, "condition": "clicked", "after": "trigger"}
ANSWER = {"condition": "form", "after": "trigger", "day": 0, "exit_on_form": False}


@pytest.fixture
def under_way(session, clock):
    """Makes a running launch with these later mails, the first of which everybody has."""

    def made(*later, contacts=3):
        launch = make.running_launch(contacts=contacts, content=mails(*later))
        for row in rows_of(session, launch, 1):
            row.send_state, row.accepted_at, row.chunk_id = SendState.ACCEPTED, clock(), None
        session.execute(update(SendChunk).values(finished_at=clock()))
        clock.forward(minutes=5)
        return launch

    return made


def rows_of(session, launch, step):
    session.flush()
    session.expire_all()
    return session.scalars(
        select(Message)
        .where(Message.launch_id == launch.id, Message.step == step)
        .order_by(Message.seq)
    ).all()


def click(session, clock, message, key="email1.cta", agent=BROWSER):
    launch = session.get_one(Launch, message.launch_id)
    visit = Visit(at=clock(), agent=agent)
    events.record(session, EventType.CLICK, launch, visit, message=message, link_key=key)


def send_form(session, clock, launch, message=None, address=None):
    key = address if address is not None else message.rcpt_key
    sent = following.Submitted(launch, key, message.id if message else None, clock())
    following.submitted(session, [sent])


def told(rows):
    return [(row.send_state.value, row.reason) for row in rows]


# --- planned mails ---------------------------------------------------------------------------

CHOSEN = {  # condition, link: who of (clicked cta, clicked site, sent the form, nothing)
    ("none", ""): {0, 1, 3},
    ("clicked", ""): {0, 1},
    ("clicked", "cta"): {0},
    ("not_clicked", ""): {3},
    ("not_clicked", "cta"): {1, 3},
    ("not_form", ""): {0, 1, 3},
}


def test_a_planned_mail_goes_to_whom_its_condition_means(session, clock, under_way):
    later = [
        {"day": day, "condition": condition, "link": link}
        for day, (condition, link) in enumerate(CHOSEN, start=4)
    ]
    launch = under_way(*later, contacts=4)
    first = rows_of(session, launch, 1)
    click(session, clock, first[0])
    click(session, clock, first[1], "email1.site")
    send_form(session, clock, launch, first[2])
    keys = {row.rcpt_key: number for number, row in enumerate(first)}
    found = {}
    for step, chosen in enumerate(CHOSEN, start=2):
        service.queue_step(session, launch, step, clock())
        rows = rows_of(session, launch, step)
        found[chosen] = {keys[r.rcpt_key] for r in rows if r.send_state is SendState.QUEUED}
    assert found == CHOSEN


def test_a_mail_for_those_who_sent_the_form_goes_to_them(session, clock, under_way):
    launch = under_way({"day": 4, "condition": "form", "exit_on_form": False})
    first = rows_of(session, launch, 1)
    send_form(session, clock, launch, first[1])
    service.queue_step(session, launch, 2, clock())
    assert [row.rcpt_key for row in rows_of(session, launch, 2)] == [first[1].rcpt_key]


def test_days_and_hours_count_on_the_partners_wall_clock(session, clock):
    launch = make.running_launch(
        mails=2,
        content=mails({"day": 4, "hours": 6, "condition": "none"}),
        timezone="Europe/Berlin",
    )
    job = session.scalars(
        select(jobs.Job).where(jobs.Job.key == f"sending.queue_step:{launch.id}:2")
    ).one()
    assert job.run_at == launch.started_at + timedelta(days=4, hours=6)


# --- mails a deed sends ------------------------------------------------------------------------


def test_a_click_of_a_person_plans_the_mail_that_follows_it(session, clock, under_way):
    launch = under_way(TRIGGERED)
    first = rows_of(session, launch, 1)
    click(session, clock, first[0])
    (row,) = rows_of(session, launch, 2)
    assert (row.rcpt_key, row.send_state) == (first[0].rcpt_key, SendState.PLANNED)
    assert row.not_before == clock() + timedelta(hours=1)


def test_a_second_click_plans_no_second_mail(session, clock, under_way):
    launch = under_way(TRIGGERED)
    first = rows_of(session, launch, 1)
    for _time in range(2):
        click(session, clock, first[0])
        clock.forward(minutes=1)
    assert len(rows_of(session, launch, 2)) == 1


def test_a_machines_click_plans_nothing(session, clock, under_way):
    launch = under_way(TRIGGERED)
    click(session, clock, rows_of(session, launch, 1)[0], agent=SCANNER)
    assert rows_of(session, launch, 2) == []


@pytest.mark.parametrize("link", ["", "cta"])
def test_a_click_that_proves_a_machines_is_taken_back(session, clock, under_way, link):
    launch = under_way(TRIGGERED | {"link": link})
    message = rows_of(session, launch, 1)[0]
    for key in ("email1.cta", "email1.site", "email1.more"):
        click(session, clock, message, key)
        clock.forward(seconds=1)
    assert rows_of(session, launch, 2) == []


def test_a_burst_after_a_persons_click_takes_nothing_back(session, clock, under_way):
    launch = under_way(TRIGGERED)
    message = rows_of(session, launch, 1)[0]
    click(session, clock, message)
    clock.forward(minutes=2)
    for key in ("email1.cta", "email1.site", "email1.more"):
        click(session, clock, message, key)
        clock.forward(seconds=1)
    assert len(rows_of(session, launch, 2)) == 1


def test_another_link_than_the_named_one_lets_nothing_go(session, clock, under_way):
    launch = under_way(TRIGGERED | {"link": "cta"})
    first = rows_of(session, launch, 1)
    click(session, clock, first[0], "email1.site")
    click(session, clock, first[1], "email1.cta")
    assert [row.rcpt_key for row in rows_of(session, launch, 2)] == [first[1].rcpt_key]


def test_many_clicks_are_taken_at_once(session, clock, under_way):
    launch = under_way(TRIGGERED)
    first = rows_of(session, launch, 1)
    clicks = [following.Click(m.launch_id, m.id, "email1.cta", clock()) for m in first]
    gone = following.Click(launch.id, 10**9, "email1.cta", clock())
    following.clicked(session, [*clicks, *clicks, gone])
    assert len(rows_of(session, launch, 2)) == 3


def test_a_click_sends_its_mail_within_two_minutes(db, session, system, clock, under_way):
    launch = under_way(TRIGGERED | {"hours": 0})
    click(session, clock, rows_of(session, launch, 1)[0])
    session.commit()
    assert following.release(system) == 0
    clock.forward(seconds=11)
    assert following.release(system) == 1
    engine.drain(system, look.owner())
    assert look.states(db, launch.id, 2) == ["accepted"]


def test_a_form_is_answered_at_once_and_only_to_who_sent_it(db, session, system, clock, under_way):
    launch = under_way(ANSWER)
    first = rows_of(session, launch, 1)
    send_form(session, clock, launch, first[0], address=first[1].rcpt_key)
    session.commit()
    following.release(system)
    engine.drain(system, look.owner())
    rows = look.messages(db, launch.id, 2)
    assert [(row.rcpt_key, row.send_state.value) for row in rows] == [
        (first[1].rcpt_key, "accepted")
    ]


def test_a_form_of_a_stranger_sends_no_mail(session, clock, under_way):
    launch = under_way(ANSWER)
    send_form(session, clock, launch, address=b"a stranger's key")
    assert rows_of(session, launch, 2) == []


def test_a_paused_launch_keeps_what_follows_until_it_goes_on(db, session, system, clock, under_way):
    launch = under_way(TRIGGERED)
    launch.state = LaunchState.PAUSED
    click(session, clock, rows_of(session, launch, 1)[0])
    session.commit()
    clock.forward(hours=2)
    assert following.release(system) == 0
    with db.transaction() as own:
        own.get_one(Launch, launch.id).state = LaunchState.RUNNING
    assert following.release(system) == 1


def test_a_launch_that_is_over_follows_nothing(session, clock, under_way):
    launch = under_way(TRIGGERED)
    launch.state = LaunchState.ABORTED
    click(session, clock, rows_of(session, launch, 1)[0])
    assert rows_of(session, launch, 2) == []


def test_a_launch_with_triggers_runs_to_its_last_day(db, session, system, clock, under_way):
    launch = under_way(TRIGGERED)
    session.commit()
    recovery.finish_launches(system)
    assert look.launch(db, launch.id).state is LaunchState.RUNNING
    clock.forward(days=91)
    recovery.finish_launches(system)
    assert look.launch(db, launch.id).state is LaunchState.ENDED


# --- the way ends ------------------------------------------------------------------------------


def test_a_form_ends_the_way_of_sender_and_reader(session, clock, under_way):
    launch = under_way(TRIGGERED)
    first = rows_of(session, launch, 1)
    for message in first:
        click(session, clock, message)
    send_form(session, clock, launch, first[0], address=first[1].rcpt_key)
    assert told(rows_of(session, launch, 2)) == [
        ("skipped", "exit_form"),
        ("skipped", "exit_form"),
        ("planned", ""),
    ]


def test_a_mail_may_outlast_the_form_but_not_the_deal(session, clock, under_way):
    launch = under_way(TRIGGERED | {"exit_on_form": False})
    first = rows_of(session, launch, 1)
    click(session, clock, first[0])
    send_form(session, clock, launch, first[0])
    assert told(rows_of(session, launch, 2)) == [("planned", "")]
    following.deal_registered(session, launch, first[0].rcpt_key)
    assert told(rows_of(session, launch, 2)) == [("skipped", "exit_deal")]


def test_who_left_before_the_planned_mail_is_skipped_with_the_reason(session, clock, under_way):
    launch = under_way({"day": 4, "condition": "none"})
    send_form(session, clock, launch, rows_of(session, launch, 1)[0])
    service.queue_step(session, launch, 2, clock())
    assert sorted(told(rows_of(session, launch, 2))) == [
        ("queued", ""),
        ("queued", ""),
        ("skipped", "exit_form"),
    ]


def test_a_form_sent_after_the_mail_was_built_stops_it(db, session, system, clock, under_way):
    """Between reading and T7: the transaction of the intent looks at the newest."""
    launch = under_way({"day": 4, "condition": "none"}, contacts=1)
    service.queue_step(session, launch, 2, clock())
    session.commit()
    lease = engine.claim(system, look.owner())
    with db.reading() as own:
        batch = preparing.prepare(
            own, system, launch.id, preparing.waiting(own, lease.chunk_id, 5, clock())
        )
    with db.transaction() as own:
        (row,) = look.messages(db, launch.id, 2)
        deed = following._deed(row, DeedKind.FORM, clock())  # the deed alone, no row touched
        following._add(own, ReaderDeed, [deed])
    assert engine._commit_intent(system, lease, batch.ready) == []
    assert told(look.messages(db, launch.id, 2)) == [("skipped", "exit_form")]


def test_who_withdrew_is_skipped_when_the_mail_that_follows_is_due(
    db, session, system, clock, under_way
):
    launch = under_way(TRIGGERED)
    message = rows_of(session, launch, 1)[0]
    click(session, clock, message)
    person = session.get_one(make.Contact, message.contact_id)
    audiences.withdraw(session, person, ConsentPurpose.PARTNER_MARKETING, "portal")
    session.commit()
    clock.forward(hours=2)
    following.release(system)
    assert told(look.messages(db, launch.id, 2)) == [("skipped", "suppressed")]


def test_what_follows_never_crosses_to_another_partner(session, clock, under_way):
    launch, other = under_way(TRIGGERED), under_way(TRIGGERED)
    click(session, clock, rows_of(session, launch, 1)[0])
    (row,) = rows_of(session, launch, 2)
    assert row.tenant_id == session.get_one(Organisation, launch.tenant_id).id
    assert rows_of(session, other, 2) == []


def test_a_launch_scheduled_before_there_were_sequences_still_knows_its_steps(session):
    launch = make.scheduled_launch()
    launch.frozen_manifest = launch.frozen_manifest | {
        "steps": [{"asset": "email1", "day": 0, "condition": "none"}]
    }
    assert [(s.number, s.is_triggered, s.exits) for s in steps.of(launch)] == [(1, False, ())]


def test_counts_of_the_first_mail_are_not_touched_by_a_form(session, clock):
    launch = make.running_launch(contacts=2)
    first = rows_of(session, launch, 1)
    send_form(session, clock, launch, first[0])
    assert planning.counts(session, launch.id) == {"queued": 2}
