"""Bring a database to the shape this version of tpma needs.

Alembic is imported by what moves a database: it holds 10 MB, and a server only asks where one is.
"""

import sys
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, inspect, text

from tpma.core.errors import Conflict
from tpma.core.paths import migrations_folder

if TYPE_CHECKING:
    from alembic.config import Config


def config(url: str) -> "Config":
    """Alembic's configuration without an ini file: checkout and wheel alike."""
    from alembic.config import Config

    made = Config(stdout=sys.stdout)  # as it is now; its own was fixed when it was imported
    made.set_main_option("script_location", str(migrations_folder()))
    made.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    made.attributes["url"] = url
    return made


def upgrade(url: str, revision: str = "head") -> None:
    from alembic import command

    command.upgrade(config(url), revision)


def downgrade(url: str, revision: str) -> None:
    from alembic import command

    command.downgrade(config(url), revision)


def check(url: str) -> None:
    """Raises Conflict if the models and the migrations differ."""
    from alembic import command
    from alembic.util import CommandError

    try:
        command.check(config(url))
    except CommandError as error:
        raise Conflict(f"Models and migrations differ: {error}") from error


def head() -> str:
    """The last revision of this version; migrations are numbered, and their files begin with it."""
    files = (migrations_folder() / "versions").glob("[0-9]*_*.py")
    return max(file.name.partition("_")[0] for file in files)


def current(url: str) -> str | None:
    """The revision a database is at; None when it is empty."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return None if found is None else str(found)
    finally:
        engine.dispose()


def require(url: str) -> None:
    """Raises Conflict, with the cure, if the database is not at this version's revision."""
    have, need = current(url), head()
    if have != need:
        raise Conflict(
            f"The database is at revision {have}, this version needs {need}: tpma migrate"
        )
