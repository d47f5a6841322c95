"""T-110: every role of every organisation asks for every address, with everybody's ids.

What is another's is not there (404), what is nobody's business without a session asks to sign in,
nothing ever breaks (500), and asking (GET) changes nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text
from werkzeug.routing import BuildError, Rule

import tpma
from tests import factories
from tests.factories import world as worlds
from tests.factories.world import Ids, Place, World
from tpma.app import create_app
from tpma.core.db import Base
from tpma.identity.models import Membership, OrganisationKind
from tpma.system import System
from tpma.web.security import limiter

# Parts of an address that name nobody's property.
HARMLESS: Ids = {
    "asset": "email1",
    "locale": "en",
    "variant": "primary",
    "field": "primary",
    "semver": "1.0.0",
    "filename": "tpma.css",
}
# A reader's click, opened mail or form is what these are for.
RECORDED = {"tracking_public", "leads_public"}
# Taking personal data away is written down, though it changes nothing.
WRITTEN_DOWN = {"audiences_portal.export"}
CHANGES = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE", "REPLACE")


@pytest.fixture
def db(request, migrated, tmp_path, clock):
    """SQLite only: what a route answers does not hang on the database, and this must be quick."""
    from tpma.core.db import Database

    (tmp_path / "tpma.db").write_bytes(migrated.read_bytes())
    database = Database(f"sqlite:///{tmp_path / 'tpma.db'}", clock)
    yield database
    database.close()


@pytest.fixture
def world(system: System) -> World:
    return worlds.build(system)


@pytest.fixture
def app(system: System, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(limiter, "enabled", False)
    made = create_app(system)
    made.config["WTF_CSRF_ENABLED"] = False
    return made


@dataclass
class Walker:
    """Somebody with a session, and which of the world's places are theirs."""

    client: FlaskClient
    name: str
    own: list[Place]
    foreign: list[Place]
    platform: Ids

    @property
    def ids(self) -> Ids:
        return self.platform if not self.own else self.own[0].ids

    def owns(self, part: str, value: Any) -> bool:
        return any(place.ids.get(part) == value for place in self.own)


def _walkers(app: Flask, world: World) -> Iterator[Walker]:
    for member, enrolled in world.members:
        own = [place for place in world.places if _is_theirs(place, member, enrolled)]
        foreign = [place for place in world.places if place not in own]
        company = member.organisation.trading_name
        name = f"{'/'.join(member.roles)} of {company}"
        client = factories.signed_in(app.test_client(), member, enrolled)
        yield Walker(client, name, own, foreign, world.platform)


def _is_theirs(place: Place, member: Membership, enrolled: Any) -> bool:
    if member.organisation.kind is OrganisationKind.VENDOR:
        return place.vendor.id == member.organisation_id
    return enrolled is not None and place.enrolment.id == enrolled.id


def _admins(app: Flask, world: World) -> list[Walker]:
    """One walker an organisation, with all its permissions: enough to break things."""
    return [w for w in _walkers(app, world) if w.name.split()[0] in ("VA", "PA", "OP")]


def _rules(app: Flask, *, parts: bool | None = None) -> list[Rule]:
    """The addresses behind a session; `parts` True or False: with ids in them, or without."""
    return [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        and app.view_functions[rule.endpoint].tpma_guard[0] != "public"
        and (parts is None or bool(_owned(rule)) is parts)
    ]


def _owned(rule: Rule) -> list[str]:
    return sorted(rule.arguments - set(HARMLESS))


def _methods(rule: Rule) -> list[str]:
    return sorted(rule.methods - {"HEAD", "OPTIONS"})


def _address(app: Flask, rule: Rule, ids: Ids) -> str:
    """The rule filled in; what the ids do not name becomes an id nobody has."""
    known = HARMLESS | ids
    known["slug"] = known.get("kit_slug", "nothing")
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        values = {part: known.get(part, uuid4()) for part in rule.arguments}
        try:
            return adapter.build(rule.endpoint, values, force_external=False)
        except BuildError:
            values = {part: known.get(part, 10**12) for part in rule.arguments}
            return adapter.build(rule.endpoint, values, force_external=False)


