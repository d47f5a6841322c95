"""The form of a landing page: what it asks, what is wrong with an answer, and its HTML.

It works without JavaScript. Boxes of consent are never ticked beforehand, not even when the
form is shown again because of a fault elsewhere: what counts is the last click.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from tpma.core.errors import Invalid
from tpma.core.text import Address, email_address
from tpma.rendering.page_texts import (
    CHOICE,
    EMAIL,
    EMAIL_ENDING,
    PHONE,
    REQUIRED,
    TOO_LONG,
    say,
)

HONEYPOT = "website"  # people leave it empty, robots do not
CONSENT = "consent_"  # before the purpose
MOST = 200  # characters in an answer
_DIGITS = re.compile(r"\d")
_PHONE = re.compile(r"[\d٠-٩+().\-/ \u00a0]{5,40}")
_AUTOCOMPLETE = {
    "given_name": "given-name",
    "family_name": "family-name",
    "email": "email",
    "company": "organization",
    "phone": "tel",
    "title": "organization-title",
    "country": "country-name",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A field of the form in the page's language."""

    key: str
    type: str  # text email tel select
    required: bool
    maps_to: str
    label: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentBox:
    """A purpose and the words that were shown for it; both belong to the evidence."""

    purpose: str
    version: str
    recipients: tuple[str, ...]
    text: str
    locale: str  # the catalog's the text is from

    @property
    def name(self) -> str:
        return CONSENT + self.purpose

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Form:
    title: str
    intro: str
    submit: str
    questions: tuple[Question, ...]
    consents: tuple[ConsentBox, ...]


def faults(form: Form, values: Mapping[str, str]) -> dict[str, str]:
    """Field → what is wrong, as a key of `page_texts`. Consents cannot be wrong."""
    return checked(form, values)[0]


def checked(form: Form, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Address]]:
    """As `faults`, with the addresses that were found on the way, by their fields."""
    addresses: dict[str, Address] = {}
    found = {question.key: _fault(question, values, addresses) for question in form.questions}
    return {key: fault for key, fault in found.items() if fault}, addresses


def _fault(question: Question, values: Mapping[str, str], addresses: dict[str, Address]) -> str:
    value = values.get(question.key, "").strip()
    if not value:
        return REQUIRED if question.required else ""
    if question.type == "email":
        try:
            addresses[question.key] = email_address(value)
        except Invalid:
            return _email_fault(value)
        return ""
    if len(value) > MOST:
        return TOO_LONG
    if question.type == "select":
        return "" if value in question.options else CHOICE
    if question.type == "tel":
        return "" if _PHONE.fullmatch(value) and _DIGITS.search(value) else PHONE
    return ""


def _email_fault(value: str) -> str:
    local, at, domain = value.rpartition("@")
    return EMAIL_ENDING if local and at and domain and "." not in domain else EMAIL


def card(
    form: Form,
    tag: str,
    *,
    action: str,
    token_fields: Mapping[str, str],
    values: Mapping[str, str],
    faults: Mapping[str, str],
) -> str:
    """The form as HTML, with what was entered and what is wrong with it."""
    summary = f'<div class="err" role="alert">{say(tag, "look_again")}</div>' if faults else ""
    first = next((q.key for q in form.questions if q.key in faults), "")
    inputs = [_input(q, tag, values, faults, first) for q in form.questions]
    note = say(tag, "consents" if len(form.consents) > 1 else "consent") if form.consents else ""
    return (
        f'<form class="card" id="form" method="post" action="{escape(action)}">'
        f"<h2>{escape(form.title)}</h2>"
        + (f'<p class="fine">{escape(form.intro)}</p>' if form.intro else "")
        + summary
        + "".join(_paired(form.questions, inputs))
        + _hidden(token_fields)
        + _honeypot(tag)
        + "".join(_box(consent) for consent in form.consents)
        + f'<button class="go" type="submit">{escape(form.submit)}</button>'
        + (f'<p class="fine">{escape(note)}</p>' if note else "")
        + "</form>"
    )


def _paired(questions: Iterable[Question], inputs: list[str]) -> list[str]:
    """Given and family name stand side by side, in the kit's order."""
    names = {"given_name", "family_name"}
    found: list[str] = []
    maps = [question.maps_to for question in questions]
    at = 0
    while at < len(inputs):
        if set(maps[at : at + 2]) == names:
            found.append(f'<div class="duo">{inputs[at]}{inputs[at + 1]}</div>')
            at += 2
        else:
            found.append(inputs[at])
            at += 1
    return found


def _input(
    question: Question,
    tag: str,
    values: Mapping[str, str],
    faults: Mapping[str, str],
    first: str,
) -> str:
    fault = faults.get(question.key, "")
    attributes = f'id="f-{question.key}" name="{question.key}"'
    attributes += " required" if question.required else ""
    if fault:
        attributes += f' aria-invalid="true" aria-describedby="f-{question.key}-e"'
    attributes += " autofocus" if question.key == first else ""
    optional = "" if question.required else f' <span class="fine">({say(tag, "optional")})</span>'
    value = values.get(question.key, "")
    control = _select if question.type == "select" else _line
    return (
        f'<div><label for="f-{question.key}">{escape(question.label)}{optional}</label>'
        + control(question, tag, attributes, value)
        + _error(question.key, tag, fault)
        + "</div>"
    )


def _error(key: str, tag: str, fault: str) -> str:
    if not fault:
        return ""
    return f'<div class="err" id="f-{key}-e">{escape(say(tag, fault))}</div>'


def _line(question: Question, tag: str, attributes: str, value: str) -> str:
    complete = _AUTOCOMPLETE.get(question.maps_to)
    attributes += f' autocomplete="{complete}"' if complete else ""
    way = "ltr" if question.type in ("email", "tel") else "auto"
    most = 254 if question.type == "email" else MOST
    return (
        f'<input type="{question.type}" {attributes} dir="{way}" maxlength="{most}" '
        f'value="{escape(value)}">'
    )


def _select(question: Question, tag: str, attributes: str, value: str) -> str:
    options = "".join(
        f"<option{' selected' if option == value else ''}>{escape(option)}</option>"
        for option in question.options
    )
    return f'<select {attributes}><option value="">{say(tag, "choose")}</option>{options}</select>'


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def _honeypot(tag: str) -> str:
    return (
        f'<div class="hp" aria-hidden="true"><label for="f-hp">{say(tag, "leave_empty")}</label>'
        f'<input type="text" id="f-hp" name="{HONEYPOT}" tabindex="-1" autocomplete="off"></div>'
    )


def _box(consent: ConsentBox) -> str:
    name = escape(consent.name)
    return (
        f'<label class="ck" for="f-{name}"><input type="checkbox" id="f-{name}" name="{name}" '
        f'value="1"><span>{escape(consent.text)}</span></label>'
    )
