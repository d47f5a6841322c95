"""A simulator as its own process, and boto3 in front of it."""

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError

import boto3
from botocore.config import Config

RAW = (
    b"From: Dana <news@news.example.com>\r\nTo: ada@reader.example\r\nSubject: An offer\r\n"
    b"X-TPMA-Attempt: header-attempt\r\n\r\nHello\r\n"
)
SENDER = "Dana <news@news.example.com>"
PLAN = {
    "account": {
        "max_send_rate": 100_000, "burst": None, "max_24_hour_send": -1, "management_rate": 0,
        "production": True, "sending_enabled": True, "enforcement": "HEALTHY",
        "verification_delay": 0, "suppressed_reasons": ["BOUNCE", "COMPLAINT"],
    },
    "seed": 1,
    "events": {"delay": 0, "duplicates": 0, "reorder": 0, "drop": 0, "blackout": False},
    "sns": {"signature_version": "1", "base_url": "", "retries": 3, "retry_delay": 20,
            "sign": True},
    "faults": {"rates": {}, "hang_seconds": 120},
    "identities": {"news.example.com": "published"},
    "topics": {"events": {"queues": ["events"]}},
    "configuration_sets": {"tpma": {"topic": "events"}},
}  # fmt: skip


class Running:
    """One process; `stop` ends it in order, `kill` does not."""

    def __init__(self, home, *options, plan=PLAN, keys=None):
        home.mkdir(parents=True, exist_ok=True)
        if keys:  # making an RSA key costs half a second
            shutil.copytree(keys, home / "keys", dirs_exist_ok=True)
        file = home / "plan.json"
        file.write_text(json.dumps(plan))
        self.home = home
        self._clients = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tpma.simulator", "--home", home, "--plan", file, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            said = self.process.stderr.read()
            self.gone()
            raise RuntimeError(said)
        self.told = json.loads(line)
        self.address = self.told["address"]

    def client(self, service, *, region_name=None, **config):
        settled = {"retries": {"total_max_attempts": 1}, "read_timeout": 5} | config
        made = boto3.client(
            service,
            region_name=region_name or self.told["region"],
            endpoint_url=self.address,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(**settled),
        )
        self._clients.append(made)
        return made

    def control(self, method, path, body=None, token=None):
        request = urllib.request.Request(
            f"{self.address}/_control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token or self.told['token']}"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            data = answer.read()
        return json.loads(data) if data[:1] in (b"{", b"[") else data

    def refused(self, method, path, body=None, token=None):
        try:
            self.control(method, path, body, token)
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["message"]
        raise AssertionError("it was not refused")

    def plan(self, **changes):
        return self.control("PATCH", "plan", changes)

    def forward(self, seconds):
        self.control("POST", "clock", {"forward": seconds})

    def counters(self):
        return self.control("GET", "counters")

    def journal(self):
        return lines_of(self.home)

    def kill(self):
        self.process.kill()
        self.gone()

    def stop(self):
        self.process.terminate()
        return self.gone()

    def gone(self):
        for client in self._clients:
            client.close()
        said = self.process.communicate(timeout=10)[1]
        return self.process.returncode, said


def lines_of(home):
    return [json.loads(line) for line in (home / "journal.jsonl").read_bytes().splitlines()]


def eventually(ask, *, seconds=5.0):
    """What `ask` answers as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
    return found


class Subscriber(ThreadingHTTPServer):
    """A web address events are posted to; answers with the next status asked for, then 200."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Hears)
        self.got = []  # (headers, JSON)
        self.statuses = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}/hooks/ses"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def end(self):
        self.shutdown()
        self._thread.join(5)
        self.server_close()


class _Hears(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), json.loads(body)))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        """Quiet."""
