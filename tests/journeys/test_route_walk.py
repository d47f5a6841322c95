"""T-110: every role of every organisation asks for every address, with everybody's ids.

What is another's is not there (404), what is nobody's business without a session asks to sign in,
nothing ever breaks (500), and asking (GET) changes nothing.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import event, select, text

import tpma
from tests import databases
from tests.conftest import TestClock
from tests.factories import world as worlds
from tests.factories.world import World
from tests.fakes import FakePdf
from tests.journeys.walkers import (
    Question,
    Walker,
    address,
    expected,
    foreign_addresses,
    kinds_of,
    methods_of,
    own_addresses,
    parts_of,
    questions,
    rules_of,
    walkers,
)
from tpma.adapters.mail_outbox import OutboxMail
from tpma.audiences.models import Contact
from tpma.core.db import Base, Database
from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.identity.models import OrganisationKind
from tpma.leads.models import Lead
from tpma.system import System

# A reader's click, opened mail or form is what these are for.
RECORDED = {"tracking_public", "leads_public"}
# Taking personal data away is written down, though it changes nothing.
WRITTEN_DOWN = {"audiences_portal.export", "sending_left_out.export"}
CHANGES = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE", "REPLACE")
# A landing page counts who looked at it, and books that.
VISITS = {"tracking_events", "tracking_counts"}
# A palette entry without a search, and where a session begins: neither is a page to look at.
NO_PAGE = {"shell.jump", "shell.start"}


def _system(db: Database, home: Path, clock: TestClock) -> System:
    settings = Settings(home=home, secret_key="test-secret", database_url=db.url)
    mail = OutboxMail(settings.outbox_folder)
    return System(
        db=db,
        mail=mail,
        pdf=FakePdf(),
        signer=Signer("test-secret"),
        settings=settings,
        clock=clock,
    )


@dataclass
class Built:
    home: Path
    world: World


@pytest.fixture(scope="module")
def built(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The world, made once; each test walks through a copy. On SQLite only: what a route answers
    does not hang on the database, and this must be quick."""
    home = tmp_path_factory.mktemp("world")
    shutil.copy(migrated, home / "tpma.db")
    clock = TestClock()
    with databases.files().lent(home / "tpma.db", clock) as db:
        return Built(home, worlds.build(_system(db, home, clock)))


@pytest.fixture
def db(built: Built, tmp_path: Path, clock: TestClock) -> Iterator[Database]:
    shutil.copytree(built.home, tmp_path, dirs_exist_ok=True)
    with databases.files().lent(tmp_path / "tpma.db", clock) as database:
        yield database


@pytest.fixture
def system(db: Database, tmp_path: Path, clock: TestClock) -> System:
    return _system(db, tmp_path, clock)


@pytest.fixture
def world(built: Built) -> World:
    return built.world


@pytest.fixture
def again(system: System, built: Built) -> Callable[[], None]:
    """Everything as it was before the last walker came."""

    def restore() -> None:
        system.db.close()
        shutil.copy(built.home / "tpma.db", system.settings.home / "tpma.db")

    return restore


@contextmanager
def overheard(db: Database, heard: Callable[[str], None]) -> Iterator[None]:
    """Every statement that goes to the database."""

    def listen(_connection, _cursor, statement, *_rest):
        heard(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)


def _contents(system: System) -> dict[str, int]:
    """A fingerprint of every table."""
    with system.db.reading() as session:
        return {
            table.name: hash(str(session.execute(text(f"SELECT * FROM {table.name}")).all()))
            for table in Base.metadata.sorted_tables
        }


def test_the_world_has_one_of_everything_an_address_can_name(app, world):
    """Else nobody is asked for it: give tests/factories/world.py one for each place."""
    known = [set(place.ids) for place in world.places]
    missing = {
        f"{rule.rule}: {part}"
        for rule in rules_of(app, parts=True)
        for part in parts_of(rule)
        for kind in kinds_of(part)
        if kind not in world.platform and not all(kind in ids for ids in known)
    }
    assert missing == set()


def test_another_tenants_things_are_not_there_for_any_role(app, system, world):
    """Which questions were asked is read back from the addresses, and has to be all there are:
    walkers × rules with ids × methods × parts × kinds of ids that fit × those whose they are."""
    before = _contents(system)
    adapter = app.url_map.bind("localhost")
    rules = rules_of(app, parts=True)
    wanted: set[Question] = set()
    asked: set[Question] = set()
    found = []
    for walker in walkers(app, world):
        wanted |= expected(walker, world, rules)
        for rule in rules:
            for path in dict.fromkeys(foreign_addresses(adapter, rule, walker, world)):
                for method in methods_of(rule):
                    status = walker.client.open(path, method=method).status_code
                    asked |= questions(walker, world, adapter, method, path)
                    if status != 404:
                        found.append(f"{walker.name}: {method} {path} → {status}")
    assert "\n".join(found) == ""
    assert asked == wanted
    assert _contents(system) == before


