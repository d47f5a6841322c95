"""Signing in, and every way a password comes to be: accepted, recovered, changed.

Failed tries are counted by address, known or not, and an answer never tells which it was.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tpma.core.db import Database, clock_of
from tpma.core.errors import Invalid, NotAllowed
from tpma.core.i18n import clock_time, ngettext
from tpma.core.i18n import gettext as _
from tpma.core.text import email_address
from tpma.identity import notices, passwords, places, tokens
from tpma.identity.models import (
    Membership,
    SignInAttempts,
    TokenKind,
    User,
    UserStatus,
)
from tpma.identity.rules import ADMIN
from tpma.identity.service import filled, record

MOST_FAILURES = 10
PAUSE = timedelta(minutes=15)
_FORGOTTEN = timedelta(days=1)  # after which failed tries no longer count


@dataclass(frozen=True, slots=True)
class _Attempt:
    address_hash: bytes
    user_id: UUID | None
    kept: str | None  # the password's hash; None for an address nobody has
    left: int  # tries after this one


def sign_in(db: Database, email: str, password: str) -> UUID:
    """Whose address and password these are.

    The try is counted in its own transaction before the password is looked at, so that many
    at once cannot outrun the limit; the slow hash runs outside any transaction.
    Raises Invalid if they do not match, or while sign-in with this address pauses.
    """
    with db.transaction() as session:
        attempt = _count(session, email)
    if isinstance(attempt, datetime):
        raise Invalid(_paused(attempt), field="password")
    right = passwords.matches(attempt.kept, password)
    if not right or attempt.user_id is None or attempt.kept is None:
        raise Invalid(_mismatch(attempt.left), field="password")
    renewed = passwords.hashed(password) if passwords.outdated(attempt.kept) else None
    with db.transaction() as session:
        _welcome(session, attempt.user_id, attempt.address_hash, renewed)
    return attempt.user_id


def _count(session: Session, email: str) -> _Attempt | datetime:
    """One try more for this address, or the moment its pause ends."""
    now = clock_of(session)()
    norm = _norm(email)
    session.execute(delete(SignInAttempts).where(SignInAttempts.updated_at < now - _FORGOTTEN))
    row = _attempts(session, hashlib.sha256(norm.encode()).digest())
    if row.paused_until is not None and row.paused_until > now:
        return row.paused_until
    row.failures = 1 if row.paused_until is not None else row.failures + 1
    row.paused_until = now + PAUSE if row.failures >= MOST_FAILURES else None
    user = session.scalar(
        select(User).where(User.email_norm == norm, User.status == UserStatus.ACTIVE)
    )
    return _Attempt(
        row.address_hash,
        user.id if user else None,
        user.password_hash if user else None,
        MOST_FAILURES - row.failures,
    )


def _attempts(session: Session, address_hash: bytes) -> SignInAttempts:
    """The counter of an address, locked until the transaction ends."""
    wanted = (
        select(SignInAttempts).where(SignInAttempts.address_hash == address_hash).with_for_update()
    )
    found = session.scalar(wanted)
    if found is not None:
        return found
    try:
        with session.begin_nested():
            session.add(SignInAttempts(address_hash=address_hash, failures=0))
    except IntegrityError:  # another try with this address made it a moment ago
        pass
    return session.scalars(wanted).one()


def _welcome(session: Session, user_id: UUID, address_hash: bytes, renewed: str | None) -> None:
    _forget_failures(session, address_hash)
    user = session.get_one(User, user_id)
    user.last_sign_in_at = clock_of(session)()
    user.password_hash = renewed or user.password_hash


def _forget_failures(session: Session, address_hash: bytes) -> None:
    session.execute(delete(SignInAttempts).where(SignInAttempts.address_hash == address_hash))


def _norm(email: str) -> str:
    """The address as accounts are found by. What is no address becomes a word no account can
    have, so that it is counted like any other and never reaches the database as typed."""
    try:
        return email_address(email).norm
    except Invalid:
        return "no-address:" + hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()


def _mismatch(left: int) -> str:
    if left == 0:
        return _("That password does not match. Sign-in with this address pauses for 15 minutes.")
    return ngettext(
        "That password does not match. %(num)s more try, then a 15-minute pause.",
        "That password does not match. %(num)s more tries, then a 15-minute pause.",
        left,
    )


def _paused(until: datetime) -> str:
    return _(
        "Sign-in with this address pauses until %(time)s. A new password ends the pause.",
        time=clock_time(until),
    )


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a person without an account enters to accept an invitation."""

    password: str
    name: str
    locale: str
    timezone: str = ""
    country: str = ""  # of the company; counts when an admin confirms it


