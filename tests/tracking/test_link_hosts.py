"""Readers' pages by a partner's own host: its launches, and nothing else of this installation."""

from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.policy import default as modern

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import base, launches, leads, pages, sending, tracking
from tests.factories.tracking import CHROME
from tpma.core.signing import link_character
from tpma.identity.models import Organisation
from tpma.jobs import Job
from tpma.launches.models import Launch, LaunchAsset
from tpma.rendering.page import PageArtifact
from tpma.sending import gate, gathering, service
from tpma.sending.models import GateMark, MarkKind
from tpma.tracking.models import EventType, TrackingEvent
from tpma.web import hosts
from tpma.worker.loop import settle

HOST, OTHERS = "links.brightline.com", "links.kestrel.com"
HERE, THERE = f"http://{HOST}", f"http://{OTHERS}"
PLATFORM = "http://campaigns.platform.example"
HEADERS = {"User-Agent": CHROME}


@pytest.fixture
def system(system):
    settings = system.settings.model_copy(
        update={"link_target": "campaigns.platform.example", "base_url": PLATFORM}
    )
    return replace(system, settings=settings)


@pytest.fixture
def client(app):
    """A browser, and a door that has not looked at hosts yet."""
    door = app.wsgi_app.app
    assert isinstance(door, hosts.HostDoor)
    door._known = None
    return app.test_client()


@contextmanager
def building(system):
    """A transaction the builders write in."""
    with system.db.transaction() as session:
        factories.bind(session)
        yield session


def host_for(launch, host):
    company = base.bound().get_one(Organisation, launch.tenant_id)
    domain = sending.domain(company, host.removeprefix("links."))
    launch.link_host = sending.link_host(domain, host).host
    return launch


@pytest.fixture
def mail(system):
    """A mail of a launch that was frozen with its partner's host, with its page; beside it the
    host of another partner."""
    with building(system):
        made = host_for(pages.launch(), HOST)
        pages.page(made, ("en-US", "de-DE"))
        host_for(pages.launch(), OTHERS)
        return tracking.message(made)


@pytest.fixture
def token(mail, system):
    return system.signer.token(mail.id)


@pytest.fixture
def slug(mail, db):
    with db.reading() as session:
        return session.get_one(Launch, mail.launch_id).page_slug


def kinds(db):
    with db.reading() as session:
        return [event.type for event in session.scalars(select(TrackingEvent))]


def addresses(token, slug):
    return {
        "click": f"/c/{token}{link_character(1)}",
        "pixel": f"/o/{token}.gif",
        "style": f"/s/{token}.css",
        "page": f"/l/{slug}",
        "page in a language": f"/l/{slug}/de-DE",
        "thanks": f"/l/{slug}/de-DE/thanks",
        "unsubscribe": f"/u/{token}",
        "preferences": f"/u/{token}/preferences",
    }


ALL = list(addresses("", ""))


@pytest.mark.parametrize("name", ALL)
def test_what_readers_get_is_answered_there(client, token, slug, name):
    answer = client.get(addresses(token, slug)[name], base_url=HERE, headers=HEADERS)
    assert answer.status_code == (302 if name == "click" else 200)


@pytest.mark.parametrize("name", [name for name in ALL if name != "pixel"])
def test_by_the_host_of_another_partner_it_is_not_there(client, db, token, slug, name):
    answer = client.get(addresses(token, slug)[name], base_url=THERE, headers=HEADERS)
    assert answer.status_code == 404
    assert kinds(db) == []


def test_a_pixel_asked_for_elsewhere_is_a_point_and_counts_nothing(client, db, token):
    assert client.get(f"/o/{token}.gif", base_url=THERE).status_code == 200
    assert kinds(db) == []


@pytest.mark.parametrize("name", ALL)
def test_the_platforms_own_host_answers_it_too(client, token, slug, name):
    answer = client.get(addresses(token, slug)[name], base_url=PLATFORM, headers=HEADERS)
    assert answer.status_code == (302 if name == "click" else 200)


