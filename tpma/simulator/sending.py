"""SendEmail and SendBulkEmail: take a mail, write it down, answer, or fail as scripted."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any

from tpma.simulator import grammar
from tpma.simulator.composing import Mail, from_bulk_entry, from_send_email, read_template
from tpma.simulator.errors import Refusal, bad_request
from tpma.simulator.events import Accepted
from tpma.simulator.fates import Happening, happenings, of_mailbox, rendering_failure
from tpma.simulator.faults import Fault, Kind, denial
from tpma.simulator.http import Response
from tpma.simulator.operations import Call, refused, said, sending
from tpma.simulator.permission import account_is_open, charge, may_send
from tpma.simulator.state import Identity
from tpma.simulator.tenants import find as find_tenant
from tpma.simulator.world import World

_ATTEMPT = "tpma-attempt"
_PAGE = b"<html><head><title>%d</title></head><body><h1>%d</h1></body></html>"


@dataclass(slots=True)
class Script:
    """The trouble a mail meets: of several recipients the first one in trouble decides about the
    submission, and each has a fate of its own."""

    before: Fault | None = None
    after: Fault | None = None
    fates: dict[str, Fault] = field(default_factory=dict)


@sending("SendEmail")
async def send_email(world: World, call: Call, given: dict[str, Any]) -> Response:
    mail = from_send_email(given, call.peer)
    script = _script(world, mail)
    if script.before:
        return _before(world, script.before)
    identity = may_send(world, mail)
    charge(world, len(mail.destination))
    message_id = await _accept(world, mail, identity, script)
    return _after(world, script.after, {"MessageId": message_id})


@sending("SendBulkEmail")
async def send_bulk_email(world: World, call: Call, given: dict[str, Any]) -> Response:
    """One answer an entry; a fault of the connection concerns the whole call."""
    entries = given["BulkEmailEntries"]
    if not 1 <= len(entries) <= grammar.MOST_ENTRIES:
        raise bad_request(f"BulkEmailEntries must have from 1 to {grammar.MOST_ENTRIES} entries.")
    content = given["DefaultContent"]
    if "Template" not in content:
        raise bad_request("DefaultContent.Template is required.")
    account_is_open(world)
    if given.get("TenantName"):
        find_tenant(world, given["TenantName"])
    read = _bulk_mails(given, entries, content["Template"], call.peer)
    scripts = [_script(world, each) if isinstance(each, Mail) else Script() for each in read]
    whole = _of_the_call(scripts)
    if whole.before:
        return _before(world, whole.before)
    entered = (_entry(world, *each) for each in zip(read, scripts, strict=True))
    results = await asyncio.gather(*entered)  # together: fifty lines share one sync
    return _after(world, whole.after, {"BulkEmailEntryResults": list(results)})


def _bulk_mails(
    given: dict[str, Any], entries: list[dict[str, Any]], template: dict[str, Any], peer: str
) -> list[Mail | Refusal]:
    try:
        shared = read_template(template)
    except Refusal as refusal:
        return [refusal] * len(entries)
    found: list[Mail | Refusal] = []
    for entry in entries:
        try:
            found.append(from_bulk_entry(given, entry, shared, peer))
        except Refusal as refusal:
            found.append(refusal)
    return found


async def _entry(world: World, mail: Mail | Refusal, script: Script) -> dict[str, str]:
    try:
        if isinstance(mail, Refusal):
            raise mail
        if script.before:
            if script.before.name.startswith("status-"):
                return _scripted_status(script.before)
            raise denial(script.before.name) or bad_request("A scripted fault.")
        identity = may_send(world, mail)
        charge(world, len(mail.destination))
    except Refusal as refusal:
        world.counters[f"refused.{refusal.code}"] += 1
        return {"Status": grammar.refusal_of_entry(refusal), "Error": refusal.message}
    return {"Status": "SUCCESS", "MessageId": await _accept(world, mail, identity, script)}


def _scripted_status(fault: Fault) -> dict[str, str]:
    status = fault.name.removeprefix("status-").upper()
    return {"Status": status, "Error": "A scripted status."}


def _of_the_call(scripts: list[Script]) -> Script:
    """What spoils the connection does so for all entries; refusals stay with theirs."""
    whole = Script()
    for script in scripts:
        before = script.before
        if before and not (before.name.startswith("status-") or denial(before.name)):
            whole.before = whole.before or before
        whole.after = whole.after or script.after
    return whole


def _script(world: World, mail: Mail) -> Script:
    script = Script()
    for recipient in mail.destination:
        found = world.faults.of(recipient)
        script.before = script.before or found.get(Kind.BEFORE)
        script.after = script.after or found.get(Kind.AFTER)
        if Kind.FATE in found:
            script.fates[recipient] = found[Kind.FATE]
    return script


def _before(world: World, fault: Fault) -> Response:
    """Nothing is accepted."""
    refusal = denial(fault.name)
    if refusal:
        raise refusal
    if fault.name.startswith("proxy"):
        return _page(int(fault.name[-3:]))
    if fault.name.startswith("status-"):
        raise Refusal("BadRequestException", "This fault is one of SendBulkEmail.")
    return _broken(world, fault.name.removesuffix("before"))


def _after(world: World, fault: Fault | None, told: dict[str, Any]) -> Response:
    """Accepted; what the client hears of it."""
    if fault is None:
        return said(world, told)
    name = fault.name.removesuffix("after")
    if name in ("shortlist", "longlist"):
        return said(world, _miscounted(name, told))
    if name == "html200":
        return _page(200)
    if name == "empty200":
        return said(world, {})
    response = said(world, told)
    if name == "short200":
        half = len(response.body) // 2
        response.missing = len(response.body) - half
        response.body = response.body[:half]
    elif fault.slow_seconds:
        response.wait = fault.slow_seconds
    else:
        return _broken(world, name)
    return response


def _miscounted(name: str, told: dict[str, Any]) -> dict[str, Any]:
    results = told.get("BulkEmailEntryResults", [])
    told["BulkEmailEntryResults"] = results[:-1] if name == "shortlist" else results + results[:1]
    return told


def _broken(world: World, name: str) -> Response:
    """A dead connection, silence, or a 5xx: the same before and after acceptance."""
    if name == "drop":
        return Response(drop=True)
    if name == "hang":
        return Response(drop=True, wait=world.knobs.faults.hang_seconds)
    status = int(name[1:])
    if status == 500:
        return refused(world, Refusal("InternalServiceErrorException", "Internal failure", 500))
    return _page(status)


def _page(status: int) -> Response:
    """What a proxy in between says: no JSON and no request id."""
    return Response(status, _PAGE % (status, status), {"Content-Type": "text/html"})


async def _accept(world: World, mail: Mail, identity: Identity, script: Script) -> str:
    """Into the journal first; then the events, then the answer."""
    now = world.clock.now()
    accepted = _accepted(world, mail, identity, now)
    fates = {each: _fate(world, mail, each, script.fates.get(each)) for each in mail.destination}
    digest = hashlib.sha256(mail.raw).hexdigest()
    attempt = _attempt(mail)
    lines = [
        {
            "at": round(now, 6),
            "message_id": accepted.message_id,
            "attempt": attempt,
            "recipient": recipient,
            "sha256": digest,
            "bytes": len(mail.raw),
            "from": mail.sender,
            "operation": mail.operation,
            "configuration_set": mail.configuration_set,
            "tenant": mail.tenant,
            "tags": dict(mail.tags),
            "fate": fates[recipient],
        }
        for recipient in mail.destination
    ]
    await world.journal.append(lines, mail.raw)
    _count(world, attempt, len(lines))
    to_come = [(each, _to_come(mail, word)) for each, word in fates.items()]
    if world.feed.is_read(mail.configuration_set) or _leaves_a_trace(to_come):
        world.feed.follow(accepted, to_come)
    return accepted.message_id


def _count(world: World, attempt: str, recipients: int) -> None:
    world.counters["accepted.messages"] += 1
    world.counters["accepted.recipients"] += recipients
    if attempt and not world.options.sink:
        if attempt in world.attempts:
            world.counters["accepted.same_attempt_again"] += 1
        world.attempts.add(attempt)


def _attempt(mail: Mail) -> str:
    """The sender's own name for this submission, so that the journal can be held against it."""
    for name, value in mail.tags:
        if name == _ATTEMPT:
            return value
    return next((value for name, value in mail.headers if name.lower() == "x-tpma-attempt"), "")


