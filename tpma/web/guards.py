"""Who may come in: every view stands behind exactly one of these; a test finds one without.

A person without the permission gets 404, not 403: what one may not see is not there.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import redirect, request, url_for

from tpma.core.errors import NotFound
from tpma.identity.rules import may
from tpma.web.context import maybe_actor

View = TypeVar("View", bound=Callable[..., Any])


def _guard(view: View, kind: str, permission: str | None, check: Callable[[], Any]) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        refusal = check()
        return refusal if refusal is not None else view(*args, **kwargs)

    guarded.tpma_guard = (kind, permission)  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def _member(kind: str, permission: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        def check() -> Any:
            actor = maybe_actor()
            if actor is None:
                return _to_sign_in()
            if actor.kind != kind or not may(actor, permission):
                raise NotFound("There is nothing here.")
            return None

        return _guard(view, kind, permission, check)

    return decorate


def partner(permission: str) -> Callable[[View], View]:
    """Members of a partner with this permission."""
    return _member("partner", permission)


def vendor(permission: str) -> Callable[[View], View]:
    """Members of a vendor with this permission."""
    return _member("vendor", permission)


def operator(permission: str) -> Callable[[View], View]:
    """Those who run this installation."""
    return _member("operator", permission)


def member(permission: str) -> Callable[[View], View]:
    """Members of any organisation with this permission (pages of one's own organisation)."""

    def decorate(view: View) -> View:
        def check() -> Any:
            actor = maybe_actor()
            if actor is None:
                return _to_sign_in()
            if not may(actor, permission):
                raise NotFound("There is nothing here.")
            return None

        return _guard(view, "member", permission, check)

    return decorate


def signed_in(view: View) -> View:
    """Anybody with a session."""

    def check() -> Any:
        return _to_sign_in() if maybe_actor() is None else None

    return _guard(view, "signed_in", None, check)


def public(view: View) -> View:
    """Anybody at all: recipients, visitors, providers."""
    return _guard(view, "public", None, lambda: None)


def _to_sign_in() -> Any:
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("account.sign_in", next=back), 303)