def test_of_a_launch_frozen_with_the_platforms_host_nothing_is_there(client, system, mail):
    with building(system):
        launch = pages.launch()
        launch.tenant_id = mail.tenant_id
        page = pages.page(launch, ("en-US",))
        other = system.signer.token(tracking.message(launch).id)
    for path in (f"/u/{other}", f"/l/{page.slug}"):
        assert client.get(path, base_url=HERE, headers=HEADERS).status_code == 404


def test_a_click_on_the_page_leads_to_the_page_on_the_same_host(client, token, slug):
    answer = client.get(f"/c/{token}{link_character(0)}", base_url=HERE, headers=HEADERS)
    assert answer.location.startswith(f"{HERE}/l/{slug}?")


def test_one_click_unsubscribing_works_there_and_not_elsewhere(client, db, token):
    one_click = {"List-Unsubscribe": "One-Click"}
    assert client.post(f"/u/{token}", base_url=THERE, data=one_click).status_code == 404
    assert kinds(db) == []
    assert client.post(f"/u/{token}", base_url=HERE, data=one_click).status_code == 200
    assert kinds(db) == [EventType.UNSUBSCRIBE]


def test_a_form_is_sent_and_thanked_on_the_same_host(client, clock, slug):
    carried = leads.hidden(client.get(f"/l/{slug}/en-US", base_url=HERE, headers=HEADERS).text)
    clock.forward(seconds=20)
    answers = carried | {"website": ""} | leads.ANSWERS
    path = f"/l/{slug}/en-US"
    assert client.post(path, base_url=THERE, data=answers, headers=HEADERS).status_code == 404
    sent = client.post(path, base_url=HERE, data=answers, headers=HEADERS)
    assert (sent.status_code, sent.location.partition("?")[0]) == (303, f"{path}/thanks")


def test_links_in_mails_to_visitors_begin_with_the_same_host(client, db, clock, slug):
    carried = leads.hidden(client.get(f"/l/{slug}/de-DE", base_url=HERE, headers=HEADERS).text)
    clock.forward(seconds=20)
    answers = carried | {"website": "", "partner_marketing": "1"} | leads.ANSWERS
    client.post(f"/l/{slug}/de-DE", base_url=HERE, data=answers, headers=HEADERS)
    with db.reading() as session:
        bodies = [
            job.payload["body"]
            for job in session.scalars(select(Job).where(Job.name == "sending.notice"))
        ]
    assert any("/sheet/" in body or "/confirm/" in body for body in bodies)
    assert all(
        HERE in line
        for body in bodies
        for line in body.splitlines()
        if "/sheet/" in line or "/confirm/" in line
    )


def test_not_a_page_of_the_signed_in_product_is_there(app, client, mail):
    """Whatever the address: readers' doors are named, all others are closed."""
    open_doors = {
        "pages_public", "tracking_public", "own_links", "leads_public", "kits_public",
        "branding_public",
    }  # fmt: skip
    for rule in app.url_map.iter_rules():
        door = rule.endpoint.partition(".")[0]
        path = app.url_map.bind("x").build(
            rule.endpoint, {part: _anything(rule, part) for part in rule.arguments},
            method=next(iter(rule.methods - {"HEAD", "OPTIONS"})),
        )  # fmt: skip
        inner = hosts._READERS.match(path) is not None
        assert inner == (door in open_doors), path


def _anything(rule, part):
    kind = type(rule._converters[part]).__name__
    if kind == "UUIDConverter":
        return "01980000-0000-7000-8000-000000000000"
    return 7 if "Number" in kind or "Integer" in kind else "x"


@pytest.mark.parametrize(
    "path",
    ["/", "/sign-in", "/portal/", "/static/tpma.js", "/healthz", "/metrics", "/tls/ask", "/l/"],
)
def test_the_product_is_not_found_there(client, mail, path):
    answer = client.get(path, base_url=HERE)
    assert answer.status_code == 404
    assert "script" not in answer.headers["Content-Security-Policy"]


def test_who_is_signed_in_is_nobody_there(client, mail, system):
    with building(system) as session:
        company = session.get_one(Organisation, mail.tenant_id)
        member = factories.membership(company, "PA")
        assert member.user
    signed = factories.signed_in(client, member, None)
    assert signed.get("/portal/", base_url=HERE).status_code == 404


