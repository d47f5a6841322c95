"""The whole way of a mail: turn, reading, rendering, intent, call, answer; against a local sink.

Three interleaved ways a database: our engine with SendBulkEmail, our engine with a call a mail,
and boto3 alone over mails that are ready. Beside them what the sink takes without any of it.
"""

import gc
import http.client
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from uuid import UUID

import boto3
from botocore.config import Config

from tpma.cli.benchmarks import mails, sinks, world
from tpma.cli.benchmarks.rows import Row
from tpma.core.clock import utc_now
from tpma.core.errors import Conflict
from tpma.sending import engine
from tpma.system import System

_THREADS = 8
_IN_FLIGHT = 500  # ten calls at a time


def rows(quick: bool) -> Iterator[Row]:
    for dialect in world.dialects():
        yield from _of(dialect, quick)


def _of(dialect: str, quick: bool) -> Iterator[Row]:
    rounds, many, few = (3, 1_000, 200) if quick else (5, 5_000, 1_000)
    with world.opened(dialect, (rounds + 1) * (many + few)) as made, sinks.ses() as port:
        world.plan(made)
        world.queue(made)
        bulk = made.with_endpoint(
            port, ses_bulk=True, send_in_flight=_IN_FLIGHT, send_batch=_IN_FLIGHT
        )
        single = made.with_endpoint(port, send_in_flight=50)
        bare = Bare(port)
        ways: list[Callable[[], float]] = [
            lambda: _rate(bulk, many),
            lambda: _rate(single, few),
            lambda: bare.rate(few),
            lambda: _limit(port, many),
        ]
        for way in ways:
            way()  # statements are put together and connections opened once
        gc.freeze()
        rates = [[way() for way in ways] for _round in range(rounds)]
        bare.close()
    by_bulk, by_one, alone, limit = (median(column) for column in zip(*rates, strict=True))
    yield Row(
        f"Pipeline in calls of 50 ({dialect}), against what the sink takes", "mails/s",
        by_bulk, limit, by_bulk / limit, 0.4,
    )  # fmt: skip
    yield Row(
        f"Pipeline, one mail a call ({dialect}), against boto3 alone", "mails/s",
        by_one, alone, by_one / alone, 0.85,
    )  # fmt: skip


def _rate(system: System, mails_wanted: int) -> float:
    """Mails a second, by the wall's clock: threads and database included."""
    batches = -(-mails_wanted // system.settings.send_batch)
    begun = time.perf_counter()
    sent = engine.drain(system, "bench", most_batches=batches)
    spent = time.perf_counter() - begun
    if sent < mails_wanted * 0.8:
        raise Conflict(f"Only {sent} of {mails_wanted} mails were there to send.")
    return sent / spent


class Bare:
    """boto3 and threads, over one mail that was made before."""

    def __init__(self, port: int) -> None:
        config = Config(
            retries={"total_max_attempts": 1}, max_pool_connections=64, tcp_keepalive=True
        )
        self._client = boto3.client(
            "sesv2", region_name="eu-west-1", config=config, aws_access_key_id="bench",
            aws_secret_access_key="bench", endpoint_url=f"http://127.0.0.1:{port}",
        )  # fmt: skip
        self._pool = ThreadPoolExecutor(_THREADS)
        self._raw = mails.whole(1, utc_now())

    def rate(self, number: int) -> float:
        begun = time.perf_counter()
        list(self._pool.map(self._send, range(number)))
        return number / (time.perf_counter() - begun)

    def _send(self, number: int) -> None:
        self._client.send_email(
            FromEmailAddress=f"campaigns@bench.{mails.DOMAIN}",
            Destination={"ToAddresses": [f"reader{number}@reader.example"]},
            Content={"Raw": {"Data": self._raw}},
            EmailTags=[{"Name": "tpma-attempt", "Value": UUID(int=number).hex}],
        )

    def close(self) -> None:
        self._pool.shutdown()
        self._client.close()


def _limit(port: int, number: int) -> float:
    """Posts of 34 KB a second: unsigned, fixed bytes, no database; the most there is to reach."""
    body = b"x" * 34_000
    line = http.client.HTTPConnection("127.0.0.1", port)
    line.connect()
    request = (
        b"POST /v2/email/outbound-emails HTTP/1.1\r\nHost: sink\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body
    sock = line.sock
    begun = time.perf_counter()
    for _each in range(number):
        sock.sendall(request)
        sock.recv(4096)
    spent = time.perf_counter() - begun
    line.close()
    return number / spent
