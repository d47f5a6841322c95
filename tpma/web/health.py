"""Is it alive, is it ready."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from tpma.web.context import system
from tpma.web.guards import public

health = Blueprint("health", __name__)


@health.get("/healthz")
@public
def alive() -> ResponseReturnValue:
    return jsonify(status="ok")


@health.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    with system().db.reading() as session:
        session.execute(text("SELECT 1"))
    return jsonify(status="ready")