def _accepted(world: World, mail: Mail, identity: Identity, now: float) -> Accepted:
    auto = {
        "ses:source-ip": [mail.source_ip],
        "ses:from-domain": [mail.sender.rpartition("@")[2].lower()],
        "ses:caller-identity": ["simulated"],
    }
    if mail.configuration_set:
        auto["ses:configuration-set"] = [mail.configuration_set]
    return Accepted(
        message_id=world.message_id(),
        at=now,
        source=mail.source,
        source_arn=world.arn(f"identity/{identity.name}"),
        destination=mail.destination,
        headers=mail.headers,
        tags=mail.tags,
        configuration_set=mail.configuration_set,
        tenant=mail.tenant,
        source_ip=mail.source_ip,
        account_id=world.account_id,
        auto_tags=auto,
    )


def _fate(world: World, mail: Mail, recipient: str, fault: Fault | None) -> str:
    """The word for what becomes of a mail at a recipient; "" is delivered."""
    if mail.failure:
        return "renderfail"
    mailbox = of_mailbox(recipient)
    if mailbox is not None:
        return mailbox
    owner, reasons = world.suppression(mail.configuration_set, mail.tenant)
    listed = world.state.suppressed.get(owner, {}).get(recipient)
    if listed and listed[0] in reasons:
        return f"{'bounce' if listed[0] == 'BOUNCE' else 'complain'}-accountlist"
    return fault.name if fault else ""


def _to_come(mail: Mail, word: str) -> list[Happening]:
    return rendering_failure(mail.template, mail.failure) if mail.failure else happenings(word)


def _leaves_a_trace(fates: list[tuple[str, list[Happening]]]) -> bool:
    """A bounce or complaint puts an address on a list, whether or not anybody reads events."""
    return any(each.type in ("Bounce", "Complaint") for _who, some in fates for each in some)
