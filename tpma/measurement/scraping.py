"""/metrics: for the machine beside us, or for whoever knows the token; nobody else sees a door."""

import hmac
from ipaddress import ip_address

from flask import Blueprint, Response, current_app, request

from tpma.core.errors import NotFound
from tpma.measurement.telemetry import CONTENT_TYPE, Exposition
from tpma.web.context import system
from tpma.web.guards import public

scraping = Blueprint("scraping", __name__)

# What a proxy on this machine adds: then the caller may be anybody.
_FORWARDED = (
    "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP",
)  # fmt: skip


@scraping.get("/metrics")
@public
def metrics() -> Response:
    if not (_is_beside_us() or _knows_the_token()):
        raise NotFound("There is nothing here.")
    kept = current_app.extensions.setdefault("tpma.exposition", Exposition())
    answer = Response(kept.text(system()), content_type=CONTENT_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _is_beside_us() -> bool:
    """The socket ends on this machine, and no proxy speaks for somebody else.

    ProxyFix has put the visitor's address over the socket's, which is looked at here.
    """
    seen = request.environ.get("werkzeug.proxy_fix.orig", {})
    try:
        near = ip_address(str(seen.get("REMOTE_ADDR") or request.remote_addr or "")).is_loopback
    except ValueError:  # a Unix socket has no address: only a proxy speaks there
        return False
    return near and not any(name in request.headers for name in _FORWARDED)


def _knows_the_token() -> bool:
    token = system().settings.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())
