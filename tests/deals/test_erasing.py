"""Forgetting a person reaches everything of theirs that one partner has, and nobody else's."""

import json

from sqlalchemy import inspect, select, text

from tests import factories
from tests.factories import world as worlds
from tpma.audiences.models import Contact, ContactStatus
from tpma.core.db import Base
from tpma.deals import erasing
from tpma.deals.models import DealRegistration
from tpma.identity.models import AuditLog
from tpma.leads.models import Lead
from tpma.pages.models import FormSubmission
from tpma.sending.models import Message, OutboxMail
from tpma.worker.loop import settle


def whole(db, needle):
    """(table, column) of every place where the database says this."""
    found = []
    with db.engine.connect() as connection:
        for table in inspect(db.engine).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings():
                for column, value in row.items():
                    said = (
                        json.dumps(value, ensure_ascii=False)
                        if isinstance(value, dict | list)
                        else str(value)
                    )
                    if needle in said.casefold():
                        found.append((table, column))
    return found


def test_nothing_of_a_person_is_left(system):
    worlds.build(system)
    db = system.db
    with db.transaction() as session:
        factories.bind(session)
        mail = session.scalars(
            select(OutboxMail).join(Message, Message.id == OutboxMail.message_id).limit(1)
        ).one()
        message = session.get_one(Message, mail.message_id)
        person = session.get_one(Contact, message.contact_id)
        lead = session.scalars(
            select(Lead)
            .where(Lead.tenant_id == person.tenant_id)
            .join(DealRegistration, DealRegistration.lead_id == Lead.id)
        ).first()
        lead.contact_id, norm = person.id, person.email_norm
        lead.email = lead.email_norm = norm
        session.get_one(FormSubmission, lead.submission_id).payload = {"email": norm}
        deal = session.scalars(
            select(DealRegistration).where(DealRegistration.lead_id == lead.id)
        ).one()
        deal.contact = {"name": "Ada", "email": norm, "decision_maker": True}
        contact_id, tenant, deal_id = person.id, person.tenant_id, deal.id
        provider_id = mail.provider_id
    assert system.mail.stored(provider_id)
    assert whole(db, norm)

    with db.transaction() as session:
        erased = erasing.erase(session, None, session.get_one(Contact, contact_id))
    settle(system)

    assert (erased.leads, erased.deals, erased.submissions) == (1, 1, 1)
    assert erased.mails >= 1
    assert system.mail.stored(provider_id) is None
    left = whole(db, norm)
    assert [place for place in left if place[0] not in ("segments",)] == []
    with db.reading() as session:
        assert session.get_one(DealRegistration, deal_id).contact == {"decision_maker": True}
        assert session.get_one(Contact, contact_id).status is ContactStatus.ERASED
        [row] = session.scalars(select(AuditLog).where(AuditLog.action == "person.erased"))
        assert row.tenant_id == tenant
        assert row.detail["leads"] == 1

    with db.transaction() as session:
        again = erasing.erase(session, None, session.get_one(Contact, contact_id))
    assert not any((again.leads, again.deals, again.mails, again.submissions))
    with db.reading() as session:
        rows = select(AuditLog).where(AuditLog.action == "person.erased")
        assert len(session.scalars(rows).all()) == 1


def test_another_partners_data_of_the_same_person_stays(system):
    worlds.build(system)
    with system.db.transaction() as session:
        factories.bind(session)
        leads = session.scalars(select(Lead).order_by(Lead.id)).all()
        mine = leads[0]
        theirs = next(lead for lead in leads if lead.tenant_id != mine.tenant_id)
        person = session.scalars(
            select(Contact).where(Contact.tenant_id == mine.tenant_id, Contact.hmac.is_not(None))
        ).first()
        mine.email_norm = theirs.email_norm = theirs.email = person.email_norm
        theirs_id, norm = theirs.id, person.email_norm
        erasing.erase(session, None, person)
    with system.db.reading() as session:
        assert session.get_one(Lead, theirs_id).email == norm


def test_the_tables_that_hold_people_are_known():
    """A new table with an address in it has to be thought of here, and in `deals.erasing`."""
    holding = {
        table.name
        for table in Base.metadata.sorted_tables
        if {"email", "email_norm", "recipient", "contact", "payload"} & set(table.columns.keys())
    }
    assert holding == {
        "contacts",
        "deal_registrations",
        "form_submissions",
        "import_rows",
        "jobs",
        "leads",
        "notices",
        "organisations",
        "outbox_mails",
        "users",
    }
