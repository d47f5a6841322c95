"""Work on contacts after commit."""

from uuid import UUID

from tpma import jobs
from tpma.audiences import blocklists, importing, staging
from tpma.audiences.models import ContactImport, ImportState, SuppressionList
from tpma.system import System


@jobs.handles("audiences.import")
def import_list(system: System, import_id: str) -> None:
    staging.run(
        system.db, system.signer, importing.folder_in(system.settings.home), UUID(import_id)
    )


@jobs.handles("audiences.tidy")
def tidy(system: System, import_id: str) -> None:
    """An upload nobody confirmed goes; of a finished one, the rows of its error file."""
    with system.db.transaction() as session:
        found = session.get(ContactImport, UUID(import_id))
        if found is None:
            return
        if found.state is ImportState.UPLOADED:
            importing.discard(session, None, found, importing.folder_in(system.settings.home))
        elif found.state in {ImportState.DONE, ImportState.FAILED}:
            importing.forget_rows(session, found)


@jobs.handles("audiences.read_blocklist")
def read_blocklist(system: System, list_id: str) -> None:
    folder = importing.folder_in(system.settings.home)
    if _is_there(system, list_id):
        blocklists.read(system.db, system.signer, folder, UUID(list_id))


@jobs.handles("audiences.apply_blocklist")
def apply_blocklist(system: System, list_id: str) -> None:
    blocklists.apply(system.db, UUID(list_id))


@jobs.handles("audiences.tidy_blocklist")
def tidy_blocklist(system: System, list_id: str) -> None:
    with system.db.transaction() as session:
        folder = importing.folder_in(system.settings.home)
        blocklists.tidy(session, UUID(list_id), folder)


def _is_there(system: System, list_id: str) -> bool:
    """A list may be thrown away before a worker comes to read it."""
    with system.db.reading() as session:
        return session.get(SuppressionList, UUID(list_id)) is not None
