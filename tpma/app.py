"""The Flask application factory: one list of doors, and nothing clever."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.middleware.proxy_fix import ProxyFix

from tpma.branding import queries as branding
from tpma.core.errors import TpmaError
from tpma.core.settings import secret_of
from tpma.leads.front import Forms
from tpma.partners import invitations
from tpma.partners import queries as partners
from tpma.rendering.notices import not_found_page
from tpma.sending.domains import link_hosts
from tpma.system import System
from tpma.tracking.front import Desk, Front
from tpma.tracking.one_click import OneClicks
from tpma.tracking.reader import MailboxReader
from tpma.web import errors, security, session, shell
from tpma.web.hosts import HostDoor
from tpma.wiring import started

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_NOT_LOADED = 4  # gunicorn's APP_LOAD_ERROR: it stops, where any other code is tried for ever

# module → name of its blueprint
DOORS = [
    ("tpma.web.health", "health"),
    ("tpma.web.account", "account"),
    ("tpma.web.joining", "joining"),
    ("tpma.web.team", "team"),
    ("tpma.web.operators", "operators"),
    ("tpma.partners.studio", "studio"),
    ("tpma.partners.programme_studio", "studio"),
    ("tpma.partners.admin", "admin"),
    ("tpma.kits.portal", "portal"),
    ("tpma.kits.studio", "studio"),
    ("tpma.kits.public", "public"),
    ("tpma.branding.portal", "portal"),
    ("tpma.branding.studio", "studio"),
    ("tpma.branding.own_studio", "studio"),
    ("tpma.branding.public", "public"),
    ("tpma.audiences.portal", "portal"),
    ("tpma.audiences.studio", "studio"),
    ("tpma.launches.portal", "portal"),
    ("tpma.launches.own_mailer_portal", "portal"),
    ("tpma.launches.studio", "studio"),
    ("tpma.sending.checking", "checking"),
    ("tpma.sending.left_out_portal", "portal"),
    ("tpma.sending.timing", "timing"),
    ("tpma.sending.countries", "countries"),
    ("tpma.sending.rehearsing.portal", "portal"),
    ("tpma.sending.domains.portal", "portal"),
    ("tpma.sending.domains.admin", "admin"),
    ("tpma.sending.domains.certificates", "certificates"),
    ("tpma.sending.mailbox_portal", "portal"),
    ("tpma.sending.admin", "admin"),
    ("tpma.sending.delivery_admin", "delivery"),
    ("tpma.sending.hooks", "hooks"),
    ("tpma.pages.public", "public"),
    ("tpma.tracking.public", "public"),
    ("tpma.tracking.own_links", "own_links"),
    ("tpma.tracking.admin", "admin"),
    ("tpma.leads.public", "public"),
    ("tpma.leads.portal", "portal"),
    ("tpma.leads.studio", "studio"),
    ("tpma.deals.portal", "portal"),
    ("tpma.deals.erasing_portal", "portal"),
    ("tpma.deals.studio", "studio"),
    ("tpma.measurement.scraping", "scraping"),
    ("tpma.measurement.portal", "portal"),
    ("tpma.measurement.studio", "studio"),
    ("tpma.program.portal", "portal"),
]


def create_app(system: System | None = None) -> Flask:
    """The application; without a `system`, as another's server calls it, that of TPMA_*."""
    app = Flask(
        __name__,
        template_folder="web/templates",
        static_folder="web/static",
        static_url_path="/static",
    )
    chosen = system or _own_system()
    app.extensions["tpma"] = chosen
    app.secret_key = secret_of(chosen.settings)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 31536000
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    # Without a `system` this is another's server, and nobody else loads what is clicked.
    desk = Desk(lambda: app.extensions["tpma"], loads=system is None)
    app.extensions["tpma.desk"] = desk
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
        _host_door(app, Forms(OneClicks(Front(app.wsgi_app, desk), desk), desk)),
        x_for=chosen.settings.trusted_proxies,
        x_proto=1,
        x_host=0,
    )
    security.register(app, chosen.settings)
    _sessions(app)
    shell.register(app)
    security.protect(app)
    errors.register(app)
    app.extensions["tpma.reader"] = MailboxReader()
    for module, name in DOORS:
        _open(app, module, name)
    return app


def _host_door(app: Flask, readers: "WSGIApplication") -> HostDoor:
    """Before everything: by which name did they ask?"""

    def system_now() -> System:
        found: System = app.extensions["tpma"]
        return found

    def served() -> dict[str, UUID]:
        with system_now().db.reading() as session:
            return link_hosts.served(session)

    return HostDoor(readers, lambda: system_now().settings, served, not_found_page)


def _own_system() -> System:
    """Ends the process with one line where it cannot work: a server's traceback hides the cure."""
    try:
        return started()
    except TpmaError as error:
        said = error.message
    except OperationalError as error:
        said = f"The database cannot be used: {str(error.orig).splitlines()[0]}"
    except OSError as error:  # a folder that may not be written
        said = str(error)
    sys.stderr.write(f"tpma: {said}\n")
    sys.exit(_NOT_LOADED)


def _sessions(app: Flask) -> None:
    session.register(
        app,
        session.Downstream(
            places_of=partners.places_of,
            homes_for=invitations.homes_for,
            welcome=invitations.welcome,
            lacks_brand=lambda db, partner_id: branding.profile(db, partner_id).id is None,
        ),
    )


def _open(app: Flask, module: str, name: str) -> None:
    try:
        app.register_blueprint(getattr(import_module(module), name))
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
