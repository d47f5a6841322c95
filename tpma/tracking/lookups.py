"""Where a signed link leads, from memory: no hit waits for the database unless it is the first.

Which launch a mail belongs to and its language never change, and are read for a thousand neighbours
at once. Where
the launch's links lead is read again after five seconds, so that what was changed in the database
(another address of the page, a link table written anew) holds for every process soon. Nothing here
says whether a page is still open or a launch runs: the page itself is asked for that.
"""

import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.core.log import logger
from tpma.core.signing import TOKEN_LENGTH, link_index
from tpma.identity.models import Organisation
from tpma.launches.addresses import base_of
from tpma.launches.models import Launch, Link
from tpma.rendering.links import PAGE
from tpma.rendering.mail import TRAP
from tpma.sending.models import Message
from tpma.system import System
from tpma.tracking import queries
from tpma.tracking.rules import allowed_target

_NEIGHBOURS = 1024  # messages a block
_MOST_BLOCKS = 4096  # 2 kB each
_MOST_LAUNCHES = 2048
_FRESH = 5.0  # seconds

_log = logger("tracking")
_Kind: TypeAlias = tuple[UUID, str]  # launch and language of a mail
_Block: TypeAlias = "tuple[array[int], list[_Kind]]"  # place in the list, from 1; 0: unknown


@dataclass(frozen=True, slots=True)
class Target:
    """`url` is followed by the mail's token where `takes_reader`."""

    key: str
    url: str
    takes_reader: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a token names: the mail, its launch, and for a link where it leads."""

    message_id: int
    launch_id: UUID
    locale: str = ""
    key: str = ""
    url: str = ""
    is_tracked: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """The links of a launch, and whether its companies let readers be told apart (RT-11)."""

    targets: Mapping[int, Target]
    is_tracked: bool
    link_host: str = ""  # the partner's own that they run over


class Lookups:
    """One a process and system. Threads may read a row twice; none waits for another."""

    def __init__(self, system: System, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._system = system
        self._elapsed = elapsed
        self._blocks: OrderedDict[int, _Block] = OrderedDict()
        self._targets: OrderedDict[UUID, tuple[float, Table]] = OrderedDict()

    def mail(self, token: str) -> Found:
        """The mail of a pixel or style sheet. Raises NotFound for a token that is not ours."""
        message_id = self._system.signer.subject(token)
        launch_id, locale = self._kind_of(message_id)
        is_tracked = self.table(launch_id).is_tracked
        return Found(message_id, launch_id, locale, is_tracked=is_tracked)

    def link(self, token: str) -> Found:
        """A token with its link character. Raises NotFound for any that leads nowhere."""
        number = link_index(token[TOKEN_LENGTH:])
        reader = token[:TOKEN_LENGTH]
        message_id = self._system.signer.subject(reader)
        launch_id, locale = self._kind_of(message_id)
        table = self.table(launch_id)
        target = table.targets.get(number)
        if target is None:
            raise NotFound(_("This link is not one of ours."))
        url = f"{target.url}&r={reader}" if target.takes_reader else target.url
        return Found(message_id, launch_id, locale, target.key, url, table.is_tracked)

    def _kind_of(self, message_id: int) -> _Kind:
        number, place = divmod(message_id, _NEIGHBOURS)
        block = self._blocks.get(number)
        if block is None or not block[0][place]:  # it may have been written since
            block = self._read_block(number)
            if not block[0][place]:
                raise NotFound(_("This link is not one of ours."))
        places, kinds = block
        return kinds[places[place] - 1]

    def _read_block(self, number: int) -> _Block:
        first = number * _NEIGHBOURS
        places, kinds = array("H", bytes(2 * _NEIGHBOURS)), list[_Kind]()
        known: dict[_Kind, int] = {}
        with self._system.db.reading() as session:
            rows = session.execute(
                select(Message.id, Message.launch_id, Message.locale).where(
                    Message.id >= first, Message.id < first + _NEIGHBOURS
                )
            )
            for message_id, launch_id, locale in rows:
                kind = launch_id, locale
                if kind not in known:
                    kinds.append(kind)
                    known[kind] = len(kinds)
                places[message_id - first] = known[kind]
        self._blocks[number] = places, kinds
        while len(self._blocks) > _MOST_BLOCKS:
            self._blocks.popitem(last=False)
        return places, kinds

    def table(self, launch_id: UUID) -> Table:
        """What is known of a launch, at most five seconds old."""
        kept = self._targets.get(launch_id)
        now = self._elapsed()
        if kept is not None and now - kept[0] < _FRESH:
            return kept[1]
        try:
            with self._system.db.reading() as session:
                found = _read_table(session, launch_id, self._system.settings.base_url)
        except OperationalError:
            if kept is None:
                raise
            _log.exception("links not read again", launch=str(launch_id))
            return kept[1]
        self._targets[launch_id] = now, found
        while len(self._targets) > _MOST_LAUNCHES:
            self._targets.popitem(last=False)
        return found


def _read_table(session: Session, launch_id: UUID, base_url: str) -> Table:
    """Every link of the launch a reader may be sent to, and the trap, which leads to the page."""
    launch = session.get_one(Launch, launch_id)
    base_url = base_of(launch, base_url)
    page = queries.page_link(session, launch, base_url)
    plain = f"{base_url}/l/{launch.page_slug}" if launch.page_slug else base_url
    found = {TRAP: Target("", plain, takes_reader=False)}
    for link in session.scalars(select(Link).where(Link.launch_id == launch_id)):
        if link.target == PAGE:
            found[link.number] = Target(link.key, page(link.key), takes_reader=True)
            continue
        try:
            found[link.number] = Target(link.key, allowed_target(link.target), takes_reader=False)
        except NotFound:
            _log.error(
                "link leads where no reader may be sent", launch=str(launch_id), key=link.key
            )
    companies = select(Organisation.tracks_readers).where(
        Organisation.id.in_((launch.tenant_id, launch.vendor_id))
    )
    return Table(found, all(session.scalars(companies)), launch.link_host)
