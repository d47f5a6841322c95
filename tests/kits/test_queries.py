from datetime import date

import pytest

from tests import factories
from tpma.core.errors import NotFound
from tpma.identity.models import Organisation
from tpma.kits import queries
from tpma.kits.models import KitVersionState

TODAY = date(2026, 3, 2)


@pytest.fixture
def programme(session):
    return factories.programme()


@pytest.fixture
def vendor(session, programme):
    return session.get_one(Organisation, programme.tenant_id)


@pytest.fixture
def enrolment(programme):
    return factories.enrolment(programme)


def test_a_partner_sees_what_their_vendor_published(session, vendor, enrolment):
    version = factories.kit_version(vendor)
    (offer,) = queries.catalog(session, enrolment, TODAY)
    assert (offer.kit, offer.version) == (version.kit, version)
    assert offer.verdict.visible


def test_only_the_newest_version_is_offered(session, vendor, enrolment):
    factories.kit_version(vendor)
    factories.kit_version(vendor, semver="1.1.0")
    (offer,) = queries.catalog(session, enrolment, TODAY)
    assert offer.version.semver == "1.1.0"


def test_another_vendors_kits_do_not_exist(session, enrolment):
    factories.kit_version()
    assert queries.catalog(session, enrolment, TODAY) == []
    with pytest.raises(NotFound):
        queries.get_for_partner(session, enrolment, "small-kit", TODAY)


def test_a_draft_does_not_exist_for_partners(session, vendor, enrolment):
    factories.kit_draft(vendor)
    assert queries.catalog(session, enrolment, TODAY) == []


def test_a_newer_draft_leaves_the_published_one_where_it_is(session, vendor, enrolment):
    factories.kit_version(vendor)
    factories.kit_draft(vendor, semver="2.0.0")
    _kit, version = queries.get_for_partner(session, enrolment, "small-kit", TODAY)
    assert version.semver == "1.0.0"


@pytest.mark.parametrize(
    "changes",
    [
        {"tiers": ("platinum",)},
        {"types": ("msp",)},
        {"deny": ("US",)},
        {"allow": ("DE",)},
        {"embargo": "2026-03-03"},
        {"retires": "2026-03-01"},
    ],
    ids=str,
)
def test_a_kit_one_is_not_entitled_to_does_not_exist(session, vendor, enrolment, changes):
    factories.kit_version(vendor, **changes)
    assert queries.catalog(session, enrolment, TODAY) == []
    with pytest.raises(NotFound):
        queries.get_for_partner(session, enrolment, "small-kit", TODAY)


@pytest.mark.parametrize("state", [KitVersionState.DEPRECATED, KitVersionState.RECALLED])
def test_a_withdrawn_kit_is_offered_no_more(session, vendor, enrolment, state):
    factories.kit_version(vendor).state = state
    session.flush()
    assert queries.catalog(session, enrolment, TODAY) == []


def test_content_is_parsed_once(session, vendor):
    version = factories.kit_version(vendor)
    assert queries.content(session, version.id) is queries.content(session, version.id)


def test_the_content_of_a_draft_is_read_anew(session, vendor):
    draft = factories.kit_draft(vendor)
    assert queries.content(session, draft.id) is not queries.content(session, draft.id)


def test_a_file_is_found_by_its_content(session, vendor):
    version = factories.kit_version(vendor)
    sha256 = factories.kit_content().images[0].sha256
    file = queries.file_by_sha(session, sha256)
    assert (file.kit_version_id, file.path) == (version.id, "assets/hero.png")


def test_a_file_of_a_draft_is_served_to_nobody(session, vendor):
    factories.kit_draft(vendor)
    with pytest.raises(NotFound):
        queries.file_by_sha(session, factories.kit_content().images[0].sha256)


def test_covers_are_addressed_by_their_content(session, vendor):
    version = factories.kit_version(vendor)
    (cover,) = queries.covers(session, [version]).values()
    assert cover.startswith("/k/")
    assert cover.endswith(".svg")


def test_a_vendor_sees_all_versions_newest_first(session, vendor):
    for semver in ("1.9.0", "1.10.0"):
        factories.kit_version(vendor, semver=semver)
    factories.kit_draft(vendor, semver="2.0.0")
    (shelf,) = queries.for_vendor(session, vendor.id)
    assert [version.semver for version in shelf.versions] == ["2.0.0", "1.10.0", "1.9.0"]
    assert shelf.shown.semver == "1.10.0"


def test_another_vendor_sees_none_of_them(session, vendor):
    factories.kit_version(vendor)
    other = factories.vendor().organisation
    assert queries.for_vendor(session, other.id) == []
    with pytest.raises(NotFound):
        queries.get_for_vendor(session, other.id, "small-kit")
    with pytest.raises(NotFound):
        queries.version_for_vendor(session, other.id, "small-kit", "1.0.0")


def test_reach_counts_the_partners_a_kit_is_open_to(session, vendor, programme):
    version = factories.kit_version(vendor, tiers=("gold",), deny=("RU",))
    factories.enrolment(programme)
    factories.enrolment(programme, tier="silver")
    factories.enrolment(programme, factories.partner(country="RU").organisation)
    factories.enrolment()  # another vendor's
    assert queries.reach(session, version.kit, TODAY) == queries.Reach(open_to=1, partners=3)
