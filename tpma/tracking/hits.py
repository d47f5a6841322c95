"""One hit on a link, a pixel or a page, as it is written down before anybody judged it.

A line of a segment is the CRC-32 of the rest in eight hexadecimal digits, a space, and a JSON list.
"""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tpma.tracking.models import EventType
from tpma.tracking.rules import Visit

_LONGEST_HEADER = 400  # characters of a User-Agent; what tells programs apart stands before that


@dataclass(frozen=True, slots=True)
class Hit:
    """`launch_id` is looked up where the message is known and it is not."""

    kind: EventType
    visit: Visit
    launch_id: UUID
    message_id: int | None = None
    link_key: str = ""


def line(hit: Hit) -> bytes:
    visit = hit.visit
    fields = [
        hit.kind.value,
        hit.launch_id.hex,
        hit.message_id,
        hit.link_key,
        visit.at.isoformat(),
        visit.method[:16],
        visit.agent[:_LONGEST_HEADER],
        visit.purpose[:64],
        visit.address[:64],
    ]
    text = json.dumps(fields, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def parsed(raw: bytes) -> Hit | None:
    """The hit of a line; None for what a crash or a full disk left of one."""
    text = raw[9:].rstrip(b"\n")
    if raw[:9] != b"%08x " % zlib.crc32(text):
        return None
    kind, launch, message_id, link_key, at, method, agent, purpose, address = json.loads(text)
    visit = Visit(datetime.fromisoformat(at), method, agent, purpose, address)
    return Hit(EventType(kind), visit, UUID(hex=launch), message_id, link_key)