def test_no_cookie_is_set_or_read_there(client, token):
    answer = client.get(f"/u/{token}", base_url=HERE, headers={"Cookie": "tpma=anything"})
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "links.brightline.com.evil.example", "brightline.com"]
)
def test_a_name_nobody_knows_is_refused(client, token, host):
    assert client.get(f"/u/{token}", base_url=f"https://{host}").status_code == 421
    assert client.get("/sign-in", base_url=f"https://{host}").status_code == 421


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "web:8000", "10.0.0.7"]
)
def test_names_and_addresses_of_our_own_network_are_the_platforms(client, mail, host):
    assert client.get("/healthz", base_url=f"http://{host}").status_code == 200


@pytest.mark.parametrize("spelt", [HOST.upper(), f"{HOST}:80", f"{HOST}."])
def test_a_host_is_known_however_it_is_spelt(client, token, spelt):
    answer = client.get(f"/u/{token}", headers={"Host": spelt})
    assert answer.status_code == 200
    assert client.get("/sign-in", headers={"Host": spelt}).status_code == 404


def test_without_hosts_of_partners_every_name_is_answered_as_before(app, client, system):
    plain = system.settings.model_copy(update={"link_target": ""})
    app.extensions["tpma"] = replace(system, settings=plain)
    assert client.get("/healthz", base_url="https://any.example").status_code == 200


def test_hosts_that_stood_are_kept_apart_also_when_no_new_ones_are_offered(
    app, client, system, token
):
    plain = system.settings.model_copy(update={"link_target": ""})
    app.extensions["tpma"] = replace(system, settings=plain)
    assert client.get(f"/u/{token}", base_url=HERE).status_code == 200
    assert client.get("/sign-in", base_url=HERE).status_code == 404


@pytest.fixture
def sent(system):
    """A launch by the real road: checked, frozen, sent, with its partner's host standing."""
    with building(system) as session:
        made = _launched(session, system)
    settle(system)
    return made


def _launched(session, system):
    made = launches.launch(contacts=1)
    company = session.get_one(Organisation, made.tenant_id)
    domain = sending.domain(company, "brightline.com")
    sending.link_host(domain, HOST)
    who = factories.actor(launches.member_of(company))
    mark = gate.fingerprint(gathering.parts(session, system, made))
    session.add(
        GateMark(
            tenant_id=made.tenant_id, launch_id=made.id, gate_hash=mark, kind=MarkKind.PROOF,
            user_id=who.user_id,
        )
    )  # fmt: skip
    session.flush()
    service.launch(session, system, who, made)
    return made


def test_a_launch_writes_its_links_its_pixel_and_its_way_out_on_the_host(sent, system):
    row = sending.first_of(system.db, {"launch": sent})
    raw = next(system.settings.outbox_folder.glob(f"new/m{row.message_id}-*")).read_bytes()
    told = message_from_bytes(raw, policy=modern)
    html = told.get_body(("html",)).get_content()
    text = told.get_body(("plain",)).get_content()
    assert told["List-Unsubscribe"].startswith(f"<{HERE}/u/")
    for part in (f"{HERE}/c/", f"{HERE}/o/", f"{HERE}/u/", f"{HERE}/k/"):
        assert part in html
    assert f"{HERE}/u/" in text
    assert PLATFORM not in html + text


def test_its_page_loads_nothing_from_elsewhere(sent, db):
    with db.reading() as session:
        asset = session.scalars(
            select(LaunchAsset).where(LaunchAsset.launch_id == sent.id, LaunchAsset.asset == "page")
        ).first()
    page = PageArtifact.from_bytes(asset.compiled)
    assert page.frame.brand_css_url.startswith("/b/")
    assert 'src="http' not in page.before + page.after + page.frame.header


def test_taken_back_and_launched_after_the_host_was_lost_it_has_the_platforms(session, system):
    made = launches.launch(contacts=1)
    company = session.get_one(Organisation, made.tenant_id)
    sending.link_host(sending.domain(company, "brightline.com"), HOST, stands_since=None)
    assert gathering.parts(session, system, made)  # nothing breaks
    assert made.link_host == ""
