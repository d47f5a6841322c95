"""The small pages around a mail: no longer open, unsubscribe, preferences, a plain message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from tpma.rendering.frame import Frame, document, plain_frame
from tpma.rendering.page_texts import say


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing a reader may receive or not. `name` is that of the box."""

    name: str
    title: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Language:
    """One language mails come in, called as its speakers call it."""

    tag: str
    name: str
    chosen: bool


def message_page(frame: Frame, title: str, text: str) -> str:
    """A heading and a text, both plain, in the partner's frame."""
    return _page(frame, title, f"<p>{escape(text)}</p>")


def closed_page(frame: Frame) -> str:
    """What visitors of an ended or paused landing page see."""
    text = say(frame.tag, "closed_text", partner=frame.partner, contact=frame.contact)
    shown = f"<p><bdi>{escape(text)}</bdi></p>" if frame.contact else ""
    return _page(frame, say(frame.tag, "closed_title"), shown)


def not_found_page(tag: str) -> str:
    """A link that names nothing we know, so there is no partner to frame it."""
    return message_page(plain_frame(tag), say(tag, "not_found_title"), say(tag, "not_found_text"))


def unsubscribe_page(
    frame: Frame,
    *,
    address: str,
    action: str,
    token_fields: Mapping[str, str],
    preferences_url: str = "",
) -> str:
    """Asked before anything changes: mail scanners follow links too. `address` is shown masked."""
    button = say(frame.tag, "unsubscribe", partner=frame.partner)
    body = (
        f'<p class="fine">{_about(frame, "unsubscribe_text", address)}</p>'
        f'<form method="post" action="{escape(action)}">{_hidden(token_fields)}'
        f'<div class="acts"><button class="go" type="submit">{escape(button)}</button></div></form>'
    )
    if preferences_url:
        words = escape(say(frame.tag, "preferences"))
        body += f'<p><a href="{escape(preferences_url)}">{words}</a></p>'
    return _page(frame, say(frame.tag, "unsubscribe_title", partner=frame.partner), body)


def unsubscribed_page(
    frame: Frame, *, undo_action: str = "", token_fields: Mapping[str, str] | None = None
) -> str:
    """Done, and how to take it back where `undo_action` is given."""
    body = f"<p>{escape(say(frame.tag, 'unsubscribed_text', partner=frame.partner))}</p>"
    if undo_action:
        body += (
            f'<form method="post" action="{escape(undo_action)}">{_hidden(token_fields or {})}'
            f'<div class="acts"><button class="go alt" type="submit">'
            f"{escape(say(frame.tag, 'resubscribe'))}</button></div></form>"
        )
    return _page(frame, say(frame.tag, "unsubscribed_title", partner=frame.partner), body)


def preferences_page(
    frame: Frame,
    *,
    address: str,
    choices: Sequence[Choice],
    action: str,
    token_fields: Mapping[str, str],
    languages: Sequence[Language] = (),
    saved: bool = False,
) -> str:
    """What a reader receives, and in which language; the button `all` stops everything."""
    stop = say(frame.tag, "stop")
    explained = say(frame.tag, "stop_text", stop=stop, partner=frame.partner)
    done = f'<p role="status"><b>{escape(say(frame.tag, "saved"))}</b></p>' if saved else ""
    body = (
        f'{done}<p class="fine">{_about(frame, "preferences_text", address)}</p>'
        f'<form method="post" action="{escape(action)}">{_hidden(token_fields)}'
        + "".join(_choice(index, choice) for index, choice in enumerate(choices))
        + _languages(frame, languages)
        + f'<div class="acts"><button class="go" type="submit">{escape(say(frame.tag, "save"))}'
        '</button><button class="go alt" type="submit" name="all" value="1">'
        f'{escape(stop)}</button></div></form><p class="fine">{escape(explained)}</p>'
    )
    return _page(frame, say(frame.tag, "preferences_title"), body)


def _page(frame: Frame, title: str, body: str) -> str:
    main = f'<main class="narrow"><h1>{escape(title)}</h1>{body}</main>'
    return document(frame, title, main)


def _about(frame: Frame, key: str, address: str) -> str:
    """The sentence with the address isolated, so that it keeps its direction."""
    before, after = say(frame.tag, key, address="\x00").split("\x00")
    return f'{escape(before)}<bdi dir="ltr">{escape(address)}</bdi>{escape(after)}'


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def _choice(index: int, choice: Choice) -> str:
    checked = " checked" if choice.chosen else ""
    return (
        f'<label class="pref" for="p{index}"><input type="checkbox" id="p{index}" '
        f'name="{escape(choice.name)}" value="1"{checked}><b>{escape(choice.title)}</b>'
        f"<span>{escape(choice.text)}</span></label>"
    )


def _languages(frame: Frame, languages: Sequence[Language]) -> str:
    """Where there is one language only there is nothing to choose."""
    if len(languages) < 2:
        return ""
    options = "".join(
        f'<option value="{escape(one.tag)}" lang="{escape(one.tag)}"'
        f"{' selected' if one.chosen else ''}>{escape(one.name)}</option>"
        for one in languages
    )
    label = escape(say(frame.tag, "language"))
    return (
        f'<p class="fld"><label for="language">{label}</label>'
        f'<select id="language" name="language">{options}</select></p>'
    )
