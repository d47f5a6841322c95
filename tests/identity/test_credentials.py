"""Signing in, lockout, recovery, invitations: what is counted, spent and ended."""

import re
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from tests import factories
from tests.factories.identity import PASSWORD
from tpma.core.db import Database
from tpma.core.errors import Conflict, Invalid, NotAllowed, NotFound
from tpma.identity import credentials, members, passwords, tokens
from tpma.identity.credentials import Newcomer
from tpma.identity.models import (
    AccountToken,
    Membership,
    SignInAttempts,
    TokenKind,
    User,
    UserStatus,
)
from tpma.jobs import Job

BASE = "https://tpma.example"
NEW = "a brand new password"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
    passwords._decoy.cache_clear()


@pytest.fixture
def person(db: Database) -> User:
    with db.transaction() as session:
        factories.bind(session)
        return factories.user(
            email="dana@brightline.example", password_hash=passwords.hashed(PASSWORD)
        )


def try_to_sign_in(db, email="dana@brightline.example", password="not the password") -> str:
    with pytest.raises(Invalid) as refusal:
        credentials.sign_in(db, email, password)
    assert refusal.value.field == "password"
    return refusal.value.message


def test_the_right_password_says_who_it_is(db, person):
    assert credentials.sign_in(db, " Dana@Brightline.example ", PASSWORD) == person.id


def test_signing_in_is_dated(db, person, clock):
    credentials.sign_in(db, person.email, PASSWORD)
    with db.reading() as session:
        assert session.get_one(User, person.id).last_sign_in_at == clock()


def test_the_third_failure_leaves_seven_tries(db, person):
    messages = [try_to_sign_in(db) for _ in range(3)]
    assert messages[-1] == "That password does not match. 7 more tries, then a 15-minute pause."


def test_the_ninth_failure_leaves_one_try(db, person):
    messages = [try_to_sign_in(db) for _ in range(9)]
    assert "1 more try," in messages[-1]


def test_after_ten_failures_even_the_right_password_waits(db, person):
    for _ in range(10):
        try_to_sign_in(db)
    assert "pauses until" in try_to_sign_in(db, password=PASSWORD)


def test_the_pause_ends_after_fifteen_minutes(db, person, clock):
    for _ in range(10):
        try_to_sign_in(db)
    clock.forward(minutes=15)
    assert credentials.sign_in(db, person.email, PASSWORD) == person.id


def test_after_a_pause_the_count_starts_again(db, person, clock):
    for _ in range(10):
        try_to_sign_in(db)
    clock.forward(minutes=16)
    assert "9 more tries" in try_to_sign_in(db)


def test_the_tenth_try_may_still_be_right(db, person):
    for _ in range(9):
        try_to_sign_in(db)
    assert credentials.sign_in(db, person.email, PASSWORD) == person.id


def test_a_success_forgets_the_failures(db, person):
    try_to_sign_in(db)
    credentials.sign_in(db, person.email, PASSWORD)
    assert "9 more tries" in try_to_sign_in(db)


def test_failures_older_than_a_day_are_forgotten(db, person, clock):
    for _ in range(9):
        try_to_sign_in(db)
    clock.forward(days=1, seconds=1)
    assert "9 more tries" in try_to_sign_in(db)


def test_an_unknown_address_is_answered_exactly_like_a_known_one(db, person):
    known = [try_to_sign_in(db) for _ in range(11)]
    unknown = [try_to_sign_in(db, "nobody@brightline.example") for _ in range(11)]
    assert known == unknown


def test_the_password_of_an_unknown_address_is_hashed_all_the_same(db, monkeypatch):
    seen = []
    real = passwords.matches
    monkeypatch.setattr(
        passwords, "matches", lambda kept, text: seen.append(kept) or real(kept, text)
    )
    try_to_sign_in(db, "nobody@brightline.example")
    assert seen == [None]


@pytest.mark.parametrize(
    "email", ["", "no at sign", "a@b", "x" * 5000, "a@b.example\r\nBcc: c@d.example", "\x00@\x00"]
)
def test_what_is_no_address_signs_nobody_in(db, email):
    try_to_sign_in(db, email)


def test_addresses_are_counted_apart(db, person):
    for _ in range(10):
        try_to_sign_in(db, "somebody@else.example")
    assert credentials.sign_in(db, person.email, PASSWORD) == person.id


def test_no_address_is_kept_with_the_count(db):
    try_to_sign_in(db, "nobody@brightline.example")
    with db.reading() as session:
        row = session.scalars(select(SignInAttempts)).one()
    assert len(row.address_hash) == 32
    assert b"nobody" not in row.address_hash


