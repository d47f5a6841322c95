"""A partner with a person who works there, and the road of a list into its contacts."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import tpma.audiences.jobs  # noqa: F401 - registers the handlers
from tests import factories
from tests.factories.audiences import SIGNER
from tpma.audiences import importing, staging
from tpma.audiences.models import ContactImport
from tpma.core.db import Database
from tpma.identity.rules import Actor

TEN_MB = 10 * 1024 * 1024


@dataclass(frozen=True)
class Desk:
    """Somebody's place at a partner, committed, so that other sessions see it."""

    db: Database
    folder: Path
    actor: Actor
    tenant_id: UUID

    def receive(self, file: io.BytesIO, name: str = "list.csv") -> importing.Received:
        return importing.receive(file, name, self.folder, TEN_MB)

    def confirmed(self, file: io.BytesIO, **answers: Any) -> ContactImport:
        """An import whose columns and consent were confirmed, not yet run."""
        received = self.receive(file, answers.pop("name", "list.csv"))
        with self.db.transaction() as session:
            found = importing.upload(session, self.actor, self.tenant_id, received)
            chosen = {
                "mapping": {int(number): field for number, field in found.mapping.items()},
                "basis": "consent",
                "consent_source": "signed up at our stand",
            } | answers
            importing.start(session, self.actor, found, **chosen)
        return found

    def run(self, found: ContactImport) -> ContactImport:
        staging.run(self.db, SIGNER, self.folder, found.id)
        with self.db.reading() as session:
            return session.get_one(ContactImport, found.id)

    def bring(self, file: io.BytesIO, **answers: Any) -> ContactImport:
        """The whole road: upload, confirm, run."""
        return self.run(self.confirmed(file, **answers))


@pytest.fixture
def make_desk(db: Database, tmp_path: Path) -> Callable[..., Desk]:
    def make(*roles: str, **company: Any) -> Desk:
        with db.transaction() as session:
            factories.bind(session)
            member = factories.membership(factories.organisation(**company), *roles)
            actor = factories.actor(member)
        return Desk(db, tmp_path / "imports", actor, actor.organisation_id)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()
