"""The mailbox: whose mails, what of them, and the recipient's hand."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import sending as look
from tests.factories.sending import first_of, mails_of
from tests.fakes import FakeMail
from tpma.audiences.models import Suppression
from tpma.identity.models import AuditLog
from tpma.sending import mailbox, opened
from tpma.sending.models import OutboxMail
from tpma.tracking.models import TrackingEvent

# Pages look the same on every database; what the queries find is tested on both, next door.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


def _as(client, box, who):
    enrolment = box["enrolment"] if who in ("partner", "viewer", "seller") else None
    return factories.signed_in(client, box[who], enrolment)


def _act(client, mail, deed, **more):
    return client.post(f"/portal/mailbox/{mail.id}/act", data={"deed": deed, **more})


def test_a_partner_sees_its_own_launches_mails_and_no_others(db, client, box):
    page = _as(client, box, "partner").get("/portal/mailbox/").text
    for mail in mails_of(db):
        own = mail.launch_id == box["launch"].id
        assert (f"/portal/mailbox/{mail.id}" in page) is own
    assert "Nothing leaves this machine" in page


def test_the_operator_sees_everything_that_stayed_here(db, client, box):
    page = _as(client, box, "operator").get("/admin/mailbox/").text
    assert all(f"/admin/mailbox/{mail.id}" in page for mail in mails_of(db))
    assert "Your invitation" in page


def test_the_operator_finds_the_link_of_an_invitation(db, client, box):
    notice = mails_of(db, launch_id=None)[0]
    page = _as(client, box, "operator").get(f"/admin/mailbox/{notice.id}?part=links").text
    assert 'href="http://localhost:8000/join/secret-token"' in page


@pytest.mark.parametrize("path", ["", "/document", ".eml"])
@pytest.mark.parametrize("whose", ["stranger", "notice"])
def test_what_is_not_yours_is_not_there(db, client, box, path, whose):
    mails = mails_of(db, launch_id=box["other"].id if whose == "stranger" else None)
    answer = _as(client, box, "partner").get(f"/portal/mailbox/{mails[0].id}{path}")
    assert answer.status_code == 404


def test_nobody_acts_on_a_strangers_mail(db, client, box):
    stranger = mails_of(db, launch_id=box["other"].id)[0]
    assert _act(_as(client, box, "partner"), stranger, "complain").status_code == 404
    with db.reading() as session:
        assert session.scalars(select(Suppression)).all() == []


@pytest.mark.parametrize("who", ["vendor", "viewer"])
def test_others_have_no_mailbox(client, box, who):
    for path in ("/portal/mailbox/", "/admin/mailbox/"):
        assert _as(client, box, who).get(path).status_code == 404


def test_sales_looks_and_does_not_act(db, client, box):
    mail = first_of(db, box)
    seller = _as(client, box, "seller")
    assert "Let a scanner click" not in seller.get(f"/portal/mailbox/{mail.id}").text
    assert _act(seller, mail, "open").status_code == 404


@pytest.mark.parametrize("part", ["mail", "text", "headers", "links", "source", "nonsense"])
def test_every_part_of_a_mail_can_be_looked_at(db, client, box, part):
    answer = _as(client, box, "partner").get(f"/portal/mailbox/{first_of(db, box).id}?part={part}")
    assert answer.status_code == 200
    shown = {"headers": "List-Unsubscribe-Post", "links": "email1.cta", "source": "=_tpma"}
    assert shown.get(part, "An offer") in answer.text


def test_the_mail_is_shown_in_a_sandbox_from_a_locked_route(db, client, box):
    mail = first_of(db, box)
    page = _as(client, box, "partner").get(f"/portal/mailbox/{mail.id}").text
    assert 'sandbox=""' in page
    document = client.get(f"/portal/mailbox/{mail.id}/document")
    policy = document.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


def test_looking_at_a_mail_is_no_open(db, client, box):
    mail = first_of(db, box)
    document = _as(client, box, "partner").get(f"/portal/mailbox/{mail.id}/document").text
    assert "/o/" not in document
    assert '<base target="_blank">' in document
    assert _events(db) == []


def test_the_eml_is_the_very_file(db, client, box, system):
    mail = first_of(db, box)
    answer = _as(client, box, "partner").get(f"/portal/mailbox/{mail.id}.eml")
    assert answer.data == system.mail.stored(mail.provider_id)
    assert answer.mimetype == "message/rfc822"
    assert "attachment" in answer.headers["Content-Disposition"]


def test_the_guarantees_are_looked_up_in_the_bytes(db, client, box, system):
    mail = first_of(db, box)
    whole = opened.opened(system.mail.stored(mail.provider_id))
    with db.reading() as session:
        found = mailbox.kept(session, mail.tenant_id, mail.id)
        company = found.partner.legal_name
        copies = mailbox.copies(session, found.message)
    good = opened.guarantees(whole, mail.campaign_code, company, copies)
    assert (good.one_click, good.footer, good.complete, good.once) == (True,) * 4
    spoiled = opened.opened(whole.raw.replace(b"List-Unsubscribe-Post", b"X-Nothing"))
    assert not opened.guarantees(spoiled, mail.campaign_code, company, 1).one_click
    assert not opened.guarantees(whole, mail.campaign_code, "Somebody Else Ltd", 1).footer
    assert not opened.guarantees(whole, "HC-SEC-0000000", company, 1).complete


@pytest.mark.parametrize("query", ["launch=nonsense", "before=x", "q=" + "a" * 5000, "before=-1"])
def test_a_bent_address_is_no_accident(client, box, query):
    assert _as(client, box, "partner").get(f"/portal/mailbox/?{query}").status_code in (200, 404)


def _events(db):
    with db.reading() as session:
        rows = session.scalars(select(TrackingEvent).order_by(TrackingEvent.id))
        return [(row.type.value, row.link_key, row.verdict.value) for row in rows]


@pytest.mark.parametrize(
    ("deed", "event"),
    [
        ("open", ("open", "", "human")),
        ("click", ("click", "email1.cta", "human")),
        ("scan", ("click", "email1.cta", "scanner")),
        ("unsubscribe", ("unsubscribe", "", "human")),
    ],
)
def test_what_a_reader_does_is_tracked_as_theirs(db, client, box, deed, event):
    answer = _act(_as(client, box, "partner"), first_of(db, box), deed, link="0")
    assert answer.status_code == 303
    assert _events(db) == [event]


def test_only_a_persons_click_counts(db, client, box):
    mail = first_of(db, box)
    partner = _as(client, box, "partner")
    _act(partner, mail, "scan", link="0")
    assert look.messages(db, box["launch"].id)[0].clicked_at is None
    _act(partner, mail, "click", link="0")
    assert look.messages(db, box["launch"].id)[0].clicked_at is not None


@pytest.mark.parametrize(
    ("deed", "status", "closed"),
    [
        ("bounce", "bounced_hard", True),
        ("soft_bounce", "bounced_soft", False),
        ("complain", "complained", True),
        ("unsubscribe", "unsubscribed", True),
    ],
)
def test_what_comes_back_goes_through_the_same_pipeline(db, client, box, deed, status, closed):
    mail = first_of(db, box)
    partner = _as(client, box, "partner")
    for _twice in range(2):
        _act(partner, mail, deed)
    with db.reading() as session:
        assert mailbox.kept(session, mail.tenant_id, mail.id).status == status
        assert len(session.scalars(select(Suppression)).all()) == closed


def test_what_happened_is_told_beside_the_mail(db, client, box):
    mail = first_of(db, box)
    partner = _as(client, box, "partner")
    _act(partner, mail, "open")
    _act(partner, mail, "scan", link="0")
    page = partner.get(f"/portal/mailbox/{mail.id}").text
    for told in ("Delivered", "Handed over", "Opened", "by a machine, not counted", "BOT-02"):
        assert told in page


def test_acting_is_written_in_the_audit_log(db, client, box):
    _act(_as(client, box, "partner"), first_of(db, box), "complain")
    with db.reading() as session:
        actions = session.scalars(select(AuditLog.action)).all()
    assert "outbox.complain" in actions


@pytest.mark.parametrize(
    "data",
    [
        {"deed": "delete"},
        {},
        {"deed": "click", "link": "63"},
        {"deed": "click", "link": "x"},
        {"deed": "click"},
    ],
)
def test_a_deed_there_is_not_is_refused(db, client, box, data):
    mail = first_of(db, box)
    answer = _as(client, box, "partner").post(f"/portal/mailbox/{mail.id}/act", data=data)
    assert answer.status_code == 422
    assert _events(db) == []


def test_nothing_is_done_by_looking(db, client, box):
    mail = first_of(db, box)
    assert _as(client, box, "partner").get(f"/portal/mailbox/{mail.id}/act").status_code == 405


def test_a_notice_has_no_reader_to_act_as(db, client, box):
    notice = mails_of(db, launch_id=None)[0]
    answer = _as(client, box, "operator").post(
        f"/admin/mailbox/{notice.id}/act", data={"deed": "open"}
    )
    assert answer.status_code == 409


def test_where_mail_leaves_the_page_says_so_and_nobody_acts(db, client, app, box, system):
    mail = first_of(db, box)
    app.extensions["tpma"] = look.by(system, FakeMail())
    partner = _as(client, box, "partner")
    page = partner.get(f"/portal/mailbox/{mail.id}").text
    assert "Mail leaves by fake" in page
    assert "Nothing leaves this machine" not in page
    assert _act(partner, mail, "open").status_code == 409


def test_a_mail_no_longer_kept_still_tells_its_life(db, client, box, system):
    mail = first_of(db, box)
    system.mail.path_of(mail.provider_id).unlink()
    partner = _as(client, box, "partner")
    page = partner.get(f"/portal/mailbox/{mail.id}").text
    assert "no longer keeps this mail" in page
    assert "Handed over" in page
    assert partner.get(f"/portal/mailbox/{mail.id}.eml").status_code == 404


def test_an_empty_mailbox_teaches(client, session):
    operator = factories.operator()
    session.commit()
    page = factories.signed_in(client, operator).get("/admin/mailbox/").text
    assert "No mail yet" in page


def test_hostile_names_and_subjects_stay_text(db, client, box):
    with db.transaction() as session:
        row = session.get_one(OutboxMail, first_of(db, box).id)
        row.subject = "<script>alert(1)</script>"
    page = _as(client, box, "partner").get("/portal/mailbox/").text
    assert "<script>alert(1)" not in page
