"""Asked by the proxy before it fetches a certificate: is this host one of ours to answer?"""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from tpma.sending.domains import link_hosts
from tpma.web.context import system
from tpma.web.guards import public as anybody
from tpma.web.hosts import host_of

certificates = Blueprint("certificates", __name__)


@certificates.get("/tls/ask")
@anybody
def ask() -> ResponseReturnValue:
    """200 for a partner's link host whose record stood once, 404 for any other name.

    Also after it was given up: links in mails that have left go on leading there. It says no more
    than DNS says of the name.
    """
    host = host_of(request.args.get("domain", ""))
    with system().db.reading() as session:
        known = bool(host) and host.isprintable() and link_hosts.is_served(session, host)
    text = "yes\n" if known else "no\n"
    return text, 200 if known else 404, {"Content-Type": "text/plain; charset=utf-8"}
