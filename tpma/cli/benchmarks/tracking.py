"""Hits, pages and forms against a bare WSGI hello on the same server.

Server and clients are processes of their own. Each answered request is looked for in the database
afterwards, one for one: a fast answer that loses its event is no answer.
"""

import os
import pickle
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from json import loads
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.cli import demo_story
from tpma.cli.benchmarks import web_client, web_server
from tpma.cli.benchmarks.dashboards import dashboard_rows
from tpma.cli.benchmarks.rows import Row
from tpma.core import schema
from tpma.core.clock import utc_now
from tpma.core.errors import Conflict
from tpma.core.settings import Settings
from tpma.core.signing import link_character
from tpma.launches.models import Launch, Link
from tpma.pages import rules as forms
from tpma.rendering.links import PAGE
from tpma.sending.models import Message
from tpma.system import System
from tpma.tracking.models import EventType, TrackingEvent
from tpma.wiring import from_settings

_SECRET = "benchmark-secret-of-no-use-elsewhere"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_CONNECTIONS = 16
_MAILS = 4000
_PATIENCE = 60.0  # seconds


def tracking_rows(quick: bool) -> Iterator[Row]:
    """Every row; `quick` is shorter, on smaller tables. Raises Conflict if a hit is lost."""
    turns = _Turns(3, 0.3) if quick else _Turns(5, 1.2)
    with TemporaryDirectory() as home:
        stage = _stage(Path(home))
        for server in _servers():
            yield from _web_rows(stage, server, turns)
        stage.system.db.close()
    yield from dashboard_rows(50_000, launches=10) if quick else dashboard_rows(1_000_000)


@dataclass(frozen=True, slots=True)
class _Turns:
    number: int
    seconds: float


# Hits, pages, forms


@dataclass(frozen=True, slots=True)
class _Stage:
    """The demo's campaign with more mails, and what is asked of it."""

    system: System
    launch_id: UUID
    asked: dict[str, list[bytes]]


@dataclass(frozen=True, slots=True)
class _Path:
    """`goal` is a share of the hello's rate, or requests a second if more than one."""

    name: str
    goal: float
    event: EventType
    once: bool = False

    def row(self, server: str, hello: float, ours: float) -> Row:
        if self.goal > 1:
            return Row(f"{self.name}, {server}", "requests/s", ours, self.goal, ours / self.goal, 1)
        what = f"{self.name}, {server}, against a bare WSGI hello"
        return Row(what, "requests/s", ours, hello, ours / hello, self.goal)


_PATHS = (
    _Path("click", 0.5, EventType.CLICK),
    _Path("open", 0.5, EventType.OPEN),
    _Path("landing page", 0.2, EventType.PAGE_VIEW),
    _Path("form post", 400, EventType.FORM_SUBMIT, once=True),
    _Path("unsubscribe", 0.2, EventType.UNSUBSCRIBE, once=True),
)
_Serving = Callable[[System, str, int], list[str]]


def _servers() -> list[tuple[str, _Serving]]:
    found: list[tuple[str, _Serving]] = [("waitress", _waitress)]
    if find_spec("gunicorn") is not None:
        found.append(("gunicorn gthread", _gunicorn))
    return found


def _script(module: ModuleType) -> list[str]:
    """Run as a file: by its name all of the command line would be imported first."""
    return [sys.executable, "-P", str(module.__file__)]


def _waitress(_system: System, which: str, port: int) -> list[str]:
    return [*_script(web_server), which, str(port)]


def _gunicorn(_system: System, which: str, port: int) -> list[str]:
    app = "tpma()" if which == "tpma" else "hello"
    options = ["--worker-class", "gthread", "--threads", str(web_server.THREADS)]
    bind = ["--bind", f"127.0.0.1:{port}", "--log-level", "error", "--keep-alive", "30"]
    return [sys.executable, "-m", "gunicorn", *options, *bind, f"{web_server.__name__}:{app}"]


def _web_rows(stage: _Stage, server: tuple[str, _Serving], turns: _Turns) -> Iterator[Row]:
    """Hello and ours take turns, both servers up, so that a slow minute slows both alike."""
    name, command = server
    with _serving(stage, command, "hello") as plain, _serving(stage, command, "tpma") as port:
        for path in _PATHS:
            asked = stage.asked[path.name]
            if path.once:  # each server gets its own half
                asked = asked[::2] if name == "waitress" else asked[1::2]
            before = _stored(stage, path.event)
            rounds = list(_rounds((plain, port), path, asked, turns))
            answered = sum(number for _hello, _ours, number in rounds)
            kept = _once_stored(stage, path.event, before + answered) - before
            if kept != answered:
                raise Conflict(f"{name}, {path.name}: {answered} answered, {kept} events stored")
            hello, ours = (median(round_[place] for round_ in rounds) for place in (0, 1))
            yield path.row(name, hello, ours)


def _rounds(
    ports: tuple[int, int], path: _Path, asked: list[bytes], turns: _Turns
) -> Iterator[tuple[float, float, int]]:
    """Rates of hello and of ours, and how many of ours were answered."""
    share = len(asked) // turns.number
    for turn in range(turns.number):
        some = asked[turn * share : (turn + 1) * share] if path.once else asked
        hello, _number = _rate(ports[0], [_get("/")], turns.seconds, once=False)
        ours, number = _rate(ports[1], some, turns.seconds, once=path.once)
        yield hello, ours, number


