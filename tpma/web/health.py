"""Is it alive, is it ready. Without names of hosts or reasons: anybody may ask."""

from collections.abc import Callable

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tpma.core import schema
from tpma.core.log import logger
from tpma.system import System
from tpma.web.context import system
from tpma.web.guards import public

health = Blueprint("health", __name__)
_log = logger("web")


@health.get("/healthz")
@public
def alive() -> ResponseReturnValue:
    """The process answers; nothing else is asked, so that a database's trouble restarts nobody."""
    return jsonify(status="ok")


@health.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    """200 if a request can be served now, else 503 and which part is missing."""
    found = {"database": _holds(_answers), "migrations": _holds(_is_current)}
    well = all(found.values())
    said = {part: "ok" if holds else "failed" for part, holds in found.items()}
    return jsonify(status="ready" if well else "unavailable", **said), 200 if well else 503


def _holds(asked: Callable[[System], bool]) -> bool:
    try:
        return asked(system())
    except SQLAlchemyError as error:
        _log.warning("not ready", why=type(error).__name__)
        return False


def _answers(found: System) -> bool:
    with found.db.reading() as session:
        return session.execute(text("SELECT 1")).scalar() == 1


def _is_current(found: System) -> bool:
    with found.db.reading() as session:
        have = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return have == schema.head()
