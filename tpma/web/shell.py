"""The frame around every page: navigation, find-or-go, language, the templates' helpers."""

from dataclasses import dataclass
from typing import Any

from flask import (
    Blueprint,
    Flask,
    current_app,
    g,
    redirect,
    request,
    url_for,
)
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup, escape

from tpma.core import i18n
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.identity.rules import may
from tpma.web.context import maybe_actor, render
from tpma.web.guards import signed_in
from tpma.web.icons import icon
from tpma.web.states import signs

shell = Blueprint("shell", __name__)

# workspace → groups of (title, [(endpoint, icon, label, permission)])
_NAVIGATION: dict[str, list[tuple[str, list[tuple[str, str, str, str]]]]] = {
    "partner": [
        (
            "",
            [
                ("program_portal.home", "home", lazy("Home"), "report.read"),
                ("kits_portal.index", "packages", lazy("Kits"), "kits.read"),
                ("launches_portal.index", "rocket", lazy("Launches"), "launch.read"),
                ("audiences_portal.index", "address-book", lazy("Audiences"), "contacts.read"),
            ],
        ),
        (
            lazy("Sell"),
            [
                ("leads_portal.index", "inbox", lazy("Leads"), "leads.read"),
                ("deals_portal.index", "briefcase", lazy("Deals"), "deals.read"),
            ],
        ),
        (
            lazy("Measure"),
            [
                ("measurement_portal.index", "chart-bar", lazy("Reports"), "report.read"),
                ("sending_portal.mailbox", "mail-opened", lazy("Mailbox"), "outbox.read"),
            ],
        ),
        (
            lazy("Set up"),
            [
                ("branding_portal.profile", "palette", lazy("Brand profile"), "brand.read"),
                ("sending_domains.index", "at", lazy("Sending domain"), "brand.read"),
                ("team.index", "users", lazy("Team"), "team.read"),
            ],
        ),
    ],
    "vendor": [
        (
            "",
            [
                ("measurement_studio.home", "home", lazy("Home"), "report.read"),
                ("kits_studio.index", "packages", lazy("Kits"), "kits.read"),
                ("branding_studio.reviews", "eye-check", lazy("Reviews"), "reviews.read"),
                ("launches_studio.index", "rocket", lazy("Launches"), "launch.read"),
            ],
        ),
        (
            lazy("Partners"),
            [
                ("partners_studio.index", "building-store", lazy("Partners"), "partners.read"),
                ("deals_studio.index", "briefcase", lazy("Deals"), "deals.read"),
            ],
        ),
        (
            lazy("Measure"),
            [("measurement_studio.index", "chart-bar", lazy("Reports"), "report.read")],
        ),
        (
            lazy("Set up"),
            [
                ("programme_studio.show", "adjustments", lazy("Programme"), "programme.write"),
                (
                    "audiences_studio.suppressions",
                    "mail-off",
                    lazy("Do not contact"),
                    "blocklist.read",
                ),
                ("branding_own.profile", "palette", lazy("Brand"), "brand.read"),
                ("team.index", "users", lazy("Team"), "team.read"),
            ],
        ),
    ],
    "operator": [
        (
            "",
            [
                ("operators.home", "home", lazy("Overview"), "organisations.write"),
                (
                    "operators.organisations",
                    "building",
                    lazy("Organisations"),
                    "organisations.write",
                ),
                ("delivery.index", "send", lazy("Delivery"), "delivery.read"),
                ("sending_domains_admin.index", "at", lazy("Sending domains"), "delivery.read"),
                ("sending_admin.mailbox", "mail-opened", lazy("Mailbox"), "outbox.read"),
                ("operators.jobs", "activity", lazy("Jobs"), "organisations.write"),
                ("operators.audit", "history", lazy("Audit log"), "organisations.write"),
            ],
        ),
    ],
}
_TABS = {
    "partner": [
        "program_portal.home",
        "kits_portal.index",
        "launches_portal.index",
        "leads_portal.index",
    ],
    "vendor": [
        "measurement_studio.home",
        "kits_studio.index",
        "launches_studio.index",
        "deals_studio.index",
    ],
    "operator": [
        "operators.home",
        "operators.organisations",
        "sending_admin.mailbox",
        "operators.jobs",
    ],
}


@dataclass(frozen=True, slots=True)
class Item:
    endpoint: str
    href: str
    icon: str
    label: str
    current: bool
    count: int


def register(app: Flask) -> None:
    app.register_blueprint(shell)
    app.before_request(_speak)
    app.teardown_request(_hush)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        i18n.gettext, i18n.plural, newstyle=True
    )
    app.jinja_env.globals.update(
        svg_icon=icon,
        signs=signs,
        initials=initials,
        asset=asset,
        csrf=csrf_field,
        format_money=i18n.money,
        format_day=i18n.day,
        format_moment=i18n.moment,
        format_time=i18n.clock_time,
        format_number=i18n.number,
        format_percent=i18n.percent,
        format_ago=i18n.ago,
        navigation=navigation,
        tabs=tabs,
        languages=languages,
        direction_of=i18n.direction,
        language_name=i18n.language_name,
        country_name=i18n.country_name,
    )
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    found = maybe_actor()
    workspace = {"vendor": "studio", "operator": "admin"}.get(
        found.kind if found else "", "partner"
    )
    return {
        "actor": found,
        "may": lambda permission: found is not None and may(found, permission),
        "locale_tag": i18n.current_tag(),
        "locale_dir": i18n.direction(),
        "theme": found.theme if found else "light",
        "workspace": workspace,
    }


