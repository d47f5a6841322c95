"""The README of the mails a partner takes along, in the language of who takes them."""

from collections.abc import Sequence
from typing import Protocol

from tpma.core.i18n import gettext as _
from tpma.launches.models import Launch
from tpma.rendering.mail import UNSUBSCRIBE


class Mail(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def when(self) -> str: ...
    @property
    def whom(self) -> str: ...
    @property
    def locale(self) -> str: ...
    @property
    def subject(self) -> str: ...


def text(launch: Launch, page_url: str, mails: Sequence[Mail], mailer: str, tag: str) -> str:
    paragraphs = [
        f"{launch.name}\n{launch.campaign_code}",
        _(
            "These mails are finished. Send them as they are, with your own mailer, to people who "
            "may be written to. Their addresses stay with you: none comes to this platform."
        ),
        _contents(mails),
        _(
            "Each mail is there four times: .html for the code view of a mailer, .txt as its plain "
            "text part, -subject.txt for the subject line, and .eml, a draft your mail program "
            "opens. Always send HTML and text together."
        ),
        _unsubscribe(mailer, tag),
        _(
            "Leave the links as they are. They carry the campaign code and nobody's name; clicks, "
            "visits and leads are counted by them. If your mailer counts clicks itself, it leads "
            "to ours and both count."
        ),
        _(
            "Leave the last lines as they are, too: who sends, the postal address and the privacy "
            "notice are what the law asks for. Greetings use no names; put your mailer's tag for "
            "the first name there if you like."
        ),
        _("The landing page, live from the start of the launch: %(address)s", address=page_url),
    ]
    return "\r\n\r\n".join(part.replace("\n", "\r\n") for part in paragraphs) + "\r\n"


def _contents(mails: Sequence[Mail]) -> str:
    return "\n".join(
        f"{mail.number:02d}-{mail.locale}: {mail.when}. {mail.whom}. {mail.subject}"
        for mail in mails
    )


def _unsubscribe(mailer: str, tag: str) -> str:
    if tag == UNSUBSCRIBE:
        return _(
            "Before you send: replace %(tag)s by the tag your mailer makes an unsubscribe link of. "
            "It stands in the HTML and in the text. A mail without a way out is unlawful nearly "
            "everywhere.",
            tag=tag,
        )
    if tag:
        return _(
            "%(mailer)s puts its unsubscribe link where %(tag)s stands. Do not take it out.",
            mailer=mailer,
            tag=tag,
        )
    return _(
        "Who wants no more mails writes to you: the unsubscribe link opens such a mail. Take them "
        "off your list the same day."
    )