def test_every_role_is_asked_about_every_other_vendor_and_partner(app, world):
    """What the walk's own table must say, worked out by hand: a partner of two vendors lets neither
    of them off being asked about the other."""
    rules = rules_of(app, parts=True)
    strangers = {
        walker.name: {q.whose for q in expected(walker, world, rules) if q.kind == "launch_id"}
        for walker in walkers(app, world)
    }
    helio, nimbus = (world.places[0].vendor.trading_name, world.places[2].vendor.trading_name)
    brightline, kestrel = (world.places[n].partner.trading_name for n in (0, 1))
    for name, asked_about in strangers.items():
        company = name.partition(" of ")[2]
        assert asked_about == {
            helio: {f"{kestrel} at {nimbus}"},
            nimbus: {f"{brightline} at {helio}", f"{kestrel} at {helio}"},
            f"{brightline} at {helio}": {f"{kestrel} at {helio}", f"{kestrel} at {nimbus}"},
            f"{kestrel} at {helio}": {f"{brightline} at {helio}"},
            f"{kestrel} at {nimbus}": {f"{brightline} at {helio}"},
        }.get(
            company, {f"{brightline} at {helio}", f"{kestrel} at {helio}", f"{kestrel} at {nimbus}"}
        ), name


def test_without_a_session_every_address_asks_to_sign_in(app, system, world):
    before = _contents(system)
    adapter, visitor = app.url_map.bind("localhost"), app.test_client()
    open_doors = []
    for rule in rules_of(app):
        for method in methods_of(rule):
            path = address(adapter, rule, world.places[0].ids)
            answer = visitor.open(path, method=method)
            if (answer.status_code, answer.location.split("?")[0]) != (303, "/sign-in"):
                open_doors.append(f"{method} {path} → {answer.status_code}")
    assert open_doors == []
    assert _contents(system) == before


def test_asking_never_breaks_and_never_changes_anything(app, system, world):
    """For every role of every organisation: what its guard opens answers, what it does not is not
    there, and each page is really seen by somebody."""
    adapter = app.url_map.bind("localhost")
    changed, broken, seen = set(), [], set()
    asking = [""]

    def notice(statement: str) -> None:
        if _changes(asking[-1], statement):
            changed.add(f"{asking[-1]}: {statement[:60]}")

    before = _contents(system)
    for walker in walkers(app, world):
        for rule in rules_of(app, "GET"):
            for path in own_addresses(adapter, rule, walker):
                asking[0] = rule.endpoint
                with overheard(system.db, notice):
                    status = walker.client.get(path).status_code
                if status >= 500 or (status != 404 and not walker.may(app, rule)):
                    broken.append(f"{walker.name}: {path} → {status}")
                seen |= {rule.endpoint} if status == 200 else set()
    assert broken == []
    assert changed == set()
    assert {rule.endpoint for rule in rules_of(app, "GET")} - seen == NO_PAGE
    after = _contents(system)
    assert {name for name in before if before[name] != after[name]} <= {"audit_log"}


def _changes(endpoint: str, statement: str) -> bool:
    if endpoint in WRITTEN_DOWN:
        return statement.startswith(("UPDATE", "DELETE")) or (
            statement.startswith("INSERT") and "INTO audit_log" not in statement
        )
    return statement.lstrip().upper().startswith(CHANGES)


def _operator(app: Flask, world: World) -> Walker:
    return next(w for w in walkers(app, world) if w.of is OrganisationKind.OPERATOR)


def test_the_operator_sees_everybodys_organisation_job_and_mail(app, system, world):
    adapter, operator = app.url_map.bind("localhost"), _operator(app, world)
    unseen = []
    for place in world.places:
        for rule in rules_of(app, "GET"):
            if rule.rule.startswith("/admin/"):
                path = address(adapter, rule, world.platform | place.ids)
                answer = operator.client.get(path)
                if answer.status_code != 200:
                    unseen.append(f"{path} → {answer.status_code}")
    assert unseen == []
    listed = operator.client.get("/admin/organisations/").text
    for place in world.places:
        assert place.vendor.trading_name in listed
        assert place.partner.trading_name in listed


def test_the_operator_sees_no_partners_customers_but_in_its_own_outbox(app, system, world):
    """Organisations, jobs and the audit log name no reader and no lead."""
    adapter, operator = app.url_map.bind("localhost"), _operator(app, world)
    with system.db.reading() as session:
        people = {*session.scalars(select(Contact.email)), *session.scalars(select(Lead.email))}
    assert len(people) > 5
    told = set()
    for place in world.places:
        for rule in rules_of(app, "GET"):
            if rule.rule.startswith("/admin/") and not rule.rule.startswith("/admin/mailbox/"):
                page = operator.client.get(address(adapter, rule, place.ids)).text
                told |= {f"{rule.rule}: {person}" for person in people if person in page}
    assert told == set()


