"""What a worker owns for one batch."""

from dataclasses import dataclass
from uuid import UUID

from tpma.sending.limits import Grant


@dataclass(frozen=True, slots=True)
class Lease:
    """A chunk of one launch and step, and places in the provider's rate for `grant.count` mails."""

    chunk_id: int
    launch_id: UUID
    step: int
    owner: str
    lane_id: int
    grant: Grant
