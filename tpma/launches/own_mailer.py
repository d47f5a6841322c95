"""Launches a partner sends with its own mailer: finished mails to take along, no list here.

Links carry the launch and no person, so clicks and visits count under the code while the
database knows none of the readers. Unsubscribing is the mailer's own: its tag stands where our
link stands otherwise.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.kits import sequence
from tpma.launches import own_readme, steps
from tpma.launches.compiling import Drawing
from tpma.launches.models import Launch, LaunchAsset, LaunchState
from tpma.rendering.facts import Person
from tpma.rendering.mail import UNSUBSCRIBE, MailSkeleton

PURPOSE = "launch"  # of the token in the links: it names a launch and no message
TAKEABLE = (LaunchState.SCHEDULED, LaunchState.RUNNING, LaunchState.COLLECTING)
MOST_SENT = 100_000_000
_LONG_AGO = (2020, 1, 1, 0, 0, 0)  # one archive for one content


@dataclass(frozen=True, slots=True)
class Mailer:
    """A tool mails are sent with, and what it wants where the unsubscribe link goes."""

    key: str
    name: str
    tag: str  # "" where a person answers unsubscribes by hand


MAILERS = (
    Mailer("mailbox", lazy("Outlook or another mailbox"), ""),
    Mailer("mailchimp", "Mailchimp", "*|UNSUB|*"),
    Mailer("brevo", "Brevo", "{{ unsubscribe }}"),
    Mailer("hubspot", "HubSpot", "{{ unsubscribe_link }}"),
    Mailer("other", lazy("Another mailer"), UNSUBSCRIBE),
)


@dataclass(frozen=True, slots=True)
class Finished:
    """One mail in one language, as it is pasted into a mailer."""

    number: int
    asset: str
    when: str
    whom: str
    locale: str
    subject: str
    html: str
    text: str
    eml: bytes


def mailer(key: str) -> Mailer:
    """Raises Invalid for one we do not know."""
    found = next((one for one in MAILERS if one.key == key), None)
    if found is None:
        raise Invalid(_("Choose from the list."), field="mailer")
    return found


def editions(plan: Drawing) -> list[str]:
    """The languages to take: the launch's own, then the kit's others; readers are not known."""
    main = plan.launch.primary_locale
    served = plan.served(main)
    others = [tag for tag in plan.content.locales if tag != served]
    return [main, *others] if served else others


def link_no(launch: Launch) -> int:
    """What its links carry: the random end of its id, below 2**56."""
    return launch.id.int % 2**56


def mails(
    session: Session, signer: Signer, launch: Launch, locale: str, chosen: Mailer
) -> list[Finished]:
    """In the order they are to be sent. Raises Conflict unless the launch may be taken along."""
    _refuse_untakeable(launch)
    frozen = {
        row.asset: MailSkeleton.from_bytes(row.compiled)
        for row in session.scalars(
            select(LaunchAsset).where(
                LaunchAsset.launch_id == launch.id,
                LaunchAsset.tenant_id == launch.tenant_id,
                LaunchAsset.locale == locale,
                LaunchAsset.asset.in_([step.asset for step in steps.of(launch)]),
            )
        )
    }
    if not frozen:
        raise Invalid(_("Choose from the list."), field="locale")
    country = session.get_one(Organisation, launch.tenant_id).country
    token = signer.token(link_no(launch), PURPOSE)
    return [
        _finished(launch, step, frozen[step.asset], Person("", "", "", country), token, chosen)
        for step in steps.of(launch)
    ]


def _refuse_untakeable(launch: Launch) -> None:
    if not launch.own_mailer:
        raise Conflict(_("This launch is sent from here. There is nothing to take along."))
    if launch.state not in TAKEABLE:
        raise Conflict(_("There is nothing to take along while the launch is paused or over."))


def _finished(
    launch: Launch,
    step: steps.Step,
    skeleton: MailSkeleton,
    reader: Person,
    token: str,
    chosen: Mailer,
) -> Finished:
    way_out = chosen.tag or _by_reply(launch)
    subject = skeleton.subject(reader)
    html = skeleton.html(reader, token).replace(UNSUBSCRIBE, escape(way_out))
    text = skeleton.text(reader, token).replace(UNSUBSCRIBE, way_out)
    return Finished(
        number=step.number,
        asset=step.asset,
        when=sequence.when(step),
        whom=sequence.whom(step),
        locale=skeleton.locale,
        subject=subject,
        html=html,
        text=text,
        eml=_eml(launch, subject, html, text),
    )


def _by_reply(launch: Launch) -> str:
    """A mailbox has no list to leave: the reader writes, and the partner takes them off."""
    subject = f"Unsubscribe {launch.campaign_code}"
    return f"mailto:{launch.reply_to}?subject={quote(subject)}"


def _eml(launch: Launch, subject: str, html: str, text: str) -> bytes:
    """A draft without a recipient; mail programs open it for editing (X-Unsent)."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["From"] = Address(launch.from_name, addr_spec=launch.reply_to)
    message["X-Unsent"] = "1"
    message["X-TPMA-Code"] = launch.campaign_code
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    boundary = f"=_{launch.campaign_code}"
    message.set_boundary(boundary)
    return message.as_bytes()


def archive(launch: Launch, page_url: str, taken: Sequence[Finished], chosen: Mailer) -> bytes:
    """A zip: README in the language of who asks, then HTML, text, subject and draft a mail."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as folder:
        readme = own_readme.text(launch, page_url, taken, _(chosen.name), chosen.tag)
        _add(folder, "README.txt", readme.encode("utf-8-sig"))
        for mail in taken:
            name = f"{mail.number:02d}-{mail.locale}"
            _add(folder, f"{name}.html", mail.html.encode())
            _add(folder, f"{name}.txt", mail.text.encode("utf-8-sig"))
            _add(folder, f"{name}-subject.txt", mail.subject.encode("utf-8-sig"))
            _add(folder, f"{name}.eml", mail.eml)
    return buffer.getvalue()


def _add(folder: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _LONG_AGO)
    info.compress_type = zipfile.ZIP_DEFLATED
    folder.writestr(info, content)


def set_sent(session: Session, actor: Actor, launch: Launch, number: int | None) -> None:
    """How many mails the partner says it sent; None takes that back. Raises Invalid."""
    if not launch.own_mailer:
        raise Conflict(_("The mails of this launch are counted as they leave."))
    if number is not None and not 0 <= number <= MOST_SENT:
        raise Invalid(_("Enter how many mails you sent, as a whole number."), field="own_sent")
    launch.own_sent = number
    record(session, actor, launch.tenant_id, "launch.own_sent", launch, sent=number)