def _once_stored(stage: _Stage, kind: EventType, awaited: int) -> int:
    """How many events there are when the server's own loader has come to its end."""
    deadline = time.monotonic() + _PATIENCE
    while (found := _stored(stage, kind)) < awaited and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _stored(stage: _Stage, kind: EventType) -> int:
    with stage.system.db.reading() as session:
        query = select(func.count()).where(
            TrackingEvent.launch_id == stage.launch_id, TrackingEvent.type == kind
        )
        return session.scalar(query) or 0


def _rate(port: int, asked: list[bytes], seconds: float, *, once: bool) -> tuple[float, int]:
    """Requests a second, and how many were answered. Raises Conflict for an answer of refusal."""
    told, spent = _clients(port, asked, seconds, once=once)
    bad = {status: number for status, number in told.items() if status[0] not in "23"}
    if bad:
        raise Conflict(f"A measured server answered {bad}")
    return sum(told.values()) / spent, sum(told.values())


def _clients(
    port: int, asked: list[bytes], seconds: float, *, once: bool
) -> tuple[dict[str, int], float]:
    connections = min(_CONNECTIONS, len(asked)) if once else _CONNECTIONS
    command = [*_script(web_client), str(port), str(seconds), str(connections)]
    done = subprocess.run(
        command + (["once"] if once else []),
        input=pickle.dumps(asked),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer = loads(done.stdout)
    return answer["told"], answer["seconds"]


@contextmanager
def _serving(stage: _Stage, command: _Serving, which: str) -> Iterator[int]:
    """The port of a server that answers; it ends in order, as a service manager ends it."""
    settings = stage.system.settings
    environment = {key: value for key, value in os.environ.items() if key[:5] != "TPMA_"}
    environment |= {"TPMA_HOME": str(settings.home), "TPMA_SECRET_KEY": _SECRET}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(command(stage.system, which, port), env=environment)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise Conflict("The server that was to be measured does not answer.")


def _stage(home: Path) -> _Stage:
    settings = Settings(home=home, secret_key=_SECRET)
    schema.upgrade(settings.url_of_database)
    system = from_settings(settings)
    demo_story.open_campaign(system)
    with system.db.transaction() as session:
        example = session.scalars(
            select(Message).where(Message.accepted_at.is_not(None), Message.contact_id.is_not(None))
        ).first()
        assert example is not None
        launch = session.get_one(Launch, example.launch_id)
        ids = _more_mails(session, example)
        link = session.scalars(
            select(Link.number).where(Link.launch_id == launch.id, Link.target == PAGE)
        ).first()
        assert link is not None
        return _Stage(system, launch.id, _asked(system, launch, ids, link))


def _more_mails(session: Session, example: Message) -> list[int]:
    """So many more recipients of the launch, like one there is."""
    first = (session.scalar(select(func.max(Message.id))) or 0) + 1
    person = session.get_one(Contact, example.contact_id)
    accepted = utc_now() - timedelta(hours=1)
    contacts, messages = [], []
    for number in range(_MAILS):
        id_, email = uuid4(), f"reader{number}@reader{number % 97}.example"
        key = secrets.token_bytes(16)
        own = {"id": id_, "email": email, "email_norm": email, "hmac": key}
        contacts.append(_values(person) | own)
        mine = {"id": first + number, "seq": 100_000 + number, "contact_id": id_, "rcpt_key": key}
        marks = {"accepted_at": accepted, "clicked_at": None, "seen": 0, "chunk_id": None}
        messages.append(_values(example) | mine | marks)
    session.execute(insert(Contact), contacts)
    session.execute(insert(Message), messages)
    return [first + number for number in range(_MAILS)]


def _values(row: Contact | Message) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in type(row).__table__.columns}


def _asked(system: System, launch: Launch, ids: list[int], link: int) -> dict[str, list[bytes]]:
    tokens = [system.signer.token(id_) for id_ in ids]
    utm = urlencode({"utm_medium": "email", "utm_content": "email1.cta"})
    locale, page = launch.primary_locale, f"/l/{launch.page_slug}"
    one_click = urlencode({"List-Unsubscribe": "One-Click"})
    return {
        "click": [_get(f"/c/{token}{link_character(link)}") for token in tokens],
        "open": [_get(f"/o/{token}.gif") for token in tokens],
        "landing page": [_get(f"{page}?{utm}&r={token}") for token in tokens],
        "form post": [
            _post(f"{page}/{locale}", urlencode(_form(system, launch, number)))
            for number in range(len(ids))
        ],
        "unsubscribe": [_post(f"/u/{token}", one_click) for token in tokens],
    }


def _form(system: System, launch: Launch, number: int) -> dict[str, str]:
    subject = forms.token_subject(system.clock() - forms.LEAST_DWELL * 2, secrets.randbits)
    token = system.signer.token(subject, forms.token_purpose(launch.id))
    return {
        forms.TOKEN: token,
        forms.CODE: launch.campaign_code,
        "given_name": "Ada",
        "family_name": f"Number {number}",
        "company": f"Mill {number}",
        "email": f"ada{number}@mill{number}.example",
        "consent_partner_marketing": "1",
        "consent_share_with_vendor": "1",
    }


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {_AGENT}\r\n\r\n".encode()


def _post(path: str, body: str) -> bytes:
    kind = "application/x-www-form-urlencoded"
    head = f"Host: localhost\r\nUser-Agent: {_AGENT}\r\nContent-Type: {kind}\r\n"
    return f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
