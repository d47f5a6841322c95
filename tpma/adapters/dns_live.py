"""DNS by dnspython: the servers of the zone itself first, then the resolver of this machine.

A resolver may remember for hours that a name was not there; whoever has just added a record
wants to be told what their own servers say.
"""

from collections.abc import Sequence

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.resolver
from dns.rdata import Rdata

from tpma.ports.dns import Answer, Told

_SECONDS = 3.0  # a question to one server
_LIFETIME = 6.0  # one to the resolver, with its own repetitions
_MOST_SERVERS = 4
_ERRORS = (dns.exception.DNSException, OSError, ValueError)


class LiveDns:
    def __init__(self, resolver: dns.resolver.Resolver | None = None, port: int = 53) -> None:
        self._resolver = resolver
        self._port = port  # of the servers of a zone

    def ask(self, name: str, kind: str) -> Answer:
        try:
            resolver = self._resolver or dns.resolver.Resolver()
            told = [
                (host, answer)
                for host, address in self._servers(resolver, name)
                if (answer := self._asked(address, name, kind)).told is not Told.FAILED
            ]
        except _ERRORS:
            return self._by_resolver(name, kind)
        if not told:
            return self._by_resolver(name, kind)
        first = told[0][1]
        behind = tuple(host for host, answer in told[1:] if answer != first)
        return Answer(first.told, first.values, behind)

    def _servers(self, resolver: dns.resolver.Resolver, name: str) -> Sequence[tuple[str, str]]:
        """(host, address) of the servers of the zone this name belongs to."""
        zone = dns.resolver.zone_for_name(name, resolver=resolver, lifetime=_LIFETIME)
        hosts = sorted(
            str(each.target) for each in resolver.resolve(zone, "NS", lifetime=_LIFETIME)
        )
        found = []
        for host in hosts[:_MOST_SERVERS]:
            try:
                first = next(iter(resolver.resolve(host, "A", lifetime=_LIFETIME)))
            except dns.exception.DNSException:
                continue  # one server without an address is not the domain's fault
            found.append((host.rstrip("."), str(first.address)))
        return found

    def _asked(self, address: str, name: str, kind: str) -> Answer:
        question = dns.message.make_query(name, kind)
        try:
            answer, _by_tcp = dns.query.udp_with_fallback(
                question, address, timeout=_SECONDS, port=self._port
            )
        except _ERRORS:
            return Answer(Told.FAILED)
        if answer.rcode() == dns.rcode.NXDOMAIN:
            return Answer(Told.NO_NAME)
        if answer.rcode() != dns.rcode.NOERROR:
            return Answer(Told.FAILED)
        wanted = dns.rdatatype.from_text(kind)
        sets = [each for each in answer.answer if each.rdtype == wanted]
        if not sets and answer.answer:  # an alias into another zone: the resolver follows it
            return self._by_resolver(name, kind)
        return _told([rdata for each in sets for rdata in each])

    def _by_resolver(self, name: str, kind: str) -> Answer:
        try:
            resolver = self._resolver or dns.resolver.Resolver()
            return _told(list(resolver.resolve(name, kind, lifetime=_LIFETIME)))
        except dns.resolver.NXDOMAIN:
            return Answer(Told.NO_NAME)
        except dns.resolver.NoAnswer:
            return Answer(Told.NO_DATA)
        except _ERRORS:
            return Answer(Told.FAILED)


def _told(rdatas: Sequence[Rdata]) -> Answer:
    values = tuple(sorted(_text(rdata) for rdata in rdatas))
    return Answer(Told.FOUND, values) if values else Answer(Told.NO_DATA)


def _text(rdata: Rdata) -> str:
    if rdata.rdtype == dns.rdatatype.TXT:
        parts: Sequence[bytes] = getattr(rdata, "strings", ())
        return b"".join(parts).decode("utf-8", "replace")
    return rdata.to_text().rstrip(".").lower()
