"""DNS asked over the loopback: two servers of a zone, one of which lags, and one that is silent."""

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from tpma.adapters.dns_live import LiveDns
from tpma.ports.dns import Told

ZONE = {
    ("brightline.com.", "SOA"): ["ns1.brightline.com. h.brightline.com. 1 2 3 4 5"],
    ("brightline.com.", "NS"): ["ns1.brightline.com.", "ns2.brightline.com."],
    ("ns1.brightline.com.", "A"): ["127.0.0.1"],
    ("ns2.brightline.com.", "A"): ["127.0.0.2"],
    ("news.brightline.com.", "TXT"): ['"v=spf1 " "-all"'],
    ("news.brightline.com.", "MX"): ["10 MX.brightline.com."],
    ("old.brightline.com.", "TXT"): ['"old"'],
    ("moved.brightline.com.", "CNAME"): ["news.brightline.com."],
}


class Server:
    """Answers from a zone, over UDP."""

    def __init__(self, host, zone, port=0):
        self.zone = zone
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                wire, peer = self.socket.recvfrom(2048)
            except OSError:
                return
            if not wire:
                return
            self.socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), peer)

    def _answer(self, question):
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA | dns.flags.RA
        asked = question.question[0]
        name, kind = str(asked.name), dns.rdatatype.to_text(asked.rdtype)
        for wanted in (kind, "CNAME"):
            if texts := self.zone.get((name, wanted)):
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", wanted, *texts))
                break
        names = {key[0] for key in self.zone}
        if not any(one == name or one.endswith(f".{name}") for one in names):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    def stop(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.socket.close()


@pytest.fixture
def live():
    first = Server("127.0.0.1", ZONE)
    lagging = {k: v for k, v in ZONE.items() if k != ("news.brightline.com.", "TXT")}
    second = Server("127.0.0.2", lagging, first.port)
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], first.port
    yield LiveDns(resolver, port=first.port)
    first.stop()
    second.stop()


def test_texts_are_joined_and_a_server_that_lags_is_named(live):
    found = live.ask("news.brightline.com", "TXT")
    assert found.values == ("v=spf1 -all",)
    assert found.behind == ("ns2.brightline.com",)


def test_hosts_are_told_without_their_last_dot_in_lower_case(live):
    assert live.ask("news.brightline.com", "MX").values == ("10 mx.brightline.com",)


def test_no_name_and_no_record_are_told_apart(live):
    assert live.ask("nothing.brightline.com", "TXT").told is Told.NO_NAME
    assert live.ask("old.brightline.com", "MX").told is Told.NO_DATA


def test_a_name_that_points_elsewhere_is_seen_for_what_it_is(live):
    assert live.ask("moved.brightline.com", "CNAME").values == ("news.brightline.com",)


def test_nobody_answering_proves_nothing():
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], 9
    resolver.timeout = resolver.lifetime = 0.1
    assert LiveDns(resolver, port=9).ask("news.brightline.com", "TXT").told is Told.FAILED
    assert LiveDns(resolver, port=9).ask("not a name..", "TXT").told is Told.FAILED
