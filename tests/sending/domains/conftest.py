"""A partner, a provider that believes DNS at once, and a zone that is a dict."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tests.fakes import FakeDns, FakeMail, FakeProvisioner, FakeSeed
from tpma.identity.models import AuditLog
from tpma.jobs import Job
from tpma.launches.models import Launch
from tpma.sending.domains import looking, records, service
from tpma.sending.domains.models import SendingDomain
from tpma.system import System

DOMAIN = "news.brightline.com"


@dataclass
class Desk:
    """What a test does to domains, each step as its own job would."""

    system: System
    clock: Any
    dns: FakeDns
    provider: FakeProvisioner
    who: Any

    def claim(self, text="brightline.com", who=None):
        with self.system.db.transaction() as session:
            return service.claim(session, self.system, who or self.who, text).id

    def look(self, domain_id):
        looking.look(self.system, domain_id)
        return self.row(domain_id)

    def row(self, domain_id) -> SendingDomain:
        with self.system.db.reading() as session:
            return session.get_one(SendingDomain, domain_id)

    def publish(self, domain_id):
        """The partner adds every record that is asked for."""
        self.dns.publish(records.from_json(self.row(domain_id).records))

    def ready(self, text="brightline.com"):
        """A domain all of whose records stand."""
        domain_id = self.claim(text)
        self.look(domain_id)
        self.publish(domain_id)
        self.look(domain_id)
        return domain_id

    def lose(self, name, kind):
        del self.dns.zone[(name, kind)]

    def degrade(self, domain_id):
        self.lose(f"t1._domainkey.{DOMAIN}", "CNAME")
        for _time in range(3):
            self.look(domain_id)

    def events(self, domain_id):
        with self.system.db.reading() as session:
            return [
                entry.action.partition(".")[2]
                for entry in session.scalars(
                    select(AuditLog)
                    .where(AuditLog.object_id == str(domain_id))
                    .order_by(AuditLog.seq)
                )
            ]

    def jobs(self, name):
        with self.system.db.reading() as session:
            return list(session.scalars(select(Job).where(Job.name == name).order_by(Job.id)))

    def mail(self, words):
        """The body of a mail with these words in its subject; one goes to each who may act."""
        told = [job.payload for job in self.jobs("sending.notice")]
        found = next(one["body"] for one in told if words in one["subject"])
        return found

    def somebody_else(self):
        with building(self.system):
            return factories.actor(make.member_of(factories.partner().organisation))

    def launch(self, launch_id) -> Launch:
        with self.system.db.reading() as session:
            return session.get_one(Launch, launch_id)


@contextmanager
def building(system):
    """A transaction the builders write in."""
    with system.db.transaction() as session:
        factories.bind(session)
        yield session


@pytest.fixture
def desk(system, clock):
    with building(system):
        company = factories.partner().organisation
        who = factories.actor(make.member_of(company))
        factories.operator()
    dns, provider = FakeDns(), FakeProvisioner()
    settings = system.settings.model_copy(update={"mail": "ses"})
    whole = replace(system, settings=settings, mail=FakeMail(), dns=dns, provisioner=provider)
    return Desk(whole, clock, dns, provider, who)


@pytest.fixture
def seeded(desk):
    """The same with a mailbox for test mails."""
    settings = desk.system.settings.model_copy(
        update={"seed_address": FakeSeed.address, "seed_imap_url": "imaps://u:p@host/INBOX"}
    )
    desk.system = replace(desk.system, seed=FakeSeed(), settings=settings)
    return desk
