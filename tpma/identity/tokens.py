"""Links mailed to a person: made once, used once, good for a while; we keep only a hash."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import AccountToken, Membership, TokenKind, User

LIFETIME = {TokenKind.INVITATION: timedelta(days=14), TokenKind.RECOVERY: timedelta(hours=1)}
_PATH = {TokenKind.INVITATION: "invitation", TokenKind.RECOVERY: "reset"}


class TokenState(StrEnum):
    USABLE = "usable"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token and the only copy of its secret."""

    token: AccountToken
    secret: str

    def link(self, base_url: str) -> str:
        return f"{base_url}/{_PATH[self.token.kind]}/{self.secret}"


def issue(
    session: Session, kind: TokenKind, user: User, membership: Membership | None = None
) -> Issued:
    """A fresh secret of 256 random bits. Older links of the same kind and purpose end here."""
    if membership is None:
        end_all(session, kind, user)
    else:
        end_for(session, membership)
    secret = secrets.token_urlsafe(32)
    token = AccountToken(
        kind=kind,
        user_id=user.id,
        membership_id=membership.id if membership else None,
        secret_hash=_hash(secret),
        expires_at=clock_of(session)() + LIFETIME[kind],
    )
    session.add(token)
    session.flush()
    return Issued(token, secret)


def find(session: Session, kind: TokenKind, secret: str) -> AccountToken:
    """The token of a link, used and expired ones too. Raises NotFound if we never made it."""
    found = session.scalar(
        select(AccountToken).where(
            AccountToken.kind == kind, AccountToken.secret_hash == _hash(secret)
        )
    )
    if found is None:
        raise NotFound(_("This link is not one of ours. Copy it whole from the mail."))
    return found


def state_of(token: AccountToken, now: datetime) -> TokenState:
    if token.used_at is not None:
        return TokenState.USED
    return TokenState.EXPIRED if token.expires_at <= now else TokenState.USABLE


def use(session: Session, kind: TokenKind, secret: str) -> AccountToken:
    """Spend the token: of two that try at once, one succeeds.

    Raises NotFound if we never made it, Conflict if it was used or has expired.
    """
    token = find(session, kind, secret)
    now = clock_of(session)()
    spent = session.scalar(
        update(AccountToken)
        .where(AccountToken.id == token.id)
        .where(AccountToken.used_at.is_(None), AccountToken.expires_at > now)
        .values(used_at=now)
        .returning(AccountToken.id)
        .execution_options(synchronize_session="fetch")
    )
    if spent is None:
        raise Conflict(_("This link was used already or has expired. Ask for a new one."))
    return token


def end_all(session: Session, kind: TokenKind, user: User) -> None:
    """Make every unused link of this kind worthless."""
    _end(session, AccountToken.user_id == user.id, AccountToken.kind == kind)


def end_for(session: Session, membership: Membership) -> None:
    """Make the unused invitations to this place worthless."""
    _end(session, AccountToken.membership_id == membership.id)


def _end(session: Session, *which: ColumnElement[bool]) -> None:
    now = clock_of(session)()
    session.execute(
        update(AccountToken).where(*which, AccountToken.used_at.is_(None)).values(used_at=now)
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
