"""The pages of sending domains, for the partner and for the operator."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import sending as make
from tests.sending.domains.conftest import DOMAIN, building
from tpma.core.settings import Settings
from tpma.identity.models import Membership, Organisation
from tpma.ports.identities import Record
from tpma.sending.domains import records
from tpma.sending.domains.models import DomainState, SendingDomain
from tpma.sending.models import ProviderAccount
from tpma.worker.loop import settle


@pytest.fixture
def whose(desk, app):
    """The app over the desk's system, and who looks at it."""
    app.extensions["tpma"] = desk.system
    with building(desk.system) as session:
        company = session.get_one(Organisation, desk.who.organisation_id)
        enrolled = factories.enrolment(factories.programme(), company)
        member = session.get_one(Membership, desk.who.membership_id)
        viewer = factories.membership(company, "PV")
        operator = factories.operator()
        assert all(one.user and one.organisation for one in (member, viewer, operator))
    return {
        "partner": (member, enrolled),
        "viewer": (viewer, enrolled),
        "operator": (operator, None),
    }


@pytest.fixture
def partner(client, whose):
    return factories.signed_in(client, *whose["partner"])


def page(answer, status=200):
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def test_from_the_domain_to_its_records_to_ready(desk, partner):
    assert "shared domain" in page(partner.get("/portal/sending-domains/"))
    shown = partner.post("/portal/sending-domains/", data={"domain": "brightline.com"})
    assert shown.status_code == 303
    waiting = page(partner.get(shown.location))
    assert "Asking DNS" in waiting
    settle(desk.system)
    asked = page(partner.get(shown.location))
    assert "Waits for DNS" in asked
    assert f'data-copy="bounce.{DOMAIN.partition(".")[0]}"' in asked
    assert 'data-copy="v=spf1 include:provider.example -all"' in asked
    desk.publish(_only(desk).id)
    desk.clock.forward(seconds=30)
    partner.post(f"{shown.location}look")
    settle(desk.system)
    ready = page(partner.get(shown.location))
    assert "Records right" in ready
    assert "HDR-03" in ready  # no mailbox for test mails: said, not hidden
    assert f"Your mail leaves from {DOMAIN}" in page(partner.get("/portal/sending-domains/"))


def _only(desk):
    with desk.system.db.reading() as session:
        return session.scalars(select(SendingDomain).where(SendingDomain.domain == DOMAIN)).one()


def test_a_domain_nobody_may_send_from_is_refused_at_its_field(desk, partner):
    told = page(partner.post("/portal/sending-domains/", data={"domain": "gmail.com"}), 422)
    assert 'aria-describedby="domain-error"' in told
    assert 'value="gmail.com"' in told


def test_what_was_found_is_told_beside_what_is_wanted(desk, partner):
    domain_id = desk.claim()
    desk.look(domain_id)
    desk.dns.zone[(f"bounce.{DOMAIN}", "MX")] = ["10 mail.brightline.com"]
    desk.look(domain_id)
    told = page(partner.get(f"/portal/sending-domains/{domain_id}/"))
    for words in ("10 mail.brightline.com", "10 feedback.provider.example", "exactly this one MX"):
        assert words in told


def test_the_records_come_as_a_zone_file_and_as_terraform(desk, partner):
    domain_id = desk.claim()
    desk.look(domain_id)
    zone = partner.get(f"/portal/sending-domains/{domain_id}/zone.txt")
    code = partner.get(f"/portal/sending-domains/{domain_id}/records.tf")
    assert zone.headers["Content-Disposition"] == f'attachment; filename="{DOMAIN}.zone"'
    assert "bounce.news\t3600\tIN\tMX\t10 feedback.provider.example." in zone.text
    assert f'name    = "bounce.{DOMAIN}"' in code.text


def test_removed_the_shared_domain_is_in_force_again(desk, partner):
    domain_id = desk.ready()
    assert f"campaigns@{DOMAIN}" in page(partner.get("/portal/sending-domains/in-force"))
    partner.post(f"/portal/sending-domains/{domain_id}/remove")
    assert "leaves from the shared domain" in page(partner.get("/portal/sending-domains/"))
    assert "via tpma" in page(partner.get("/portal/sending-domains/in-force"))
    assert "Removed" in page(partner.get(f"/portal/sending-domains/{domain_id}/"))
    assert partner.post(f"/portal/sending-domains/{domain_id}/look").status_code == 409


def test_who_only_looks_changes_nothing(desk, client, whose):
    domain_id = desk.claim()
    viewer = factories.signed_in(client, *whose["viewer"])
    assert "Show the DNS records" not in page(viewer.get("/portal/sending-domains/"))
    assert viewer.post(f"/portal/sending-domains/{domain_id}/remove").status_code == 404


def test_the_providers_standing_is_told_in_words(desk, partner):
    with desk.system.db.transaction() as session:
        session.add(
            ProviderAccount(
                transport="ses", read_at=desk.clock(), max_per_second=1, max_24h=200, sent_24h=0,
                sending_enabled=True, sandbox=True, enforcement="PROBATION",
            )
        )  # fmt: skip
    told = page(partner.get("/portal/sending-domains/"))
    assert "sandbox" in told
    assert "watches this platform" in told


def test_the_operator_sees_all_and_stops_one(desk, client, whose):
    domain_id = desk.ready()
    operator = factories.signed_in(client, *whose["operator"])
    listed = page(operator.get("/admin/sending-domains/"))
    assert DOMAIN in listed
    assert "TPMA_SEED_ADDRESS" in listed
    operator.post(f"/admin/sending-domains/{domain_id}/suspend")
    assert desk.row(domain_id).state is DomainState.SUSPENDED
    assert "Allow again" in page(operator.get("/admin/sending-domains/"))
    operator.post(f"/admin/sending-domains/{domain_id}/lift")
    settle(desk.system)
    assert desk.row(domain_id).state is DomainState.VERIFIED
    operator.post(f"/admin/sending-domains/{domain_id}/remove")
    assert desk.row(domain_id).state is DomainState.RETIRED


def test_where_mail_stays_here_no_record_is_asked_for(system, app, client, desk, whose):
    app.extensions["tpma"] = system
    partner = factories.signed_in(client, *whose["partner"])
    shown = partner.post("/portal/sending-domains/", data={"domain": "brightline.com"})
    settle(system)
    told = page(partner.get(shown.location))
    assert "no DNS record is needed here" in told
    assert "Active" in told


LONG = "v=DKIM1; k=rsa; p=" + "A" * 392


def test_a_long_record_is_cut_as_zone_files_want_it():
    record = Record("dkim", "TXT", f"tpma._domainkey.{DOMAIN}", LONG)
    [line] = [one for one in records.zone_file(DOMAIN, [record]).splitlines() if "TXT" in one]
    parts = line.split("\t")[-1].split('" "')
    assert [len(part.strip('"')) for part in parts] == [255, len(LONG) - 255]
    assert '\\"\\"' in records.terraform(DOMAIN, [record])


def test_a_seed_mailbox_needs_its_address_and_a_place_to_read_it():
    whole = {"seed_address": "seed@provider.example", "seed_imap_url": "imaps://u:p@host/INBOX"}
    assert Settings(**whole).proves_domains
    assert not Settings(seed_address="seed@provider.example").proves_domains


def test_the_domains_of_a_partner_are_listed_newest_first(desk, partner):
    with building(desk.system) as session:
        company = session.get_one(Organisation, desk.who.organisation_id)
        make.domain(company, "a.brightline.com", transport="ses")
    told = page(partner.get("/portal/sending-domains/"))
    assert "Your mail leaves from a.brightline.com" in told
