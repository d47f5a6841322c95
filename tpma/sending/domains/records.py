"""The records a partner adds, as DNS pages, zone files and Terraform write them."""

import re
from collections.abc import Iterable, Sequence

from tpma.ports.identities import Record
from tpma.sending.domains.dmarc import organisation
from tpma.sending.domains.rules import CHALLENGE

_TTL = 3600  # seconds
_LONGEST_STRING = 255  # bytes of one string of a TXT record (RFC 1035)


def ownership(domain: str, challenge: str) -> Record:
    return Record("ownership", "TXT", f"{CHALLENGE}.{domain}", challenge)


def policy(domain: str) -> Record:
    """A first DMARC record: it changes nothing but who is told."""
    value = f"v=DMARC1; p=none; rua=mailto:dmarc@{organisation(domain)}"
    return Record("dmarc", "TXT", f"_dmarc.{domain}", value)


def to_json(record: Record) -> dict[str, str]:
    return {
        "purpose": record.purpose,
        "kind": record.kind,
        "name": record.name,
        "value": record.value,
    }


def from_json(rows: Iterable[dict[str, str]]) -> list[Record]:
    return [Record(row["purpose"], row["kind"], row["name"], row["value"]) for row in rows]


def host_in(zone: str, name: str) -> str:
    """The name as DNS pages of `zone` want it typed: without the zone itself."""
    return name.removesuffix(f".{zone}") if name.endswith(f".{zone}") else name


def zone_file(domain: str, wanted: Sequence[Record]) -> str:
    """RFC 1035 § 5, to be appended to the zone of the registered domain."""
    zone = organisation(domain)
    lines = [f"; {domain}", f"$ORIGIN {zone}."]
    for record in wanted:
        name = host_in(zone, record.name)
        lines.append(f"{name}\t{_TTL}\tIN\t{record.kind}\t{_zone_value(record)}")
    return "\n".join(lines) + "\n"


def _zone_value(record: Record) -> str:
    if record.kind == "TXT":
        return " ".join(f'"{_escaped(part)}"' for part in _strings(record.value))
    return f"{record.value}."


def _strings(text: str) -> list[str]:
    return [text[at : at + _LONGEST_STRING] for at in range(0, len(text), _LONGEST_STRING)]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def terraform(domain: str, wanted: Sequence[Record]) -> str:
    """Amazon Route 53 as code; other DNS providers take the same values."""
    zone = organisation(domain)
    parts = [
        f'data "aws_route53_zone" "{_label(zone)}" {{\n  name = "{zone}."\n}}',
        *(_resource(zone, record) for record in wanted),
    ]
    return "\n\n".join(parts) + "\n"


def _resource(zone: str, record: Record) -> str:
    value = record.value
    if record.kind == "TXT":  # Route 53 joins strings that Terraform cuts with \"\"
        value = '\\"\\"'.join(_escaped(part) for part in _strings(value))
    return (
        f'resource "aws_route53_record" "{_label(f"{record.kind}_{record.name}")}" {{\n'
        f"  zone_id = data.aws_route53_zone.{_label(zone)}.zone_id\n"
        f'  name    = "{record.name}"\n'
        f'  type    = "{record.kind}"\n'
        f"  ttl     = {_TTL}\n"
        f'  records = ["{value}"]\n'
        "}"
    )


def _label(name: str) -> str:
    return "r_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