def _others(walker: Walker, rule: Rule) -> Iterator[Ids]:
    """Ids that lead to another tenant: all of theirs, or one of theirs among one's own."""
    parts = _owned(rule)
    if not walker.own and rule.rule.startswith("/admin/"):
        return  # whoever runs this machine looks after its organisations, jobs and local outbox
    for place in walker.foreign:
        theirs = {part: _value(place.ids, part) for part in parts if _value(place.ids, part)}
        foreign = {p: v for p, v in theirs.items() if not walker.owns(_name(p), v)}
        if not foreign or _same_partner(walker, place, foreign):
            continue
        yield foreign
        if len(parts) > 1:
            mine = {part: _value(walker.ids, part) for part in parts if _value(walker.ids, part)}
            for part, value in foreign.items():
                yield mine | {part: value}


def _name(part: str) -> str:
    return "kit_slug" if part == "slug" else part


def _value(ids: Ids, part: str) -> Any:
    return ids.get(_name(part))


def _same_partner(walker: Walker, place: Place, foreign: Ids) -> bool:
    """A partner's own things with another vendor are its own, all but that vendor's kits."""
    mine = any(own.partner.id == place.partner.id for own in walker.own)
    vendors = any(own.vendor.id == place.vendor.id for own in walker.own)
    return mine and not vendors and not {"kit_slug", "slug"} & set(foreign)


def _contents(system: System) -> dict[str, int]:
    """A fingerprint of every table."""
    with system.db.reading() as session:
        return {
            table.name: hash(str(session.execute(text(f"SELECT * FROM {table.name}")).all()))
            for table in Base.metadata.sorted_tables
        }


def test_another_tenants_things_are_not_there_for_any_role(app, system, world):
    before = _contents(system)
    asked, found = 0, []
    for walker in _walkers(app, world):
        for rule in _rules(app, parts=True):
            for ids in _others(walker, rule):
                for method in _methods(rule):
                    path = _address(app, rule, ids)
                    status = walker.client.open(path, method=method).status_code
                    asked += 1
                    if status not in (404, 405):
                        found.append(f"{walker.name}: {method} {path} → {status}")
    assert "\n".join(found) == ""
    assert asked > 2900
    assert _contents(system) == before


def test_without_a_session_every_address_asks_to_sign_in(app, system, world):
    before = _contents(system)
    visitor = app.test_client()
    open_doors = []
    for rule in _rules(app):
        for method in _methods(rule):
            path = _address(app, rule, world.places[0].ids)
            answer = visitor.open(path, method=method)
            if (answer.status_code, answer.location.split("?")[0]) != (303, "/sign-in"):
                open_doors.append(f"{method} {path} → {answer.status_code}")
    assert open_doors == []
    assert _contents(system) == before


def test_asking_never_breaks_and_never_changes_anything(app, system, world):
    changed, broken = set(), []
    asking: list[str] = []

    @event.listens_for(system.db.engine, "before_cursor_execute")
    def notice(_connection, _cursor, statement, *_rest):
        if asking and _changes(asking[-1], statement):
            changed.add(f"{asking[-1]}: {statement[:60]}")

    for walker in _admins(app, world):
        for rule in _rules(app):
            if "GET" not in rule.methods:
                continue
            path = _address(app, rule, walker.ids)
            asking.append(rule.endpoint)
            status = walker.client.get(path).status_code
            asking.clear()
            if status >= 500:
                broken.append(f"{walker.name}: {path} → {status}")
    assert broken == []
    assert changed == set()


def _changes(endpoint: str, statement: str) -> bool:
    if endpoint in WRITTEN_DOWN:
        return statement.startswith(("UPDATE", "DELETE")) or (
            statement.startswith("INSERT") and "INTO audit_log" not in statement
        )
    return statement.lstrip().upper().startswith(CHANGES)