def accept_invitation(
    session: Session, secret: str, newcomer: Newcomer | None = None, *, by: UUID | None = None
) -> Membership:
    """Join the organisation one was invited to, as a `newcomer` or as the signed-in user `by`.

    Raises NotFound for a link we never made, Conflict for a used or expired one, NotAllowed
    when the invitation is somebody else's, Invalid with the field.
    """
    token = tokens.use(session, TokenKind.INVITATION, secret)
    member = session.get_one(Membership, token.membership_id)
    user = token.user
    if user.status is UserStatus.INVITED and newcomer is not None:
        _arrive(session, user, member, newcomer)
    elif user.id != by:
        raise NotAllowed(_("Sign in as %(email)s to accept this invitation.", email=user.email))
    member.pending = False
    record(session, None, member.organisation_id, "membership.accepted", member)
    return member


def _arrive(session: Session, user: User, member: Membership, newcomer: Newcomer) -> None:
    company = member.organisation
    user.name = filled(newcomer.name, 120, "name")
    user.locale = places.language(newcomer.locale)
    if newcomer.country and ADMIN[company.kind] in member.roles:
        _confirm_company(member, newcomer)
    user.timezone = places.timezone(newcomer.timezone or company.timezone)
    _set_password(session, user, newcomer.password)
    user.status = UserStatus.ACTIVE


def _confirm_company(member: Membership, newcomer: Newcomer) -> None:
    """An admin's word on language and country stands for the company; zone and currency of
    another country follow it."""
    company = member.organisation
    company.default_locale = newcomer.locale
    if company.country != newcomer.country:
        company.country = places.country(newcomer.country)
        company.timezone = places.zone_of(newcomer.country, company.timezone)
        company.base_currency = places.currency_of(newcomer.country)


def request_recovery(session: Session, email: str, base_url: str) -> None:
    """Mail a link for a new password, if anybody active has this address. Says nothing back."""
    user = session.scalar(
        select(User).where(User.email_norm == _norm(email), User.status == UserStatus.ACTIVE)
    )
    if user is not None:
        issued = tokens.issue(session, TokenKind.RECOVERY, user)
        notices.recovery(session, issued, user, base_url)
        record(session, None, None, "user.recovery_requested", user)


def reset(session: Session, secret: str, password: str, base_url: str) -> User:
    """Set the password behind a mailed link; every session of the person ends.

    Raises NotFound, Conflict (used or expired) or Invalid(field="password").
    """
    user = tokens.use(session, TokenKind.RECOVERY, secret).user
    if user.status is not UserStatus.ACTIVE:
        raise NotAllowed(_("This account is closed. Ask your admin to invite you again."))
    _replace_password(session, user, password, base_url)
    return user


def change_password(
    session: Session, user: User, current: str, password: str, base_url: str
) -> None:
    """Raises Invalid(field="current") if the present password is not that one."""
    if not passwords.matches(user.password_hash, current):
        raise Invalid(_("That is not your present password."), field="current")
    _replace_password(session, user, password, base_url)


def set_first_password(session: Session, user: User, password: str) -> None:
    """Make an account usable without a mailed link: the command line's way in."""
    _set_password(session, user, password)
    user.status = UserStatus.ACTIVE


def _replace_password(session: Session, user: User, password: str, base_url: str) -> None:
    _set_password(session, user, password)
    tokens.end_all(session, TokenKind.RECOVERY, user)
    _forget_failures(session, hashlib.sha256(user.email_norm.encode()).digest())
    notices.password_changed(session, user, base_url)
    record(session, None, None, "user.password_changed", user)


def _set_password(session: Session, user: User, password: str) -> None:
    user.password_hash = passwords.hashed(passwords.accepted(password, user.email))
    user.session_epoch += 1
    session.flush()
