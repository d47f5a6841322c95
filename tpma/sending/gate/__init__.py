"""The check before a launch: every rule looks at the same facts and says what it found.

A finding is red (it stops the launch and names its cure; nobody can override it), amber (it is
told, and a warning wants somebody's word) or green (it keeps its evidence). What a transport
cannot need is "not needed here", never red.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.sending.facts import Facts
from tpma.sending.findings import Check, Rule, Tone, unneeded
from tpma.sending.gate import (
    account,
    auth,
    body,
    consent,
    frequency,
    headers,
    list_quality,
    locale,
    proof,
    spend,
    suppression,
    volume,
)

# In the order they are shown.
FAMILIES: dict[str, str] = {
    "auth": lazy("Sender and domain"),
    "headers": lazy("Mail headers"),
    "body": lazy("Content and brand"),
    "locale": lazy("Languages and countries"),
    "consent": lazy("Consent"),
    "suppression": lazy("Unsubscribes and lists"),
    "list_quality": lazy("Addresses"),
    "frequency": lazy("How often"),
    "volume": lazy("How many"),
    "account": lazy("Sending account"),
    "spend": lazy("Goal, dates, money"),
    "proof": lazy("Proof and approval"),
}

RULES: tuple[Rule, ...] = (
    *auth.RULES,
    *headers.RULES,
    *body.RULES,
    *locale.RULES,
    *consent.RULES,
    *suppression.RULES,
    *list_quality.RULES,
    *frequency.RULES,
    *volume.RULES,
    *account.RULES,
    *spend.RULES,
    *proof.RULES,
)

_OF_CONTENT = frozenset({"body", "locale", "spend", "proof"})
_ORDER = {Tone.RED: 0, Tone.AMBER: 1, Tone.GREEN: 2, Tone.NOT_NEEDED: 3}


def report(facts: Facts) -> list[Check]:
    """Every rule's findings, red first, then amber, then green, then what is not needed."""
    found = [check for rule in RULES for check in _checks(rule, facts)]
    return sorted(found, key=lambda check: _ORDER[check.tone])


def _checks(rule: Rule, facts: Facts) -> list[Check]:
    """Of a mail the partner sends itself, its readers and its way out are the partner's."""
    if facts.own_mailer and rule.family not in _OF_CONTENT:
        return rule.says([unneeded(_("Not needed here: your own mailer sends it"))])
    return rule.check(facts)


def is_green(checks: Iterable[Check]) -> bool:
    return all(check.tone is not Tone.RED for check in checks)


def to_json(checks: Iterable[Check]) -> dict[str, object]:
    return {"checks": [asdict(check) for check in checks]}


def fingerprint(*parts: object) -> str:
    """The hash of what a report looked at; a change of any part asks for a new report."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