@pytest.mark.parametrize("status", [UserStatus.INVITED, UserStatus.DEACTIVATED])
def test_only_an_active_account_signs_in(db, person, status):
    with db.transaction() as session:
        session.get_one(User, person.id).status = status
    try_to_sign_in(db, password=PASSWORD)


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(db, person):
    older = PasswordHasher(2, 16, 1).hash(PASSWORD.encode())
    with db.transaction() as session:
        session.get_one(User, person.id).password_hash = older
    credentials.sign_in(db, person.email, PASSWORD)
    with db.reading() as session:
        kept = session.get_one(User, person.id).password_hash
    assert kept != older
    assert not passwords.outdated(kept)


def recover(db: Database, email: str) -> str | None:
    """The secret of the link that was mailed, if one was."""
    with db.transaction() as session:
        credentials.request_recovery(session, email, BASE)
    with db.reading() as session:
        bodies = [job.payload["body"] for job in session.scalars(select(Job).order_by(Job.id))]
    found = [m for body in bodies for m in re.findall(rf"{BASE}/reset/(\S+)", body)]
    return found[-1] if found else None


def reset(db: Database, secret: str, password: str = NEW) -> None:
    with db.transaction() as session:
        credentials.reset(session, secret, password, BASE)


def test_a_recovered_password_signs_in(db, person):
    reset(db, recover(db, person.email))
    assert credentials.sign_in(db, person.email, NEW) == person.id


def test_a_reset_ends_every_session(db, person):
    reset(db, recover(db, person.email))
    with db.reading() as session:
        assert session.get_one(User, person.id).session_epoch == person.session_epoch + 1


def test_a_reset_ends_the_pause(db, person):
    for _ in range(10):
        try_to_sign_in(db)
    reset(db, recover(db, person.email))
    assert credentials.sign_in(db, person.email, NEW) == person.id


def test_a_reset_is_told_to_the_person(db, person):
    reset(db, recover(db, person.email))
    with db.reading() as session:
        subjects = [job.payload["subject"] for job in session.scalars(select(Job))]
    assert "Your tpma password was changed" in subjects


def test_a_link_works_once(db, person):
    secret = recover(db, person.email)
    reset(db, secret)
    with pytest.raises(Conflict):
        reset(db, secret, "yet another password")


def test_a_link_works_for_an_hour(db, person, clock):
    secret = recover(db, person.email)
    clock.forward(hours=1)
    with pytest.raises(Conflict):
        reset(db, secret)


def test_asking_again_ends_the_earlier_link(db, person):
    first, _second = recover(db, person.email), recover(db, person.email)
    with pytest.raises(Conflict):
        reset(db, first)


def test_a_refused_password_does_not_spend_the_link(db, person):
    secret = recover(db, person.email)
    with pytest.raises(Invalid):
        reset(db, secret, "short")
    reset(db, secret)


def test_every_changed_character_of_a_link_makes_it_unknown(db, person):
    secret = recover(db, person.email)
    for position in range(len(secret)):
        other = "A" if secret[position] != "A" else "B"
        with pytest.raises(NotFound):
            reset(db, secret[:position] + other + secret[position + 1 :])


@pytest.mark.parametrize("secret", ["", "x", "\x00", "é" * 43, "' OR 1=1 --", "\ud800"])
def test_a_made_up_link_is_not_found(db, secret):
    with pytest.raises(NotFound):
        reset(db, secret)


def test_only_the_hash_of_a_secret_is_kept(db, person):
    secret = recover(db, person.email)
    with db.reading() as session:
        kept = session.scalars(select(AccountToken)).one().secret_hash
    assert secret.encode() not in kept
    assert len(kept) == 32


@pytest.mark.parametrize("email", ["nobody@brightline.example", "not an address", ""])
def test_an_unknown_address_gets_no_mail_and_no_error(db, person, email):
    assert recover(db, email) is None


def test_a_recovery_link_is_no_invitation(db, person):
    secret = recover(db, person.email)
    with pytest.raises(NotFound), db.transaction() as session:
        credentials.accept_invitation(session, secret, Newcomer(NEW, "Dana", "en"))


def test_changing_the_password_needs_the_present_one(db, person):
    with db.transaction() as session:
        user = session.get_one(User, person.id)
        with pytest.raises(Invalid) as refusal:
            credentials.change_password(session, user, "guess", NEW, BASE)
    assert refusal.value.field == "current"


def test_changing_the_password_grows_the_epoch(db, person):
    with db.transaction() as session:
        user = session.get_one(User, person.id)
        credentials.change_password(session, user, PASSWORD, NEW, BASE)
        assert user.session_epoch == person.session_epoch + 1


