"""What a mail to one reader costs: values, token, header, MIME; against two ends of the scale."""

import os
from collections.abc import Iterator
from uuid import UUID

from jinja2 import Environment, Template

from tpma.cli.benchmarks import mails
from tpma.cli.benchmarks.rows import Row, in_turns
from tpma.cli.benchmarks.smtp import email_message
from tpma.core.clock import utc_now
from tpma.core.signing import Signer
from tpma.rendering.facts import Person
from tpma.rendering.wire import TOKEN

_SIGNER = Signer("bench")


def rows(quick: bool) -> Iterator[Row]:
    number, rounds = (200, 5) if quick else (1_000, 9)
    theirs = max(number // 20, 5)
    skeleton, head = mails.skeleton(), mails.head(utc_now())
    # What the database gives for each reader, for both.
    people = [(at, mails.person(at), mails.address(at), UUID(int=at).hex) for at in range(number)]
    size = len(mails.whole(1, utc_now()))
    html, text = _template(skeleton.html_runs), _template(skeleton.text_runs)
    block = os.urandom(size)

    def ours() -> None:
        tokens = _SIGNER.tokens(range(number))
        for (at, person, address, attempt), token in zip(people, tokens, strict=True):
            skeleton.message(person, head, mails.addressed(at, person, address, attempt, token))

    def compiled() -> None:
        for at, person, *_rest in people[:theirs]:
            _theirs(html, text, at, person)

    def copies() -> None:
        for _each in range(number):
            bytes(memoryview(block))

    spent = in_turns([ours, compiled, copies], rounds)
    one, other, copy = spent[0] / number, spent[1] / theirs, spent[2] / number
    micro = 1e6
    yield Row(
        "Personalised mail, against compiled jinja2 and EmailMessage", "us CPU",
        one * micro, other * micro, other / one, 200,
    )  # fmt: skip
    yield Row(
        "Personalised mail, against one copy of its bytes", "us CPU",
        one * micro, copy * micro, one / copy, 6, at_most=True,
    )  # fmt: skip


_JINJA = Environment(autoescape=True)


_NAMES = {"person.first_name": "first_name", "person.company": "company", TOKEN: "token"}


def _template(runs: tuple[str, ...]) -> Template:
    """The same mail for a template engine."""
    parts = [
        "{{" + _NAMES[run] + "}}" if at % 2 else "{% raw %}" + run + "{% endraw %}"
        for at, run in enumerate(runs)
    ]
    return _JINJA.from_string("".join(parts))


def _theirs(html: Template, text: Template, number: int, person: Person) -> bytes:
    values = {
        "first_name": person.first_name,
        "company": person.company,
        "token": _SIGNER.token(number),
    }
    subject = f"An offer for {person.company}"
    mail = email_message(number, subject, html.render(values), text.render(values))
    return bytes(mail)