# Whose a row is, or which one row is meant: a question about a tenant's table says one of these.
OWNERS = ("tenant_id", "vendor_id", "partner_id", "organisation_id", "enrolment_id", "user_id")
SCOPE = re.compile(rf"\b({'|'.join(OWNERS)}|launch_id|membership_id|id) (=|IN) ?[?(]")


def test_every_question_about_a_tenants_table_names_whose_rows_or_which_row(app, system, world):
    tables = {t.name for t in Base.metadata.sorted_tables if set(OWNERS) & set(t.columns.keys())}
    asked: dict[str, str] = {}
    asking: list[str] = []

    @event.listens_for(system.db.engine, "before_cursor_execute")
    def notice(_connection, _cursor, statement, *_rest):
        if asking and statement.startswith(("SELECT", "WITH")):
            asked.setdefault(" ".join(statement.split()), asking[-1])

    for walker in _admins(app, world):
        if walker.own:
            for rule in _rules(app):
                asking.append(rule.endpoint)
                walker.client.get(_address(app, rule, walker.ids))
                asking.clear()
    assert len(asked) > 100
    unscoped = {
        statement: endpoint
        for statement, endpoint in asked.items()
        if set(re.findall(r"(?:FROM|JOIN) (\w+)", statement)) & tables
        and not SCOPE.search(statement.partition(" WHERE ")[2])
    }
    assert unscoped == {}


def test_a_public_page_opened_changes_nothing_but_what_it_records(app, system, world):
    visitor = app.test_client()
    before = _contents(system)
    broken = []
    for rule in app.url_map.iter_rules():
        endpoint = rule.endpoint
        if endpoint == "static" or endpoint.split(".")[0] in RECORDED or "GET" not in rule.methods:
            continue
        slug, locale = world.places[0].ids["page"]
        ids = {"slug": slug, "locale": locale, "token": "x" * 24, "secret": "x" * 43}
        path = _address(app, rule, world.places[0].ids | ids)
        status = visitor.get(path).status_code
        if status >= 500:
            broken.append(f"{path} → {status}")
    assert broken == []
    assert _contents(system) == before


def test_an_empty_or_hostile_form_never_breaks_a_page(app, system, world):
    broken = []
    junk = ("\x00'\"<>" + "🙂" * 400, "9" * 30)
    forms: list[dict[str, str]] = [{}, *(dict.fromkeys(_fields(), text) for text in junk)]
    for walker in _admins(app, world):
        for rule in _rules(app):
            if "POST" not in rule.methods or rule.endpoint == "account.sign_out":
                continue
            for sent in forms:
                path = _address(app, rule, walker.ids)
                status = walker.client.post(path, data=sent).status_code
                if status >= 500:
                    broken.append(f"{walker.name}: {path} {list(sent.values())[:1]} → {status}")
    assert broken == []


@pytest.mark.parametrize("junk", ["x", "\x00'\"<>", "9" * 30])
def test_a_hostile_filter_never_breaks_a_page(app, system, world, junk):
    broken = []
    asked = dict.fromkeys(_filters(), junk)
    for walker in _admins(app, world):
        if junk != "x":  # a launch that is there, so that the other filters are read at all
            asked["launch"] = walker.ids.get("launch_id", junk)
        for rule in _rules(app):
            if "GET" in rule.methods:
                path = _address(app, rule, walker.ids)
                status = walker.client.get(path, query_string=asked).status_code
                if status >= 500:
                    broken.append(f"{walker.name}: {path} → {status}")
    assert broken == []


def _fields() -> set[str]:
    """Names of form fields, as the templates write them."""
    return _named(r'\bname="(\w+)"', "*/templates/**/*.html") | _named(
        r'\b(?:text|field|area|select|check|whole|amount|day|choice)\("(\w+)"', "**/*.*"
    )


def _filters() -> set[str]:
    return _named(r'(?:args\.get|asked)\("(\w+)"', "**/*.py") - {"lang"}


def _named(pattern: str, files: str) -> set[str]:
    root = Path(tpma.__file__).parent
    texts = (path for path in root.glob(files) if path.suffix in (".py", ".html"))
    return {name for path in texts for name in re.findall(pattern, path.read_text())}
