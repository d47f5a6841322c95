"""Find-or-go for campaign codes: the shell asks, this room knows where a code leads."""

from typing import Any

from flask import url_for
from flask.blueprints import BlueprintSetupState

from tpma.core.errors import Invalid
from tpma.launches import codes, queries
from tpma.partners.queries import assigned_to
from tpma.web.context import system


def register(state: BlueprintSetupState) -> None:
    state.app.extensions["tpma.find"] = _address_of_code


def _address_of_code(who: Any, typed: str) -> str | None:
    """Where the jump field leads for a campaign code; None if it is none of the asker's."""
    try:
        code = codes.normalise(typed)
    except Invalid:
        return None
    with system().db.reading() as session:
        found = queries.by_code(session, code, who.organisation_id, str(who.kind), assigned_to(who))
    if found is None:
        return None
    door = "launches_portal.show" if str(who.kind) == "partner" else "launches_studio.show"
    return url_for(door, launch_id=found.id)
