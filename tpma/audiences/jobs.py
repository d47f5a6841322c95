"""Work on contacts after commit."""

from uuid import UUID

from tpma import jobs
from tpma.audiences import importing, staging
from tpma.audiences.models import ContactImport, ImportState
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
