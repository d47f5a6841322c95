"""What a view may reach: the system it runs in, who is asking, and how to answer."""

from typing import Any

from flask import current_app, g
from flask import render_template as flask_render

from tpma.core.errors import NotFound
from tpma.identity.rules import Actor
from tpma.system import System


def system() -> System:
    found: System = current_app.extensions["tpma"]
    return found


def actor() -> Actor:
    """Who is asking, in their one active membership. A guard has made sure there is one."""
    found: Actor | None = g.get("actor")
    if found is None:
        raise NotFound("There is nothing here.")
    return found


def maybe_actor() -> Actor | None:
    found: Actor | None = g.get("actor")
    return found


def render(template: str, **values: Any) -> str:
    """A page. Call it inside the block that opened the session, so that lazy loads work."""
    return flask_render(template, **values)
