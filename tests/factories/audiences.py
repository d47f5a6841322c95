"""Contacts, what they agreed to, lists as people upload them."""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from tests.factories.base import bound, save
from tests.factories.identity import actor, membership, organisation
from tpma.audiences import blocklists, importing, service
from tpma.audiences.domains import Owner
from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactTag,
    Segment,
    SuppressedDomain,
    SuppressionList,
)
from tpma.core.signing import Signer
from tpma.core.text import email_address
from tpma.identity.models import Organisation
from tpma.system import System

SIGNER = Signer("test-secret")
_number = count(1)


def contact(tenant: Organisation | None = None, tags: Sequence[str] = (), **given: Any) -> Contact:
    """Somebody a partner knows, without any consent on record."""
    company = tenant or organisation()
    address = email_address(given.pop("email", f"person{next(_number)}@harborpoint.example"))
    made = save(
        Contact(
            **{
                "tenant_id": company.id,
                "email": address.shown,
                "email_norm": address.norm,
                "hmac": service.address_hash(SIGNER, address.norm),
                "given_name": "Ada",
                "family_name": "Lovelace",
                "company": "Harbor Point",
                "country": "US",
                "locale": "en",
                "source": "import",
            }
            | given
        )
    )
    for tag in tags:
        save(ContactTag(contact_id=made.id, tag=tag))
    return made


def consent(
    person: Contact,
    state: ConsentState = ConsentState.GRANTED,
    basis: ConsentBasis = ConsentBasis.CONSENT,
    purpose: ConsentPurpose = ConsentPurpose.PARTNER_MARKETING,
    **given: Any,
) -> Consent:
    return service.record_consent(bound(), person, purpose, basis, state=state, **given)


def mailable_contact(tenant: Organisation | None = None, **given: Any) -> Contact:
    """A contact who signed up and may be written to."""
    made = contact(tenant, **given)
    consent(made)
    return made


def segment(tenant: Organisation, name: str = "Customers", **parts: list[str]) -> Segment:
    whole = {"countries": [], "locales": [], "tags": []} | parts
    return save(Segment(tenant_id=tenant.id, name=name, definition=whole))


def suppressed_domain(owner: Owner, domain: str, subdomains: bool = True) -> SuppressedDomain:
    return save(
        SuppressedDomain(
            tenant_id=owner.tenant_id, scope=owner.scope, domain=domain, subdomains=subdomains
        )
    )


def blocklist(system: System, owner: Owner, text: str) -> SuppressionList:
    """A list that was pasted and waits to be read."""
    folder = importing.folder_in(system.settings.home)
    received = importing.receive(blocklists.pasted(text), "pasted", folder, 10**6)
    who = membership(bound().get_one(Organisation, owner.tenant_id))
    return blocklists.receive(bound(), actor(who), owner, received, folder, subdomains=False)


def csv_file(
    rows: Iterable[Sequence[str]], encoding: str = "utf-8", separator: str = ","
) -> io.BytesIO:
    """A list as a spreadsheet would save it."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    return io.BytesIO(text.getvalue().encode(encoding))
