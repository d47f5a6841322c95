import pytest
from sqlalchemy import delete, select, update

from tests import factories
from tests.factories.kits import checked, kit_content, kit_draft, kit_version
from tpma.core.errors import Conflict, Invalid
from tpma.identity.models import AuditLog
from tpma.kits import check, queries, service
from tpma.kits.models import Kit, KitFile, KitVersion, KitVersionState
from tpma.rendering.content import KitContent


def audit(session, action):
    return session.scalars(select(AuditLog).where(AuditLog.action == action)).all()


def test_publishing_makes_the_kit_and_its_version(session):
    version = kit_version()

    assert version.state is KitVersionState.PUBLISHED
    assert version.published_at is not None
    assert (version.kit.key, version.kit.title) == ("TST", "Small kit")
    assert version.kit.territories_deny == ["RU"]


def test_what_was_published_is_what_comes_back(session):
    version = kit_version()
    session.expire_all()
    assert queries.content(session, version.id) == kit_content()


def test_files_are_kept_by_their_hash(session):
    version = kit_version()
    kept = session.scalars(select(KitFile).where(KitFile.kit_version_id == version.id)).all()
    assert {file.path: file.content for file in kept} == checked().files


def test_each_step_to_the_partners_has_an_audit_row(session):
    version = kit_version()
    rows = session.scalars(
        select(AuditLog).where(AuditLog.object_id == str(version.id)).order_by(AuditLog.seq)
    )
    assert [row.action for row in rows] == [
        "kit_version.validate",
        "kit_version.submit",
        "kit_version.approve",
        "kit_version.publish",
    ]


def test_without_a_person_the_audit_row_says_who_answers(session):
    kit_version()
    (row,) = audit(session, "kit_version.approve")
    assert row.actor_id is None
    assert row.detail["answers_for"] == "author and reviewer: operator"


def test_the_same_content_again_is_the_version_that_exists(session):
    vendor = factories.vendor().organisation
    first = kit_version(vendor)
    assert kit_version(vendor) is first
    assert len(audit(session, "kit_version.publish")) == 1


def test_other_content_under_a_published_number_is_refused_with_a_cure(session):
    vendor = factories.vendor().organisation
    kit_version(vendor)
    with pytest.raises(Conflict, match="1.0.1"):
        kit_version(vendor, goal_leads=21)


def test_another_picture_is_other_content(session):
    vendor = factories.vendor().organisation
    kit_version(vendor)
    files = checked().files | {"assets/cover.svg": b"<svg/>"}
    with pytest.raises(Conflict):
        service.publish(session, vendor.id, kit_content(), files)


@pytest.mark.parametrize("semver", ["0.9.0", "1.0.0", "1.9.0", "1.2.9"])
def test_a_version_must_be_newer_than_the_newest(session, semver):
    vendor = factories.vendor().organisation
    kit_version(vendor, semver="1.10.0")
    with pytest.raises(Conflict, match="1.10.1"):
        kit_version(vendor, semver=semver)


def test_a_newer_version_supersedes_the_one_before(session):
    vendor = factories.vendor().organisation
    first = kit_version(vendor)
    second = kit_version(vendor, semver="1.10.0")

    assert first.state is KitVersionState.SUPERSEDED
    assert second.supersedes_id == first.id
    assert session.scalars(select(Kit).where(Kit.tenant_id == vendor.id)).one() is second.kit


def test_the_kit_shows_what_its_newest_version_says(session):
    vendor = factories.vendor().organisation
    kit_version(vendor)
    version = kit_version(vendor, semver="1.1.0", tiers=("gold",), motion="event")
    assert (version.kit.entitled_tiers, version.kit.motion) == (["gold"], "event")


def test_two_vendors_may_have_kits_of_one_name(session):
    assert kit_version().kit_id != kit_version().kit_id


@pytest.mark.parametrize("changes", [{"slug": "other"}, {"key": "OTH"}])
def test_key_and_slug_belong_together_for_good(session, changes):
    vendor = factories.vendor().organisation
    kit_version(vendor)
    with pytest.raises(Conflict, match="TST"):
        kit_version(vendor, semver="2.0.0", **changes)


def test_a_kit_with_faults_cannot_be_published(session, tmp_path):
    vendor = factories.vendor().organisation
    with pytest.raises(Invalid, match="kit.toml"):
        service.publish_reading(session, vendor.id, check.folder(tmp_path))


def test_a_draft_is_not_what_partners_get(session):
    vendor = factories.vendor().organisation
    draft = kit_draft(vendor)
    assert draft.state is KitVersionState.VALIDATED
    assert service.newest(session, draft.kit_id) is None


def test_a_draft_is_replaced_by_the_next_of_its_number(session):
    vendor = factories.vendor().organisation
    kit_draft(vendor)
    second = kit_draft(vendor, goal_leads=99)
    kept = session.scalars(select(KitVersion).where(KitVersion.kit_id == second.kit_id)).all()
    assert kept == [second]


def test_a_published_version_cannot_be_published_again_as_a_draft(session):
    version = kit_version()
    with pytest.raises(Conflict):
        service.publish_version(session, version)


@pytest.mark.parametrize(
    ("field", "value"), [("manifest", {}), ("content_hash", "0" * 64), ("semver", "9.9.9")]
)
def test_nothing_of_a_published_version_can_be_changed(db, session, field, value):
    version = kit_version()
    setattr(version, field, value)
    with pytest.raises(Conflict, match="never changes"):
        session.flush()
    session.rollback()


def test_a_published_version_cannot_be_deleted(session):
    session.delete(kit_version())
    with pytest.raises(Conflict):
        session.flush()
    session.rollback()


def test_a_file_of_a_published_version_cannot_be_changed(session):
    version = kit_version()
    queries.files(session, version.id)[0].content = b"other"
    with pytest.raises(Conflict):
        session.flush()
    session.rollback()


def test_a_published_version_takes_no_further_file(session):
    version = kit_version()
    file = KitFile(
        kit_version_id=version.id, path="x", sha256="0", content_type="text/css", content=b""
    )
    session.add(file)
    with pytest.raises(Conflict):
        session.flush()
    session.rollback()


@pytest.mark.parametrize("statement", [update(KitVersion).values(semver="9.9.9"), delete(KitFile)])
def test_no_statement_goes_past_the_guard(session, statement):
    kit_version()
    with pytest.raises(Conflict):
        session.execute(statement)


def test_its_state_may_change(session):
    version = kit_version()
    version.state = KitVersionState.DEPRECATED
    session.flush()


def test_the_hash_depends_on_content_and_files_and_on_no_order():
    content, files = kit_content(), checked().files
    backwards = dict(reversed(files.items()))
    again = KitContent.from_json(content.to_json())
    assert service.content_hash(content, files) == service.content_hash(again, backwards)
    assert service.content_hash(content, files) != service.content_hash(content, {})
