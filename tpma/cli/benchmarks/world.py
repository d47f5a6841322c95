"""A database of its own, at this version's revision, with one partner's launch in it.

People are written by the database itself, so that a million of them take seconds.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tpma.branding import service as branding
from tpma.cli.benchmarks import mails
from tpma.core import schema
from tpma.core.clock import utc_now
from tpma.core.paths import kits_folder
from tpma.core.settings import Settings
from tpma.identity import members
from tpma.identity import service as identity
from tpma.identity.models import Membership, Organisation, OrganisationKind
from tpma.identity.rules import Actor
from tpma.kits import check as kit_check
from tpma.kits import service as kits
from tpma.launches import compiling
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchAsset, LaunchState
from tpma.partners import service as partners
from tpma.partners.models import PartnerType
from tpma.sending import planning, queueing
from tpma.system import System
from tpma.wiring import from_settings

POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432"
_KIT = "secure-edge"


def postgres_url() -> str:
    return os.environ.get("TPMA_BENCH_POSTGRES", POSTGRES)


def dialects() -> list[str]:
    """The databases that answer."""
    return ["sqlite", "postgresql"] if postgres_answers() else ["sqlite"]


def postgres_answers() -> bool:
    engine = create_engine(f"{postgres_url()}/postgres", connect_args={"connect_timeout": 2})
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True)
class World:
    """One launch of one partner, with readers but no message yet."""

    system: System
    launch_id: UUID
    tenant_id: UUID
    home: Path

    def with_endpoint(self, port: int, **settings: object) -> System:
        """The system as it sends by Amazon SES, which is a server of ours at this port."""
        os.environ.update(
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
            AWS_ACCESS_KEY_ID="bench",
            AWS_SECRET_ACCESS_KEY="bench",
        )
        chosen = self.system.settings.model_copy(update={"mail": "ses", **settings})
        made = from_settings(chosen)
        made.db.close()
        return replace(made, db=self.system.db)


@cache
def system_of(settings: str) -> System:
    """Of a worker's process, made once; `settings` as JSON."""
    return from_settings(Settings.model_validate_json(settings))


@contextmanager
def opened(dialect: str, people: int, **settings: object) -> Iterator[World]:
    with TemporaryDirectory(prefix="tpma-bench-") as folder, _database(dialect, folder) as url:
        schema.upgrade(url)
        chosen = Settings(
            home=Path(folder), database_url=url, secret_key="bench", base_url="https://tpma.example"
        ).model_copy(update=settings)
        system = from_settings(chosen)
        try:
            launch_id, tenant_id = _campaign(system)
            made = World(system, launch_id, tenant_id, Path(folder))
            _people(made, people)
            yield made
        finally:
            system.db.close()


@cache
def _empty_file() -> bytes:
    """SQLite's, at this version's revision: copied sooner than brought up to date again."""
    with TemporaryDirectory() as folder:
        schema.upgrade(f"sqlite:///{folder}/empty.db")
        return (Path(folder) / "empty.db").read_bytes()