@pytest.fixture
def invited(db: Database) -> tuple[str, Membership]:
    """A company's first admin, invited, and the secret of the link."""
    with db.transaction() as session:
        factories.bind(session)
        company = factories.organisation(country="US", default_locale="en-US")
        issued = members.invite(
            session,
            None,
            company,
            email="ada@kestrel.example",
            name="Ada",
            roles=["PA"],
            base_url=BASE,
        )
        member = session.get_one(Membership, issued.token.membership_id)
        return issued.secret, member


def accept(db: Database, secret: str, newcomer: Newcomer | None = None, **given) -> None:
    with db.transaction() as session:
        credentials.accept_invitation(session, secret, newcomer, **given)


def test_a_newcomer_becomes_an_active_member(db, invited):
    secret, member = invited
    accept(db, secret, Newcomer(NEW, "Ada Kerr", "en-GB"))
    with db.reading() as session:
        found = session.get_one(Membership, member.id)
        assert (found.pending, found.user.status, found.user.name) == (
            False,
            UserStatus.ACTIVE,
            "Ada Kerr",
        )


def test_the_country_an_admin_confirms_brings_zone_and_currency(db, invited):
    secret, member = invited
    accept(db, secret, Newcomer(NEW, "Ada", "en-GB", country="GB"))
    with db.reading() as session:
        company = session.get_one(Membership, member.id).organisation
        assert (company.country, company.timezone, company.base_currency) == (
            "GB",
            "Europe/London",
            "GBP",
        )
        assert company.default_locale == "en-GB"


@pytest.mark.parametrize(
    ("newcomer", "field"),
    [
        (Newcomer("short", "Ada", "en"), "password"),
        (Newcomer(NEW, "", "en"), "name"),
        (Newcomer(NEW, "Ada\r\nBcc: x@y.example", "en"), "name"),
        (Newcomer(NEW, "A" * 121, "en"), "name"),
        (Newcomer(NEW, "Ada", "tlh-not-a-tag"), "locale"),
        (Newcomer(NEW, "Ada", "en", country="XX"), "country"),
        (Newcomer(NEW, "Ada", "en", timezone="Mars/Olympus"), "timezone"),
    ],
)
def test_what_a_newcomer_types_wrong_is_named_and_spends_nothing(db, invited, newcomer, field):
    secret, _member = invited
    with pytest.raises(Invalid) as refusal:
        accept(db, secret, newcomer)
    assert refusal.value.field == field
    accept(db, secret, Newcomer(NEW, "Ada", "en"))


def test_an_invitation_works_for_fourteen_days(db, invited, clock):
    clock.forward(days=14)
    with pytest.raises(Conflict):
        accept(db, invited[0], Newcomer(NEW, "Ada", "en"))


def test_an_invitation_works_once(db, invited):
    accept(db, invited[0], Newcomer(NEW, "Ada", "en"))
    with pytest.raises(Conflict):
        accept(db, invited[0], Newcomer("another password", "Eve", "en"))


def test_somebody_elses_session_cannot_accept(db, invited, person):
    with pytest.raises(NotAllowed):
        accept(db, invited[0], by=person.id)


def test_an_account_is_not_taken_over_by_inviting_its_owner(db, person):
    """A person who has a password is never asked for a new one by an invitation."""
    with db.transaction() as session:
        factories.bind(session)
        company = factories.organisation()
        issued = members.invite(
            session,
            None,
            company,
            email=person.email,
            name="Mallory",
            roles=["PA"],
            base_url=BASE,
        )
    with pytest.raises(NotAllowed):
        accept(db, issued.secret, Newcomer("mallorys password", "Mallory", "en"))
    accept(db, issued.secret, by=person.id)
    assert credentials.sign_in(db, person.email, PASSWORD) == person.id


def test_two_who_use_one_link_at_once_do_not_both_succeed(db, person):
    """The second sees the row as it was, and still loses: the update decides."""
    secret = recover(db, person.email)
    with db.transaction() as session:
        tokens.use(session, TokenKind.RECOVERY, secret)
        with pytest.raises(Conflict):
            tokens.use(session, TokenKind.RECOVERY, secret)


def test_tries_in_parallel_cannot_outrun_the_limit(db, person, monkeypatch):
    """A try is counted before its password is looked at."""
    counted = []

    def matches(_kept, _password):
        with db.reading() as session:
            counted.append(session.scalar(select(func.max(SignInAttempts.failures))))
        return False

    monkeypatch.setattr(passwords, "matches", matches)
    try_to_sign_in(db)
    assert counted == [1]


def test_the_pause_is_counted_from_the_last_try(db, person, clock):
    for _ in range(10):
        try_to_sign_in(db)
        clock.forward(minutes=1)
    with db.reading() as session:
        row = session.scalars(select(SignInAttempts)).one()
    assert row.paused_until == clock() - timedelta(minutes=1) + credentials.PAUSE