def _speak() -> None:
    """Choose the language of this request: asked for → own setting → browser → English."""
    found = maybe_actor()
    asked = request.args.get("lang", "")
    if asked in i18n.SHIPPED + i18n.PSEUDO:
        cookie["lang"] = asked
    wanted = cookie.get("lang") or (found.locale if found else "")
    if wanted in i18n.PSEUDO:
        tag = wanted
    else:
        browser = [language for language, _quality in request.accept_languages]
        tag = i18n.best_match([w for w in [wanted, *browser] if w]) or "en"
    speaking = i18n.speaking(tag, found.timezone if found else "UTC")
    speaking.__enter__()
    g.speaking = speaking


def _hush(_error: BaseException | None) -> None:
    speaking = g.pop("speaking", None)
    if speaking is not None:
        speaking.__exit__(None, None, None)


def navigation() -> list[dict[str, Any]]:
    """Groups of the rooms this person may enter; counts only where somebody waits for them."""
    found = maybe_actor()
    if found is None:
        return []
    groups = []
    for title, entries in _NAVIGATION[found.kind]:
        items = [_item(*entry[:3]) for entry in entries if _open(entry[0], entry[3])]
        if items:
            groups.append({"title": _(title) if title else "", "items": items})
    return groups


def tabs() -> list[Item]:
    found = maybe_actor()
    wanted = _TABS[found.kind] if found else []
    items = [item for group in navigation() for item in group["items"]]
    return [item for item in items if item.endpoint in wanted]


def _open(endpoint: str, permission: str) -> bool:
    found = maybe_actor()
    return found is not None and may(found, permission) and endpoint in current_app.view_functions


def _item(endpoint: str, name: str, label: str) -> Item:
    room = endpoint.rsplit(".", 1)[0]
    here = request.endpoint or ""
    # A home shares its room with other pages: it is current alone, and they without it.
    alone = room == "operators" or endpoint.endswith(".home")
    inside = here.rsplit(".", 1)[0] == room and not here.endswith(".home")
    current = here == endpoint if alone else inside
    return Item(endpoint, url_for(endpoint), name, _(label), current, _waiting(endpoint))


def _waiting(endpoint: str) -> int:
    counters = current_app.extensions.get("tpma.waiting", {})
    counter = counters.get(endpoint)
    if counter is None:
        return 0
    cache = g.setdefault("waiting", {})
    if endpoint not in cache:
        cache[endpoint] = counter(maybe_actor())
    return int(cache[endpoint])


@shell.get("/")
@signed_in
def start() -> ResponseReturnValue:
    return redirect(url_for(home_of(maybe_actor().kind)), 303)  # type: ignore[union-attr]


def home_of(kind: str) -> str:
    """The endpoint of a workspace's home, or of the first room this person may enter."""
    home = {
        "partner": "program_portal.home",
        "vendor": "measurement_studio.home",
        "operator": "operators.home",
    }[kind]
    rooms = [item.endpoint for group in navigation() for item in group["items"]]
    return home if home in rooms or not rooms else str(rooms[0])


@shell.get("/more")
@signed_in
def more() -> ResponseReturnValue:
    return render("more.html")


@shell.get("/jump")
@signed_in
def jump() -> ResponseReturnValue:
    """Go to a room by its name, or to a launch by its campaign code."""
    wanted = request.args.get("q", "").strip()
    for group in navigation():
        for item in group["items"]:
            if item.label.casefold() == wanted.casefold():
                return redirect(item.href, 303)
    finder = current_app.extensions.get("tpma.find")
    target = finder(maybe_actor(), wanted) if finder else None
    if target is None:
        raise NotFound(
            _(
                "Nothing is called “%(wanted)s”. Try the name of a room or a whole campaign code.",
                wanted=wanted,
            )
        )
    return redirect(target, 303)


def initials(name: str) -> str:
    words = [word for word in (name or "").split() if word[0].isalnum()]
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [w[:2] for w in words]
    return "".join(letters)[:2].upper()


def asset(path: str) -> str:
    """The address of a static file, with its age so that it can be cached for ever."""
    ages = current_app.extensions.setdefault("tpma.assets", {})
    if path not in ages:
        file = current_app.static_folder and f"{current_app.static_folder}/{path}"
        ages[path] = _age(file)
    return url_for("static", filename=path, v=ages[path])


def _age(file: str | None) -> str:
    import os

    return str(int(os.stat(file).st_mtime)) if file and os.path.exists(file) else "0"


def csrf_field() -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(
        escape(generate_csrf())
    )


def languages() -> list[tuple[str, str]]:
    return [(tag, i18n.babel_locale(tag).get_display_name(tag) or tag) for tag in i18n.SHIPPED]
