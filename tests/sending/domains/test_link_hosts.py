"""A host of the partner's own for its links: asked for, looked for, in force, lost, given up."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tests.sending.domains.conftest import DOMAIN, building
from tests.sending.domains.test_pages import page, partner, whose  # noqa: F401
from tpma.core.errors import Conflict, Invalid
from tpma.identity.models import AuditLog, Organisation
from tpma.launches.models import Launch, LaunchState
from tpma.ports.dns import Answer, Told
from tpma.sending import gathering
from tpma.sending.domains import link_hosts, link_rules, linking
from tpma.sending.domains import service as domains
from tpma.sending.domains.checks import Verdict
from tpma.sending.domains.models import LinkHost, SendingDomain
from tpma.sending.envelopes import sender_of
from tpma.worker.loop import settle

TARGET = "campaigns.platform.example"
HOST = f"links.{DOMAIN}"


@pytest.fixture
def linked(desk):
    """A platform that answers hosts of partners, and a domain whose records stand."""
    settings = desk.system.settings.model_copy(
        update={"link_target": TARGET, "base_url": f"https://{TARGET}"}
    )
    desk.system = replace(desk.system, settings=settings)
    desk.domain_id = desk.ready()
    return desk


def claim(desk, typed="", who=None, domain_id=None):
    with desk.system.db.transaction() as session:
        row = session.get_one(SendingDomain, domain_id or desk.domain_id)
        return linking.claim(session, desk.system, who or desk.who, row, typed).host


def found(desk) -> LinkHost | None:
    with desk.system.db.reading() as session:
        return link_hosts.of_domain(session, session.get_one(SendingDomain, desk.domain_id))


def publish(desk, host=HOST, value=TARGET):
    desk.dns.zone[(host, "CNAME")] = [value]


def stands(desk):
    claim(desk)
    publish(desk)
    desk.look(desk.domain_id)


def current(desk):
    with desk.system.db.reading() as session:
        return link_hosts.current(session, desk.system.settings, desk.who.organisation_id)


def deeds(desk):
    with desk.system.db.reading() as session:
        query = select(AuditLog.action).where(AuditLog.action.like("link_host.%"))
        return [
            action.partition(".")[2] for action in session.scalars(query.order_by(AuditLog.seq))
        ]


def test_links_is_proposed_below_the_sending_domain(linked):
    assert claim(linked) == HOST


def test_a_name_alone_stands_below_the_sending_domain(linked):
    assert claim(linked, "go") == f"go.{DOMAIN}"


def test_until_its_record_stands_links_run_over_the_platform(linked):
    claim(linked)
    linked.look(linked.domain_id)
    assert found(linked).finding["verdict"] == Verdict.MISSING
    assert current(linked) == ""


def test_with_its_record_it_is_in_force_and_the_moment_is_kept(linked):
    stands(linked)
    assert (found(linked).stands_since, current(linked)) == (linked.clock(), HOST)
    assert deeds(linked) == ["claimed", "verified"]


def test_a_record_that_leads_elsewhere_is_told_with_what_it_says(linked):
    claim(linked)
    publish(linked, value="shop.brightline.com")
    linked.look(linked.domain_id)
    assert found(linked).finding["verdict"] == Verdict.WRONG
    assert found(linked).finding["found"] == ["shop.brightline.com"]


def test_an_address_in_place_of_the_cname_leads_elsewhere(linked):
    claim(linked)
    linked.dns.zone[(HOST, "A")] = ["203.0.113.9"]
    linked.look(linked.domain_id)
    assert found(linked).finding["found"] == ["203.0.113.9"]


def test_a_record_that_is_gone_takes_new_launches_back_to_the_platform(linked):
    stands(linked)
    linked.lose(HOST, "CNAME")
    linked.clock.forward(days=1)
    linked.look(linked.domain_id)
    assert (current(linked), found(linked).lost_at) == ("", linked.clock())
    assert deeds(linked)[-1] == "lost"


def test_back_again_it_is_in_force_again(linked):
    stands(linked)
    linked.lose(HOST, "CNAME")
    linked.look(linked.domain_id)
    publish(linked)
    linked.look(linked.domain_id)
    assert (current(linked), found(linked).lost_at) == (HOST, None)


def test_the_silence_of_dns_takes_nothing_away(linked):
    stands(linked)
    linked.dns.zone[(HOST, "CNAME")] = Answer(Told.FAILED)
    linked.look(linked.domain_id)
    assert current(linked) == HOST


def test_a_lost_link_host_stops_no_mail(linked):
    stands(linked)
    linked.lose(HOST, "CNAME")
    for _time in range(4):
        linked.look(linked.domain_id)
    assert linked.row(linked.domain_id).state.value == "verified"


def test_what_is_waited_for_is_looked_for_within_minutes(linked):
    claim(linked)
    row = linked.look(linked.domain_id)
    assert (row.check_at - linked.clock()).total_seconds() == 300


def test_once_it_stands_it_is_looked_at_with_the_others(linked):
    stands(linked)
    row = linked.row(linked.domain_id)
    assert (row.check_at - linked.clock()).days == 1


REFUSED = {
    "links.somebody-else.com": "below",
    "brightline.com": "below",
    DOMAIN: "below",
    f"a.b.c.d.{DOMAIN}": "letters",
    f"xn--lnks-vpa.{DOMAIN}": "letters",
    "under_score": "letters",
    f"bounce.{DOMAIN}": "needed",
    "campaigns-platform-example": "taken for this platform",
    f"campaigns.platform.example.{DOMAIN}": "taken for this platform",
    "campa1gns-p1atform-examp1e": "taken for this platform",
    "x" * 64: "letters",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_a_name_that_is_not_theirs_or_could_be_ours_is_refused(linked, typed):
    with pytest.raises(Invalid, match=f"(?i){REFUSED[typed]}") as refusal:
        claim(linked, typed)
    assert refusal.value.field == "link_host"


@pytest.mark.parametrize(
    ("domain", "typed", "own", "refused"),
    [
        ("example-org.com", "tpma", "tpma.example.org", True),
        ("brightline.com", "tpma-example-org", "tpma.example.org", True),
        ("brightline.com", "links", "tpma.example.org", False),
        ("appcorp.com", "links", "app.co", False),  # in their own name, whatever they choose
        ("vwvvork.com", "links", "wwork.com", False),
    ],
)
def test_the_platforms_name_is_looked_for_where_it_could_be_put(domain, typed, own, refused):
    try:
        link_rules.wanted_host(typed, domain, platform=[own], taken=())
    except Invalid:
        assert refused
    else:
        assert not refused


def test_an_operator_that_offers_no_more_hosts_breaks_none(linked):
    stands(linked)
    settings = linked.system.settings.model_copy(update={"link_target": ""})
    linked.system = replace(linked.system, settings=settings)
    linked.look(linked.domain_id)
    assert found(linked).stands_since is not None
    assert current(linked) == ""


def test_a_public_suffix_is_nobodys_host():
    with pytest.raises(Invalid):
        link_rules.wanted_host("co", "uk", platform=(), taken=())


def test_a_host_belongs_to_one_partner_for_ever(linked):
    stands(linked)
    other = linked.somebody_else()
    with linked.system.db.transaction() as session:
        domains.remove(session, linked.who, session.get_one(SendingDomain, linked.domain_id))
        theirs = domains.claim(session, linked.system, other, DOMAIN, as_it_is=True).id
    linked.look(theirs)
    linked.publish(theirs)
    linked.look(theirs)
    with pytest.raises(Invalid, match="Another company"):
        claim(linked, HOST, other, theirs)


def test_a_host_that_never_stood_is_nobodys_once_it_is_given_up(linked):
    claim(linked)
    with linked.system.db.transaction() as session:
        row = session.get_one(SendingDomain, linked.domain_id)
        linking.give_up(session, linked.who, row)
    with linked.system.db.reading() as session:
        assert link_hosts.by_name(session, HOST) is None


def test_given_up_it_is_still_answered(linked):
    stands(linked)
    with linked.system.db.transaction() as session:
        row = session.get_one(SendingDomain, linked.domain_id)
        linking.give_up(session, linked.who, row)
    with linked.system.db.reading() as session:
        assert link_hosts.served(session) == {HOST: linked.who.organisation_id}
    assert (current(linked), deeds(linked)[-1]) == ("", "removed")


def test_its_partner_may_take_it_up_again(linked):
    stands(linked)
    claim(linked, "go")
    claim(linked, HOST)
    linked.look(linked.domain_id)
    assert current(linked) == HOST


def test_a_removed_domain_takes_its_host_with_it(linked):
    stands(linked)
    with linked.system.db.transaction() as session:
        domains.remove(session, linked.who, session.get_one(SendingDomain, linked.domain_id))
    assert (current(linked), found(linked)) == ("", None)


def test_only_a_domain_whose_records_stand_may_have_one(linked):
    waiting = linked.claim("other-domain.com")
    with pytest.raises(Conflict):
        claim(linked, domain_id=waiting)


def test_a_platform_that_answers_none_offers_none(desk):
    domain_id = desk.ready()
    with pytest.raises(Conflict):
        claim(desk, domain_id=domain_id)


@pytest.fixture
def draft(linked):
    with building(linked.system) as session:
        company = session.get_one(Organisation, linked.who.organisation_id)
        make._brand(company)
        return make.launch(factories.enrolment(factories.programme(), company), contacts=2).id


def base(desk, launch_id):
    with desk.system.db.reading() as session:
        launch = session.get_one(Launch, launch_id)
        return sender_of(session, desk.system.settings, launch).base_url


def test_a_draft_follows_the_partners_host(linked, draft):
    assert base(linked, draft) == f"https://{TARGET}"
    stands(linked)
    assert base(linked, draft) == f"https://{HOST}"


def freeze(desk, launch_id, host):
    with desk.system.db.transaction() as session:
        launch = session.get_one(Launch, launch_id)
        launch.state, launch.link_host = LaunchState.SCHEDULED, host


def test_what_was_frozen_before_keeps_the_platforms(linked, draft):
    freeze(linked, draft, "")
    stands(linked)
    assert base(linked, draft) == f"https://{TARGET}"


def test_what_was_frozen_with_a_host_keeps_it_when_it_is_given_up(linked, draft):
    stands(linked)
    freeze(linked, draft, HOST)
    claim(linked, "go")
    assert base(linked, draft) == f"https://{HOST}"


def parts(desk, launch_id):
    with desk.system.db.reading() as session:
        return gathering.parts(session, desk.system, session.get_one(Launch, launch_id))


def test_a_scheduled_launch_whose_host_is_gone_is_asked_for_anew(linked, draft):
    stands(linked)
    freeze(linked, draft, HOST)
    before = parts(linked, draft)
    linked.lose(HOST, "CNAME")
    linked.look(linked.domain_id)
    after = parts(linked, draft)
    assert [part for part in before if before[part] != after[part]] == ["sender"]


def test_one_frozen_with_the_platforms_is_not(linked, draft):
    stands(linked)
    freeze(linked, draft, "")
    before = parts(linked, draft)
    linked.lose(HOST, "CNAME")
    linked.look(linked.domain_id)
    assert parts(linked, draft) == before


def test_from_the_form_to_the_record_to_in_force(linked, partner):  # noqa: F811
    where = f"/portal/sending-domains/{linked.domain_id}/"
    assert f'value="{HOST}"' in page(partner.get(where))
    assert partner.post(f"{where}links", data={"link_host": "links"}).status_code == 303
    settle(linked.system)
    asked = page(partner.get(where))
    assert f'data-copy="{TARGET}"' in asked
    assert 'data-copy="links.news"' in asked
    assert "There is no such record yet" in asked
    assert "CNAME\tcampaigns.platform.example." in partner.get(f"{where}zone.txt").text
    publish(linked)
    linked.look(linked.domain_id)
    assert f"run over {HOST} since" in page(partner.get(where))


def test_gone_it_is_told_in_yellow(linked, partner):  # noqa: F811
    stands(linked)
    linked.lose(HOST, "CNAME")
    linked.look(linked.domain_id)
    told = page(partner.get(f"/portal/sending-domains/{linked.domain_id}/"))
    assert "The record stopped leading here" in told
    assert 'data-t="ba"' not in told


def test_what_is_wrong_with_a_name_is_told_at_its_field(linked, partner):  # noqa: F811
    where = f"/portal/sending-domains/{linked.domain_id}/"
    told = page(partner.post(f"{where}links", data={"link_host": "elsewhere.com"}), 422)
    assert 'aria-describedby="link_host-error"' in told
    assert 'value="elsewhere.com"' in told


def test_given_up_by_its_button(linked, partner):  # noqa: F811
    stands(linked)
    where = f"/portal/sending-domains/{linked.domain_id}/"
    assert partner.post(f"{where}links/end").status_code == 303
    assert current(linked) == ""


def test_who_only_looks_changes_no_host(linked, client, whose):  # noqa: F811
    viewer = factories.signed_in(client, *whose["viewer"])
    where = f"/portal/sending-domains/{linked.domain_id}/links"
    assert viewer.post(where, data={"link_host": "links"}).status_code == 404


def test_a_certificate_is_fetched_for_hosts_that_stood_and_no_other(linked, client, whose):  # noqa: F811
    claim(linked)
    assert client.get(f"/tls/ask?domain={HOST}").status_code == 404
    publish(linked)
    linked.look(linked.domain_id)
    assert client.get(f"/tls/ask?domain={HOST.upper()}").status_code == 200
    for other in (DOMAIN, "", f"x.{HOST}", "a\0b"):
        assert client.get("/tls/ask", query_string={"domain": other}).status_code == 404
