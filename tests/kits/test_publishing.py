"""Draft, review, published or back; and four eyes where a vendor asks for them."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories.branding import actor
from tests.factories.kits import kit_draft
from tpma.core.errors import Conflict, Invalid, NotAllowed
from tpma.identity.models import AuditLog, Membership
from tpma.kits import publishing, service
from tpma.kits.models import KitVersionState as State


@pytest.fixture
def helio(session):
    return factories.vendor().organisation


def steps(session, version):
    rows = select(AuditLog).where(AuditLog.object_id == str(version.id)).order_by(AuditLog.seq)
    return [(row.action, row.detail.get("answers_for")) for row in session.scalars(rows)]


def draft(helio, author):
    version = kit_draft(helio)
    version.author_id = author.user_id
    return version


def with_four_eyes(session, helio):
    author, other = actor(helio, "PB"), actor(helio, "VA")
    service.set_four_eyes(session, other, True)
    return author, other


def test_a_reviewed_version_is_published_by_another(session, helio):
    author, other = actor(helio, "PB"), actor(helio, "VA")
    version = draft(helio, author)
    service.submit(session, author, version)
    assert version.state is State.IN_REVIEW
    service.publish_version(session, version, other)
    assert version.state is State.PUBLISHED
    assert steps(session, version)[-3:] == [
        ("kit_version.submit", None),
        ("kit_version.approve", "reviewer"),
        ("kit_version.publish", "reviewer"),
    ]


def test_a_rejected_version_is_a_draft_again_with_the_reason(session, helio):
    author, other = actor(helio, "PB"), actor(helio, "VA")
    version = draft(helio, author)
    service.submit(session, author, version)
    service.reject(session, other, version, " The second mail names no price. ")
    assert (version.state, version.review_note) == (
        State.VALIDATED,
        "The second mail names no price.",
    )
    service.submit(session, author, version)
    assert version.review_note == ""


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 1001])
def test_a_rejection_needs_a_reason(session, helio, reason):
    author = actor(helio, "PB")
    version = draft(helio, author)
    service.submit(session, author, version)
    with pytest.raises(Invalid) as refusal:
        service.reject(session, author, version, reason)
    assert refusal.value.field == "reason"
    assert version.state is State.IN_REVIEW


def test_only_what_waits_is_rejected_and_only_a_draft_is_sent(session, helio):
    author = actor(helio, "PB")
    version = draft(helio, author)
    with pytest.raises(Conflict):
        service.reject(session, author, version, "No")
    service.submit(session, author, version)
    with pytest.raises(Conflict):
        service.submit(session, author, version)


def test_one_person_may_take_all_steps_by_default(session, helio):
    author = actor(helio, "PB")
    version = draft(helio, author)
    service.publish_version(session, version, author)
    assert ("kit_version.approve", "author and reviewer") in steps(session, version)


def test_with_four_eyes_the_author_cannot_publish(session, helio):
    author, other = with_four_eyes(session, helio)
    version = draft(helio, author)
    for hand in (author, other):
        with pytest.raises(NotAllowed, match="review first"):
            service.publish_version(session, version, hand)
    service.submit(session, other, version)
    for hand in (author, other):
        with pytest.raises(NotAllowed, match="somebody else"):
            service.publish_version(session, version, hand)
    service.publish_version(session, version, actor(helio, "PB"))
    assert version.state is State.PUBLISHED


def test_four_eyes_need_two_people_who_may_publish(session, helio):
    admin = actor(helio, "VA")
    actor(helio, "BR")
    with pytest.raises(Invalid) as refusal:
        service.set_four_eyes(session, admin, True)
    assert refusal.value.field == "four_eyes"
    assert not publishing.four_eyes(session, helio.id)


def test_four_eyes_do_not_lock_out_the_last_publisher(session, helio):
    _author, other = with_four_eyes(session, helio)
    version = draft(helio, other)
    member = session.scalars(select(Membership).where(Membership.user_id == _author.user_id)).one()
    member.roles = ["BR"]
    session.flush()
    service.publish_version(session, version, other)
    assert version.state is State.PUBLISHED


def test_four_eyes_change_once(session, helio):
    _author, other = with_four_eyes(session, helio)
    service.set_four_eyes(session, other, True)
    rows = select(AuditLog.action).where(AuditLog.action.startswith("vendor."))
    assert list(session.scalars(rows)) == ["vendor.four_eyes_on"]
    service.set_four_eyes(session, other, False)
    assert not publishing.four_eyes(session, helio.id)
