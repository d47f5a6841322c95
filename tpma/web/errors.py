"""A domain error becomes a page, or problem+json (RFC 9457) where the caller asked for JSON."""

from http import HTTPStatus

import structlog
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from tpma.core.errors import TpmaError
from tpma.core.i18n import gettext as _
from tpma.core.log import logger
from tpma.web.context import render

_log = logger("web")


def register(app: Flask) -> None:
    app.register_error_handler(TpmaError, _domain)
    app.register_error_handler(StaleDataError, _overtaken)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)


def _domain(error: TpmaError) -> ResponseReturnValue:
    return _answer(error.status, error.message, error.field)


def _overtaken(_error: StaleDataError) -> ResponseReturnValue:
    """The optimistic lock: two people saved the same thing, and this is the later one."""
    return _answer(
        HTTPStatus.CONFLICT,
        _("Somebody else changed this a moment ago. Nothing was saved. Reload and try again."),
    )


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:  # a redirect raised by routing
        return error.get_response()
    return _answer(HTTPStatus(error.code), _words(error))


def _bug(error: Exception) -> ResponseReturnValue:
    _log.exception("unhandled", path=request.path)
    reference = structlog.contextvars.get_contextvars().get("request", "")
    return _answer(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        _("Something broke on our side. Nothing was saved. Reference: %(ref)s.", ref=reference),
    )


def _words(error: HTTPException) -> str:
    known = {
        400: _("This request was not complete. Go back, reload the page and try again."),
        404: _("There is nothing at this address, or it is not yours to see."),
        405: _("This address does not take that kind of request."),
        413: _("This is larger than the limit of this page."),
        429: _("Too many tries in a short time. Wait a minute and try again."),
    }
    return known.get(error.code or 0, error.description or error.name)


def _answer(status: HTTPStatus, message: str, field: str | None = None) -> ResponseReturnValue:
    if request.accept_mimetypes.best == "application/json":
        response = jsonify({"title": message, "status": int(status), "field": field})
        response.mimetype = "application/problem+json"
        return response, status
    return render("error.html", status=int(status), message=message), status
