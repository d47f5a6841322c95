"""Leads, and forms as visitors fill them in."""

import re
from html import unescape
from itertools import count
from typing import Any

from flask.testing import FlaskClient

from tests.factories import launches, pages
from tests.factories.base import bound, save
from tests.factories.tracking import CHROME
from tpma.core.db import clock_of
from tpma.core.text import email_address
from tpma.identity.models import Organisation
from tpma.launches.models import Launch
from tpma.leads.models import Lead, LeadState
from tpma.leads.rules import answer_due
from tpma.pages.models import FormSubmission, LandingPage, SubmissionState

_number = count(1)
ANSWERS = {
    "given_name": "Priya",
    "email": "priya.raman@harborpoint.example",
    "phone": "+1 614 555 0186",
    "sites": "More than 5",
}
HEADERS = {"User-Agent": CHROME}


def hidden(html: str) -> dict[str, str]:
    """What a page's form carries along."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html)
    return {unescape(name): unescape(value) for name, value in found}


def open_form(
    client: FlaskClient, page: LandingPage, locale: str = "en-US", query: str = ""
) -> Any:
    """The hidden fields of the page as a visitor gets it."""
    answer = client.get(f"/l/{page.slug}/{locale}{query}", headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return hidden(answer.text)


def send_form(
    client: FlaskClient,
    page: LandingPage,
    carried: dict[str, str],
    locale: str = "en-US",
    **answers: str,
) -> Any:
    """The answer to a form sent with these hidden fields."""
    data = carried | {"website": ""} | ANSWERS | answers
    return client.post(f"/l/{page.slug}/{locale}", data=data, headers=HEADERS)


def submission(made: Launch, page: LandingPage, **given: Any) -> FormSubmission:
    values = {
        "tenant_id": made.tenant_id,
        "launch_id": made.id,
        "landing_page_id": page.id,
        "campaign_code": made.campaign_code,
        "locale": "en-US",
        "payload": {},
        "consents": [],
        "idempotency_key": f"key-{next(_number)}",
        "state": SubmissionState.ACCEPTED,
    }
    return save(FormSubmission(**values | given))


def lead(made: Launch | None = None, page: LandingPage | None = None, **given: Any) -> Lead:
    """Somebody who filled in the form just now and waits for an answer."""
    made = made or pages.launch()
    page = page or pages.page(made, ("en-US",))
    company = bound().get_one(Organisation, made.tenant_id)
    now = clock_of(bound())()
    address = email_address(given.pop("email", f"visitor{next(_number)}@harborpoint.example"))
    person = launches.contact(company, email=address.shown, consent=False)
    values = {
        "tenant_id": made.tenant_id,
        "vendor_id": made.vendor_id,
        "enrolment_id": made.enrolment_id,
        "launch_id": made.id,
        "launch": made,
        "campaign_code": made.campaign_code,
        "submission_id": submission(made, page).id,
        "contact_id": person.id,
        "given_name": "Priya",
        "family_name": "Raman",
        "email": address.shown,
        "email_norm": address.norm,
        "company": "Harbor Point Health",
        "company_domain": "harborpoint.example",
        "country": "US",
        "language": "en-US",
        "state": LeadState.ROUTED,
        "due_at": answer_due(now, company.timezone, company.country),
    }
    return save(Lead(**values | given))