def test_the_operator_finds_nothing_behind_the_doors_of_others(app, system, world):
    adapter, operator = app.url_map.bind("localhost"), _operator(app, world)
    before = _contents(system)
    found, doors = [], set()
    for place in world.places:
        for rule in rules_of(app):
            if rule.rule.startswith(("/portal/", "/studio/")):
                doors.add(rule.rule.split("/")[1])
                for method in methods_of(rule):
                    path = address(adapter, rule, place.ids)
                    status = operator.client.open(path, method=method).status_code
                    if status != 404:
                        found.append(f"{method} {path} → {status}")
    assert found == []
    assert doors == {"portal", "studio"}
    assert _contents(system) == before


# Whose a row is, or which one row is meant: a question about a tenant's table says one of these.
OWNERS = ("tenant_id", "vendor_id", "partner_id", "organisation_id", "enrolment_id", "user_id")
SCOPE = re.compile(rf"\b({'|'.join(OWNERS)}|launch_id|membership_id|id) (=|IN) ?[?(]")


# A logo is anybody's who knows its hash: it stands in mails and pages as /b/<sha256>.png.
BY_HASH = re.compile(r"FROM brand_logos WHERE brand_logos\.sha256 = \?")


def test_every_question_about_a_tenants_table_names_whose_rows_or_which_row(app, system, world):
    tables = {t.name for t in Base.metadata.sorted_tables if set(OWNERS) & set(t.columns.keys())}
    adapter = app.url_map.bind("localhost")
    asked: dict[str, str] = {}
    asking = [""]

    def notice(statement: str) -> None:
        if statement.startswith(("SELECT", "WITH")):
            asked.setdefault(statement, asking[0])

    for walker in walkers(app, world):
        if walker.of is OrganisationKind.OPERATOR:
            continue
        for rule in rules_of(app, "GET"):
            if walker.may(app, rule):
                asking[0] = rule.endpoint
                with overheard(system.db, notice):
                    for path in own_addresses(adapter, rule, walker):
                        walker.client.get(path)
    assert len(asked) > 100
    flat = {" ".join(statement.split()): endpoint for statement, endpoint in asked.items()}
    unscoped = {
        statement: endpoint
        for statement, endpoint in flat.items()
        if set(re.findall(r"(?:FROM|JOIN) (\w+)", statement)) & tables
        and not SCOPE.search(statement.partition(" WHERE ")[2])
        and not BY_HASH.search(statement)
    }
    assert unscoped == {}


def test_a_public_page_opened_changes_nothing_but_what_it_records(app, system, world):
    adapter, visitor = app.url_map.bind("localhost"), app.test_client()
    before = _contents(system)
    broken = []
    for rule in app.url_map.iter_rules():
        endpoint = rule.endpoint
        if endpoint == "static" or endpoint.split(".")[0] in RECORDED or "GET" not in rule.methods:
            continue
        slug, locale = world.places[0].ids["page"]
        ids = {"slug": slug, "locale": locale, "token": "x" * 24, "secret": "x" * 43}
        path = address(adapter, rule, world.places[0].ids | ids)
        status = visitor.get(path).status_code
        if status >= 500:
            broken.append(f"{path} → {status}")
    assert broken == []
    after = _contents(system)
    assert {name for name in before if before[name] != after[name]} <= VISITS


JUNK = {
    "nothing": "",
    "signs": "\x00'\"<>" + "🙂" * 400,
    "digits": "9" * 30,
}


@pytest.mark.parametrize("junk", JUNK)
def test_an_empty_or_hostile_form_never_breaks_a_page(app, world, again, junk):
    """From every role of every organisation; to whom a door is closed, it is not there either."""
    adapter = app.url_map.bind("localhost")
    # Written once: it is the same for all, and large.
    form = urlencode(dict.fromkeys(sorted(_fields()), JUNK[junk]) if JUNK[junk] else {})
    broken = []
    for walker in walkers(app, world):
        again()
        for rule in rules_of(app, "POST"):
            if rule.endpoint == "account.sign_out":
                continue
            for path in own_addresses(adapter, rule, walker):
                sent = {"data": form, "content_type": "application/x-www-form-urlencoded"}
                status = walker.client.post(path, **sent).status_code
                if status >= 500 or (status != 404 and not walker.may(app, rule)):
                    broken.append(f"{walker.name}: {path} → {status}")
    assert broken == []


@pytest.mark.parametrize("junk", ["x", "\x00'\"<>", "9" * 30])
def test_a_hostile_filter_never_breaks_a_page(app, system, world, junk):
    adapter = app.url_map.bind("localhost")
    broken = []
    asked = dict.fromkeys(_filters(), junk)
    for walker in walkers(app, world):
        if junk != "x":  # a launch that is there, so that the other filters are read at all
            asked["launch"] = walker.ids["launch_id"]
        for rule in (one for one in rules_of(app, "GET") if walker.may(app, one)):
            path = address(adapter, rule, walker.ids)
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
