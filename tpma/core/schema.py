"""Bring a database to the shape this version of tpma needs."""

from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tpma.core.errors import Conflict
from tpma.core.paths import migrations_folder


def config(url: str) -> Config:
    """Alembic's configuration without an ini file: checkout and wheel alike."""
    made = Config()
    made.set_main_option("script_location", str(migrations_folder()))
    made.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    made.attributes["url"] = url
    return made


def upgrade(url: str, revision: str = "head") -> None:
    command.upgrade(config(url), revision)


def downgrade(url: str, revision: str) -> None:
    command.downgrade(config(url), revision)


def check(url: str) -> None:
    """Raises alembic.util.CommandError if the models and the migrations differ."""
    command.check(config(url))


def head() -> str:
    found: Any = ScriptDirectory.from_config(config("")).get_current_head()
    return str(found)


def current(url: str) -> str | None:
    """The revision a database is at; None when it is empty."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def require(url: str) -> None:
    """Raises Conflict, with the cure, if the database is not at this version's revision."""
    have, need = current(url), head()
    if have != need:
        raise Conflict(
            f"The database is at revision {have}, this version needs {need}: tpma migrate"
        )
