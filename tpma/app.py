"""The Flask application factory: one list of doors, and nothing clever."""

from importlib import import_module

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from tpma.branding import queries as branding
from tpma.core import durability
from tpma.core.settings import secret_of
from tpma.partners import invitations
from tpma.partners import queries as partners
from tpma.system import System
from tpma.tracking.reader import MailboxReader
from tpma.web import errors, security, session, shell
from tpma.wiring import from_settings

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
    ("tpma.branding.public", "public"),
    ("tpma.audiences.portal", "portal"),
    ("tpma.audiences.studio", "studio"),
    ("tpma.launches.portal", "portal"),
    ("tpma.launches.studio", "studio"),
    ("tpma.sending.checking", "checking"),
    ("tpma.sending.countries", "countries"),
    ("tpma.sending.mailbox_portal", "portal"),
    ("tpma.sending.admin", "admin"),
    ("tpma.sending.delivery_admin", "delivery"),
    ("tpma.sending.hooks", "hooks"),
    ("tpma.pages.public", "public"),
    ("tpma.tracking.public", "public"),
    ("tpma.leads.public", "public"),
    ("tpma.leads.portal", "portal"),
    ("tpma.leads.studio", "studio"),
    ("tpma.deals.portal", "portal"),
    ("tpma.deals.studio", "studio"),
    ("tpma.measurement.scraping", "scraping"),
    ("tpma.measurement.portal", "portal"),
    ("tpma.measurement.studio", "studio"),
    ("tpma.program.portal", "portal"),
]


def create_app(system: System | None = None) -> Flask:
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
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
        app.wsgi_app, x_for=chosen.settings.trusted_proxies, x_proto=1, x_host=0
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


def _own_system() -> System:
    """Under gunicorn nobody has looked at the database yet: one that forgets is refused."""
    made = from_settings()
    durability.require(made.db)
    return made


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
