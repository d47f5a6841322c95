"""A channel manager limited to own partners: the others are not there, on no address of the
studio, in no list, figure, report, sheet or count."""

import re
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.factories import branding
from tests.factories import world as worlds
from tests.factories.base import bind
from tests.factories.partners import enrolment, partner
from tests.factories.world import Ids, Place
from tests.journeys import walkers
from tests.journeys.walkers import methods_of, parts_of, rules_of
from tpma.identity.models import Membership, Sight, User
from tpma.partners.models import Enrolment, Programme
from tpma.worker.loop import settle

# What a route answers does not hang on the database, and this must be quick.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
ROLES = ("CM", "PB", "BR", "DD", "EX")  # all but the admin's, who hands the partners out


@dataclass
class Stage:
    browser: FlaskClient
    member: Membership
    mine: Place
    others: list[Place]


@pytest.fixture
def stage(app, system) -> Stage:
    """Helio's Brightline is the channel manager's; Kestrel is a colleague's."""
    made = worlds.build(system)
    mine, kestrel, _nimbus = made.places
    with system.db.transaction() as session:
        bind(session)
        vendor = session.merge(mine.vendor)
        ben = factories.membership(vendor, *ROLES, sight=Sight.OWN)
        session.get_one(Enrolment, mine.enrolment.id).manager_id = ben.user_id
        colleague = factories.membership(vendor, "CM")
        session.get_one(Enrolment, kestrel.enrolment.id).manager_id = colleague.user_id
        session.get_one(User, ben.user_id)
    return Stage(factories.signed_in(app.test_client(), ben), ben, mine, [kestrel])


def _studio(app, *, parts: bool = False):
    return [r for r in rules_of(app, parts=parts) if r.rule.startswith("/studio")]


def _address(app, rule, ids: Ids) -> str:
    mine = ids | {part: ids[f"vendors_{part}"] for part in ("list_id", "domain_id")}
    return walkers.address(app.url_map.bind("localhost"), rule, mine)


def _marks(place: Place) -> set[str]:
    """What would give a partner away."""
    ids = place.ids
    named = {str(ids[part]) for part in ("launch_id", "deal_id", "enrolment_id", "cobranded_id")}
    return named | {ids["code"], place.partner.trading_name}


# The studio's own parts of an address: a partner's things in it, not the vendor's.
PARTNERS = {"launch_id", "code", "deal_id", "enrolment_id", "cobranded_id"}


def test_another_managers_partner_is_not_found_on_any_address(app, stage):
    asked, found = 0, []
    for rule in _studio(app, parts=True):
        if not PARTNERS & set(parts_of(rule)):
            continue
        for place in stage.others:
            for method in methods_of(rule):
                path = _address(app, rule, place.ids)
                status = stage.browser.open(path, method=method).status_code
                asked += 1
                if status != 404:
                    found.append(f"{method} {path} → {status}")
    assert found == []
    assert asked >= 20


def test_own_partners_are_there(app, stage):
    wanted = [r for r in _studio(app, parts=True) if "GET" in r.methods]
    missing = []
    for rule in wanted:
        if PARTNERS & set(parts_of(rule)):
            path = _address(app, rule, stage.mine.ids)
            if stage.browser.get(path).status_code != 200:
                missing.append(path)
    assert missing == []
    assert stage.mine.partner.trading_name in stage.browser.get("/studio/partners/").text


def _pages(app, browser: FlaskClient, ids: Ids) -> dict[str, str]:
    """Everything the studio answers, without what differs from one answer to the next."""
    found = {}
    for rule in _studio(app):
        if "GET" in rule.methods:
            path = _address(app, rule, ids)
            answer = browser.get(path)
            text = answer.get_data().decode("utf-8", "replace")
            text = re.sub(r'name="csrf_token" value="[^"]*"|"X-CSRFToken": ?"[^"]*"', "", text)
            text = re.sub(r'nonce="[^"]*"|csrf[^>]*content="[^"]*"', "", text)
            if answer.mimetype != "application/pdf":
                found[path] = f"{answer.status_code} {text}"
    return found


def test_no_page_sheet_or_count_knows_of_the_others(app, stage):
    pages = _pages(app, stage.browser, stage.mine.ids)
    told = {
        path: mark
        for path, text in pages.items()
        for place in stage.others
        for mark in _marks(place)
        if mark in text
    }
    assert told == {}
    assert len(pages) > 15


def test_whatever_happens_at_the_others_changes_no_page(app, system, stage, clock):
    """A new partner with a launch, leads, a deal and a review: every figure stays."""
    clock.forward(minutes=1)  # registrations of one moment have no order
    before = _pages(app, stage.browser, stage.mine.ids)
    with system.db.transaction() as session:
        bind(session)
        company = partner(trading_name="Thirdwave").organisation
        branding.ready_brand(company)
        within = session.get_one(Programme, stage.mine.enrolment.programme_id)
        third = worlds._place(
            session.merge(stage.mine.vendor),
            enrolment(within, company),
            key="TRD",
            slug="third-kit",
        )
    settle(system)
    with system.db.transaction() as session:
        bind(session)
        worlds._after_the_mails(session, system, third)
    after = _pages(app, stage.browser, stage.mine.ids)
    # The vendor's kits are every member's to see, and the third partner's launch has one more.
    changed = {path for path in before if before[path] != after[path]} - {"/studio/kits/"}
    assert changed == set()
    assert "Thirdwave" not in "".join(after.values())
    whole = factories.signed_in(app.test_client(), _admin(system, stage))
    assert "Thirdwave" in whole.get("/studio/partners/").text


def _admin(system, stage: Stage) -> Membership:
    with system.db.transaction() as session:
        bind(session)
        return factories.membership(session.merge(stage.mine.vendor), "VA", sight=Sight.OWN)


def test_reach_of_a_kit_counts_own_partners_only(stage):
    page = stage.browser.get(f"/studio/kits/{stage.mine.ids['kit_slug']}").text
    assert re.search(r"\b1\b[^<]*\b1\b", re.sub(r"<[^>]+>", " ", page))


def test_the_jump_field_leads_to_own_launches_only(stage):
    def jump(place: Place) -> int:
        return stage.browser.get("/jump", query_string={"q": place.ids["code"]}).status_code

    assert jump(stage.mine) == 303
    assert jump(stage.others[0]) == 404


def test_partners_are_not_handed_over_by_who_sees_only_own(stage):
    sent = {"enrolments": [str(stage.mine.enrolment.id)], "manager": "nobody"}
    assert stage.browser.post("/studio/partners/assign", data=sent).status_code == 404


def test_without_the_limit_the_same_roles_see_everything(system, stage):
    with system.db.transaction() as session:
        session.get_one(Membership, stage.member.id).sight = Sight.ALL
    page = stage.browser.get("/studio/partners/").text
    for place in (stage.mine, *stage.others):
        assert place.partner.trading_name in page
