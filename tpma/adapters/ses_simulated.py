"""Amazon SES as a process of this machine: `python -m tpma.simulator`, one a rehearsal.

Only its command line and its answers are known here; the mails go through the same `SesMail` and
`SqsEvents` as the real ones.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tpma.adapters.events_sqs import SqsEvents
from tpma.adapters.mail_ses import SesMail
from tpma.core.clock import utc_now
from tpma.core.errors import Unavailable
from tpma.core.i18n import gettext as _
from tpma.ports.rehearsal import Taken

_FEED = "tpma-rehearsal"
_A_SECOND = 400.0  # mails; more than this machine can make, so the pace is ours to prove
_EVENTS_AFTER = 0.1  # seconds from Send to Delivery; a complaint takes two of them
_LONGEST_END = 10.0
_VISIBLE_AGAIN = 120  # seconds


class SimulatedSes:
    """Starts simulators."""

    @contextmanager
    def open(self, home: Path, sender_domains: Sequence[str], seed: int) -> Iterator["Simulator"]:
        home.mkdir(parents=True, exist_ok=True)
        plan = home / "plan.json"
        plan.write_text(json.dumps(_plan(sender_domains, seed)), encoding="utf-8")
        command = ["--home", str(home), "--plan", str(plan), "--sink", "--with-parent"]
        with subprocess.Popen(
            [sys.executable, "-m", "tpma.simulator", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                yield Simulator(_told(process), home)
            finally:
                _end(process)


def _plan(sender_domains: Sequence[str], seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "account": {"max_send_rate": _A_SECOND, "max_24_hour_send": -1, "production": True},
        "events": {"delay": _EVENTS_AFTER},
        "sns": {"sign": False},  # the queue is ours alone; signatures are proven elsewhere
        "queues": {_FEED: {}},
        "topics": {_FEED: {"queues": [_FEED]}},
        "configuration_sets": {_FEED: {"topic": _FEED}},
        "identities": dict.fromkeys(sender_domains, "published"),
    }


def _told(process: "subprocess.Popen[str]") -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise Unavailable(_("The simulated provider did not start. Rehearse again."))
    told: dict[str, Any] = json.loads(line)
    return told


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_LONGEST_END)
    except subprocess.TimeoutExpired:
        process.kill()


class Simulator:
    """One that runs."""

    def __init__(self, told: dict[str, Any], home: Path) -> None:
        self._journal = home / "journal.jsonl"
        queues = _client(told, "sqs", attempts=3)
        queue_url = queues.get_queue_url(QueueName=_FEED)["QueueUrl"]
        self.mail = SesMail(_client(told, "sesv2", attempts=1), _FEED)
        self.events = SqsEvents(queues, queue_url, _VISIBLE_AGAIN, utc_now)

    def taken(self) -> list[Taken]:
        lines = self._journal.read_bytes().splitlines() if self._journal.exists() else []
        found = [json.loads(line) for line in lines]
        return [Taken(each["attempt"], each["bytes"]) for each in found]


def _client(told: dict[str, Any], service: str, *, attempts: int) -> Any:
    """A client of this one address: no proxy and no credentials of the real account."""
    return boto3.client(
        service,
        region_name=told["region"],
        endpoint_url=told["address"],
        aws_access_key_id="rehearsal",
        aws_secret_access_key="rehearsal",
        config=Config(
            retries={"total_max_attempts": attempts},
            connect_timeout=3,
            read_timeout=30,
            max_pool_connections=64,
            proxies={},
        ),
    )
