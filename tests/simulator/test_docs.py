"""What docs/simulator.md says exists: words of the grammar, operations, knobs, doors."""

from dataclasses import fields
from pathlib import Path

import pytest

from tpma.simulator import server  # imports every room of operations
from tpma.simulator.control import _ACTIONS
from tpma.simulator.faults import _AFTER, _BEFORE, _FATES
from tpma.simulator.knobs import Account
from tpma.simulator.operations import known
from tpma.simulator.setup import _PARTS, DNS_ANSWERS
from tpma.simulator.validation import model

NEEDED = {
    "SendEmail", "SendBulkEmail", "GetAccount", "CreateEmailIdentity", "GetEmailIdentity",
    "ListEmailIdentities", "DeleteEmailIdentity", "PutEmailIdentityMailFromAttributes",
    "PutEmailIdentityFeedbackAttributes", "CreateConfigurationSet", "GetConfigurationSet",
    "CreateConfigurationSetEventDestination", "GetConfigurationSetEventDestinations",
    "CreateTenant", "GetTenant", "CreateTenantResourceAssociation",
    "UpdateReputationEntityPolicy", "UpdateReputationEntityCustomerManagedStatus",
    "PutTenantSuppressionAttributes", "PutConfigurationSetSuppressionOptions",
    "PutSuppressedDestination", "GetSuppressedDestination", "ListSuppressedDestinations",
    "DeleteSuppressedDestination",
}  # fmt: skip
PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


@pytest.mark.parametrize("word", sorted(_BEFORE | _AFTER | _FATES))
def test_every_word_of_the_grammar_is_explained(word):
    stem, _dash, rest = word.partition("-")
    shown = word.startswith(("status-", "e502", "e503", "e504")) or f"`{word}`" in PAGE
    assert shown or (f"`-{rest}`" in PAGE and f"`{stem}-" in PAGE)


def test_every_knob_and_door_is_named():
    assert [name for name in _PARTS if f'"{name}"' not in PAGE] == []
    assert [each.name for each in fields(Account) if f"`{each.name}`" not in PAGE] == []
    assert [answer for answer in DNS_ANSWERS if f"`{answer}`" not in PAGE] == []
    assert [name for method, name in _ACTIONS if f"{method} {name}" not in PAGE] == []


def test_every_operation_is_one_of_ses():
    assert server.ROOMS
    assert known() <= model("sesv2").names
    assert known() >= NEEDED
