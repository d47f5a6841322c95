"""The worker's door to sending."""

from uuid import UUID

from tpma import jobs
from tpma.core.i18n import speaking
from tpma.launches.models import Launch
from tpma.sending import guards, notices, proofs, regating, service, splitting
from tpma.sending.domains import known, looking, probing, sharing
from tpma.sending.domains import service as domains
from tpma.sending.events import canary, feeding, subscriptions, suppressing
from tpma.sending.events.models import CanaryKind
from tpma.sending.rehearsing import playing
from tpma.sending.rehearsing import service as rehearsals
from tpma.system import System


@jobs.handles("sending.start")
def start(system: System, launch_id: str, start: str = "") -> None:
    """The hour has come: looked at once more, then started. A moved launch has another job."""
    with system.db.transaction() as session:
        launch = session.get_one(Launch, UUID(launch_id), with_for_update=True)
        regating.start(session, system, launch)


@jobs.handles("sending.regate")
def regate(system: System, launch_id: str, start: str = "") -> None:
    """Before the hour, so that whoever launched hears of a change in time."""
    with system.db.transaction() as session:
        launch = session.get_one(Launch, UUID(launch_id), with_for_update=True)
        regating.look(session, system, launch)


@jobs.handles("sending.proof")
def proof(system: System, mark_id: str, turn: int) -> None:
    proofs.send(system, UUID(mark_id), turn)


@jobs.handles("sending.queue_step")
def queue_step(system: System, launch_id: str, step: int) -> None:
    """Queue a mail of the kit at its hour. A paused launch queues; its workers wait."""
    with system.db.transaction() as session:
        launch = session.get_one(Launch, UUID(launch_id), with_for_update=True)
        leaves = system.mail.capabilities.leaves_machine
        service.queue_step(session, launch, step, system.clock(), canary=leaves)


@jobs.handles("sending.decide_subject")
def decide_subject(system: System, launch_id: str, turn: int) -> None:
    """Which of two subjects the rest of the first mail goes under."""
    with system.db.transaction() as session:
        launch = session.get_one(Launch, UUID(launch_id), with_for_update=True)
        splitting.settle(session, launch, system.clock(), turn)


@jobs.handles("sending.notice")
def notice(
    system: System,
    cause: str,
    recipient: str,
    subject: str,
    body: str,
    locale: str,
    tenant_id: str | None = None,
) -> None:
    with speaking(locale):
        notices.send(
            system,
            tenant_id=tenant_id,
            cause=cause,
            recipient=recipient,
            subject=subject,
            body=body,
            locale=locale,
        )


@jobs.handles("sending.canary")
def send_canary(system: System, kind: str) -> None:
    canary.send(system, CanaryKind(kind))


@jobs.handles("sending.confirm_subscription")
def confirm_subscription(system: System, topic: str, token: str) -> None:
    subscriptions.confirm(system, topic, token)


@jobs.handles("sending.end_soft_bounce")
def end_soft_bounce(system: System, contact_id: str) -> None:
    with system.db.transaction() as session:
        suppressing.end_soft_bounce(session, UUID(contact_id))


@jobs.handles("sending.rehearse")
def rehearse(system: System, rehearsal_id: str) -> None:
    rehearsals.hold(system, UUID(rehearsal_id))


@jobs.handles("sending.look_at_domain")
def look_at_domain(system: System, domain_id: str) -> None:
    looking.look(system, UUID(domain_id))


@jobs.handles("sending.share_domain")
def share_domain(system: System, tenant_id: str) -> None:
    sharing.share(system, UUID(tenant_id))


@jobs.handles("sending.probe_domain")
def probe_domain(system: System, domain_id: str) -> None:
    probing.send(system, UUID(domain_id))


@jobs.handles("sending.tear_down_domain")
def tear_down_domain(system: System, domain_id: str) -> None:
    domains.tear_down(system, UUID(domain_id))


@jobs.handles("sending.set_tenant_sending")
def set_tenant_sending(system: System, tenant_id: str, enabled: bool) -> None:
    domains.set_tenant_sending(system, UUID(tenant_id), enabled=enabled)


@jobs.sweeps("sending.domains")
def look_at_domains(system: System) -> int:
    """Domains that wait for DNS, the daily look at the others, and test mails that arrived."""
    found = looking.sweep(system) + probing.collect(system) + known.ask_reply_hosts(system)
    return found + sharing.sweep(system)


@jobs.sweeps("sending.letters")
def read_letters(system: System) -> int:
    """Mails to the address of List-Unsubscribe, where events come by a queue."""
    return feeding.read_letters(system)


@jobs.sweeps("sending.guards")
def watch(system: System) -> int:
    """Bounces and complaints of what is being sent."""
    return guards.watch(system)


@jobs.sweeps("sending.notices")
def settle_notices(system: System) -> int:
    """Notices in doubt, once the feed has told enough (T16)."""
    return notices.settle(system)


@jobs.sweeps("sending.rehearsals")
def clear_rehearsals(system: System) -> int:
    """What rehearsals left behind whose worker was killed."""
    return playing.clear(system)
