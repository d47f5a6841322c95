"""Statements put into words once, for what is asked by the thousand.

For a few rows SQLAlchemy's own way costs several times what the database takes: a key of the
statement is worked out, its words are looked up by it, each result is wrapped. Here the words and
what converts values are kept for each database, and nothing else is done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Select, Uuid
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from tpma.core.bulk import bound

_Fit = Callable[[Any], Any]
_REMEMBERED = 2048  # keys: those of companies and launches come again and again


@dataclass(frozen=True, slots=True)
class _Words:
    text: str
    fixed: Mapping[str, Any]  # parameters that are always the same
    given: tuple[tuple[str, _Fit], ...]
    places: Sequence[str] | None  # names in their order, where the driver wants no names
    columns: tuple[tuple[int, _Fit], ...]  # of a result that must be converted

    def parameters(self, given: Mapping[str, Any]) -> Any:
        named = {**self.fixed, **{name: fit(given[name]) for name, fit in self.given}}
        return named if self.places is None else tuple([named[name] for name in self.places])


class Prepared:
    """A statement that `build` puts together; its parameters are given by name, lists by
    `tpma.core.db.one_of`. What still waits in the session is not written first.
    """

    def __init__(self, build: Callable[[Session], Any]) -> None:
        self._build = build
        self._words: dict[str, _Words] = {}

    def rows(self, session: Session, **given: Any) -> list[tuple[Any, ...]]:
        """What a question finds."""
        core = session.connection()
        words = self._known(session, core.dialect)
        found = core.exec_driver_sql(words.text, words.parameters(given)).all()
        if not words.columns or not found:
            return [tuple(row) for row in found]
        columns: list[Any] = list(zip(*found, strict=True))
        for place, fit in words.columns:
            columns[place] = map(fit, columns[place])
        return list(zip(*columns, strict=True))

    def run(self, session: Session, given: Sequence[Mapping[str, Any]]) -> None:
        """Write: once for each of these."""
        if not given:
            return
        core = session.connection()
        words = self._known(session, core.dialect)
        many = [words.parameters(one) for one in given]
        core.exec_driver_sql(words.text, many if len(many) > 1 else many[0])

    def _known(self, session: Session, dialect: Dialect) -> _Words:
        found = self._words.get(dialect.name)
        if found is None:
            found = self._words[dialect.name] = _put_into_words(self._build(session), dialect)
        return found


def _put_into_words(statement: Any, dialect: Dialect) -> _Words:
    made = statement.compile(dialect=dialect)
    fixed: dict[str, Any] = {}
    given: list[tuple[str, _Fit]] = []
    for name, sign in made.binds.items():
        fit = bound(sign.type, dialect)
        if sign.required:
            given.append((name, fit))
        else:
            fixed[name] = fit(sign.effective_value)
    asked = statement.selected_columns if isinstance(statement, Select) else ()
    fits = ((place, _read(one.type, dialect)) for place, one in enumerate(asked))
    columns = tuple((place, fit) for place, fit in fits if fit is not None)
    return _Words(str(made), fixed, tuple(given), made.positiontup, columns)


def _read(kind: TypeEngine[Any], dialect: Dialect) -> _Fit | None:
    """What makes a value of the driver's one of ours; None where it is one."""
    # Only dialects that name their types by the driver's numbers look at the second.
    fit: _Fit | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return _uuid if fit is not None and isinstance(kind, Uuid) else fit


@lru_cache(maxsize=_REMEMBERED)
def _uuid_of(text: str) -> UUID:
    return UUID(hex=text)


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else _uuid_of(text)