@contextmanager
def _database(dialect: str, folder: str) -> Iterator[str]:
    if dialect == "sqlite":
        (Path(folder) / "bench.db").write_bytes(_empty_file())
        yield f"sqlite:///{folder}/bench.db"
        return
    name = f"tpma_bench_{os.getpid()}"
    admin = create_engine(f"{postgres_url()}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield f"{postgres_url()}/{name}"
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def _campaign(system: System) -> tuple[UUID, UUID]:
    reading = kit_check.folder(kits_folder() / _KIT)
    with system.db.transaction() as session:
        vendor = partners.create_vendor(
            session, None, code_prefix="HC", brand_colour="#C8442B", logo_svg=_LOGO,
            logo_reversed_svg=_LOGO, legal_name="Helio Cloud, Inc.", country="US",
            base_currency="USD", timezone="UTC",
        ).organisation  # fmt: skip
        programme = partners.create_programme(session, None, vendor, name="Helio")
        company = partners.create_partner(
            session, None, partner_type=PartnerType.VAR, legal_name="Brightline IT, Inc.",
            country="US", base_currency="USD", timezone="UTC", email="dana@brightline.example",
        ).organisation  # fmt: skip
        enrolment = partners.enrol(session, None, programme, company, "gold")
        branding.save_profile(session, company.id, {"name": "Brightline", "primary": "#0057B8"})
        version = kits.publish_reading(session, vendor.id, reading)
        launch = launches.create(session, _joined(session, company), enrolment, version)
        _freeze(session, launch)
        return launch.id, company.id


_LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


def _joined(session: Session, company: Organisation) -> Actor:
    person = identity.create_user(
        session, email="dana@brightline.example", name="Dana", locale="en", timezone="UTC"
    )
    members.add_membership(session, None, person, company, ["PA"])
    return _at_work(session, company.id)


def somebody(session: Session, world: World) -> Actor:
    """The one person of the partner."""
    return _at_work(session, world.tenant_id)


def _at_work(session: Session, company_id: UUID) -> Actor:
    member = session.scalars(
        select(Membership).where(Membership.organisation_id == company_id)
    ).one()
    return Actor(
        user_id=member.user_id, organisation_id=company_id, kind=OrganisationKind.PARTNER,
        roles=("PA",), membership_id=member.id,
    )  # fmt: skip


def _freeze(session: Session, launch: Launch) -> None:
    """As scheduled and started, with the mail of `mails` in place of the kit's."""
    frozen = mails.skeleton()
    session.add(
        LaunchAsset(
            tenant_id=launch.tenant_id, launch_id=launch.id, asset="email1",
            locale=launch.primary_locale, served_locale="en", compiled=frozen.to_bytes(),
            sha256=frozen.digest,
        )
    )  # fmt: skip
    launch.from_name, launch.reply_to = "Brightline", "dana@brightline.example"
    launch.frozen_manifest = {"steps": [{"asset": "email1", "condition": "", "day": 0}]}
    launch.steps, launch.state, launch.started_at = 1, LaunchState.RUNNING, utc_now()


# What differs between the two: a series of numbers, and how ids and hashes are written.
_DIALECT = {
    "sqlite": {
        "series": "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < "
        ":people) SELECT n FROM s)",
        "id": "printf('01900000%08x7000800000000000', n)",
        "hash": "randomblob(16)",
        "text": "''",
    },
    "postgresql": {
        "series": "generate_series(1, :people) AS s(n)",
        "id": "('01900000' || lpad(to_hex(n), 8, '0') || '7000800000000000')::uuid",
        "hash": "decode(md5(n::text), 'hex')",
        "text": "''",
    },
}
_CONTACTS = """
INSERT INTO contacts (id, tenant_id, email, email_norm, given_name, family_name, title, phone,
  company, company_domain, country, locale, hmac, source, source_detail, status, created_at,
  updated_at, row_version)
SELECT {id}, :tenant, 'reader' || n || '@reader.example', 'reader' || n || '@reader.example',
  'Ada ' || n, 'Lovelace', '', '', 'Analytical Engines', 'reader.example', 'US', '', {hash},
  'import', '', 'active', :now, :now, 1
FROM {series}
"""
_CONSENTS = """
INSERT INTO consents (tenant_id, contact_id, purpose, basis, state, at, locale, evidence)
SELECT tenant_id, id, 'partner_marketing', 'consent', 'granted', created_at, '', '{}'
FROM contacts
"""


def _people(world: World, people: int) -> None:
    db = world.system.db
    values = {"people": people, "tenant": world.tenant_id, "now": utc_now()}
    if db.dialect == "sqlite":
        values |= {"tenant": world.tenant_id.hex, "now": utc_now().isoformat(" ")[:26]}
    if not people:
        return
    with db.transaction() as session:
        session.execute(text(_CONTACTS.format(**_DIALECT[db.dialect])), values)
        session.execute(text(_CONSENTS))
    analyze(world)


def analyze(world: World) -> None:
    """A server of some age has statistics of its tables."""
    with world.system.db.transaction() as session:
        session.execute(text("ANALYZE"))


def drawing(session: Session, world: World, launch: Launch) -> compiling.Drawing:
    return compiling.drawing(session, launch, world.system.settings.base_url)


def plan(world: World) -> int:
    """A message for every reader (T1, T2), as pressing Launch plans them; how many."""
    with world.system.db.transaction() as session:
        launch = session.get_one(Launch, world.launch_id)
        drawn = drawing(session, world, launch)
        locales = planning.locale_plan(drawn, planning.reader_locales(session, launch))
        return planning.plan_first(session, drawn, locales)


def queue(world: World) -> None:
    """Into chunks, as the job of the hour does (T3)."""
    with world.system.db.transaction() as session:
        queueing.queue(session, session.get_one(Launch, world.launch_id), 1, utc_now())
