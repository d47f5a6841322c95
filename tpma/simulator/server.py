"""The process: two doors (HTTP and TLS), every service behind each, an orderly end."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import ssl
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tpma.simulator import account, identities, operations, sending, setup, sns_door, sqs_door
from tpma.simulator.clock import Clock
from tpma.simulator.control import PREFIX, Control
from tpma.simulator.errors import Refusal
from tpma.simulator.http import MOST_HEAD, Malformed, Request, Response, as_json, read, rendered
from tpma.simulator.validation import model
from tpma.simulator.world import Options, World

ROOMS = (account, identities, sending)  # imported for the operations they register
_READ_AHEAD = 1 << 20
_SAVE_EVERY = 1.0  # seconds; what a client was told is saved at once
_LOOK_FOR_PARENT = 0.5


class Server:
    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._control = Control(world, token)
        self._answering: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request after the other."""
        task = asyncio.current_task()
        if task:
            self._answering.add(task)
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        try:
            while request := await read(reader, peer):
                if not await self._reply(writer, await self._answer(request), request):
                    break
        except (ConnectionError, Malformed, ssl.SSLError):
            return
        finally:
            writer.transport.abort()
            if task:
                self._answering.discard(task)

    async def _reply(
        self, writer: asyncio.StreamWriter, response: Response, request: Request
    ) -> bool:
        """Whether the connection goes on."""
        if response.wait:
            await asyncio.sleep(response.wait)
        if response.drop:
            return False
        writer.write(rendered(response))
        await writer.drain()
        if response.missing or request.headers.get("connection", "").lower() == "close":
            await _flushed(writer)
            return False
        return True

    async def _answer(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/v2/email/"):
            return await operations.answer(self._world, request)
        if path.startswith(PREFIX):
            return self._control.answer(request)
        target = request.headers.get("x-amz-target", "")
        if target.startswith(sqs_door.TARGET):
            return await self._queue(request)
        if path == self._world.keys.certificate_path:
            return Response(
                200, self._world.keys.certificate, {"Content-Type": "application/x-pem-file"}
            )
        if path == "/" and (request.query or request.body):
            return sns_door.answer(self._world, request)
        return as_json({"message": "There is nothing here; see docs/simulator.md"}, 404)

    async def _queue(self, request: Request) -> Response:
        try:
            given = json.loads(request.body or b"{}")
        except ValueError:
            return as_json({"__type": "SerializationException"}, 400)
        return await sqs_door.answer(self._world, request, given)

    async def end(self) -> None:
        """Hanging answers and long polls do not hold the process."""
        for task in list(self._answering):
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)


async def _flushed(writer: asyncio.StreamWriter) -> None:
    """Abort throws away what is not written yet; close does not."""
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def run(
    options: Options,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls_port: int = 0,
    plan: Any = None,
    with_parent: bool = False,
    tell: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT (or the parent's death); say one line when ready."""
    parent = os.getppid() if with_parent else None
    world = World(options, Clock())
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    world.sns.run_in(loop)
    token = secrets.token_urlsafe(24)
    server = Server(world, token)
    try:
        doors = await _open(server, world, host, port, tls_port)
        if plan is not None:
            setup.apply(world, plan)
        model("sesv2"), model("sqs")  # read now, not in the first request
        _keep_token(options, token)
        stop = _stop_signals(loop)  # before anybody knows the process and can signal it
        tell(json.dumps(_ready(world, token)))
        await _until(stop, world, parent)
        for door in doors:
            door.close()
        await server.end()
    finally:
        world.close()


async def _open(
    server: Server, world: World, host: str, port: int, tls_port: int
) -> list[asyncio.Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = world.keys.folder
    context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    limit = max(_READ_AHEAD, MOST_HEAD)
    plain = await asyncio.start_server(server.serve, host, port, limit=limit, backlog=1024)
    secure = await asyncio.start_server(server.serve, host, tls_port, limit=limit, ssl=context)
    world.sqs.address = f"http://{host}:{_port(plain)}"
    world.sns.address = f"https://{host}:{_port(secure)}"
    return [plain, secure]


def _port(door: asyncio.Server) -> int:
    return int(door.sockets[0].getsockname()[1])


def _ready(world: World, token: str) -> dict[str, Any]:
    return {
        "address": world.sqs.address,
        "tls_address": world.sns.address,
        "token": token,
        "ca": str(world.keys.folder / "ca.pem"),
        "certificate": world.sns.address + world.keys.certificate_path,
        "journal": str(world.journal.path),
        "region": world.region,
        "account_id": world.account_id,
        "pid": os.getpid(),
    }


def _keep_token(options: Options, token: str) -> None:
    path = options.home / "token"
    path.touch(mode=0o600)
    path.write_text(token)


def _stop_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _until(stop: asyncio.Event, world: World, parent: int | None) -> None:
    chores = [asyncio.create_task(world.agenda.keep()), asyncio.create_task(_save(world))]
    if parent is not None:
        chores.append(asyncio.create_task(_watch(parent, stop)))
    for chore in chores:
        chore.add_done_callback(lambda _ended: stop.set())  # without its chores it is of no use
    await stop.wait()
    for chore in chores:
        chore.cancel()
    for ended in await asyncio.gather(*chores, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


async def _save(world: World) -> None:
    while True:
        await asyncio.sleep(_SAVE_EVERY)
        world.save_if_changed()
        world.journal.flush()


async def _watch(parent: int, stop: asyncio.Event) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(_LOOK_FOR_PARENT)
    stop.set()


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The kind and place of a fault of ours; never its words, they may be personal."""
    error = context.get("exception")
    if error is None or isinstance(error, asyncio.CancelledError | ConnectionError):
        return
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown place"
    code = f" {error.code}" if isinstance(error, Refusal) else ""
    sys.stderr.write(f"tpma simulator: {type(error).__name__}{code} at {place}\n")
