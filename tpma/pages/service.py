"""A launch's page goes live and closes, and a posted form becomes a submission."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.models import ConsentPurpose, ConsentText
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.identity.service import record
from tpma.kits import queries as kits
from tpma.launches.models import Launch, LaunchState
from tpma.pages import queries, rules
from tpma.pages.models import FormSubmission, LandingPage, PageState, SubmissionState
from tpma.rendering.form import ConsentBox
from tpma.rendering.page import PageArtifact

_UNDER_WAY = {LaunchState.RUNNING, LaunchState.PAUSED, LaunchState.COLLECTING}


def publish(session: Session, launch: Launch, slug: str) -> LandingPage:
    """The launch has started: its page is there for everybody. Twice is once.

    Raises Conflict if the launch is not under way (it may have been stopped meanwhile), or if its
    page was closed.
    """
    page = queries.of_launch(session, launch.tenant_id, launch.id)
    if page is not None and page.state is PageState.LIVE:
        return page
    if launch.state not in _UNDER_WAY or (page is not None and page.state is not PageState.DRAFT):
        raise Conflict(_("The page of a launch that is over stays closed."))
    if page is None:
        page = LandingPage(tenant_id=launch.tenant_id, launch_id=launch.id, slug=slug)
        session.add(page)
    page.state = PageState.LIVE
    page.published_at = clock_of(session)()
    record(session, None, launch.tenant_id, "page.published", page, code=launch.campaign_code)
    return page


def close(session: Session, launch: Launch, state: PageState = PageState.CLOSED) -> None:
    """Visitors are told that it is over; BLOCKED when the vendor stopped the kit. Twice is once."""
    page = queries.of_launch(session, launch.tenant_id, launch.id)
    if page is None or page.state not in (PageState.DRAFT, PageState.LIVE):
        return
    page.state = state
    page.closed_at = clock_of(session)()
    record(session, None, launch.tenant_id, f"page.{state.value}", page, code=launch.campaign_code)


@dataclass(frozen=True, slots=True)
class Posted:
    """A form as it arrived, on the edition of the page it was shown on.

    `message_id` is the mail that brought the visit, checked by the caller.
    """

    page: LandingPage
    launch: Launch
    artifact: PageArtifact
    locale: str
    values: Mapping[str, str]
    message_id: int | None = None

    @property
    def ticked(self) -> list[ConsentBox]:
        return [box for box in self.artifact.form.consents if self.values.get(box.name)]


def with_message(posted: Posted, message_id: int) -> Posted:
    return replace(posted, message_id=message_id)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of it. `is_new` is false for the second click of a double click."""

    submission: FormSubmission
    answers: rules.Answers
    is_new: bool
    wordings: Sequence[ConsentText] = ()  # of all boxes, in their order


def submit(session: Session, signer: Signer, posted: Posted) -> Taken:
    """Keep a form, also one with spam signs. Raises FormFault, and then nothing is written."""
    shown = _shown_at(session, signer, posted)
    answers = rules.read(posted.artifact.form, posted.values, posted.locale)
    key = _idempotency_key(posted, answers)
    wordings = _wordings(session, posted)
    dwell = clock_of(session)() - shown
    signs = rules.spam_signs(posted.artifact.form, posted.values, dwell)
    submission = FormSubmission(
        tenant_id=posted.page.tenant_id,
        launch_id=posted.launch.id,
        landing_page_id=posted.page.id,
        campaign_code=posted.launch.campaign_code,
        locale=posted.locale,
        payload=dict(answers.values),
        consents=_boxes(posted, wordings),
        utm=rules.utm_of(posted.values),
        message_id=posted.message_id,
        spam_signs=signs,
        idempotency_key=key,
        state=SubmissionState.SPAM if signs else SubmissionState.ACCEPTED,
    )
    return replace(_insert(session, submission, answers), wordings=wordings)


def _shown_at(session: Session, signer: Signer, posted: Posted) -> datetime:
    """When the page of this form was shown. Raises FormFault unless its marks are ours."""
    stale = rules.FormFault(posted.locale, {}, stale=True)
    purpose = rules.token_purpose(posted.launch.id)
    try:
        shown = rules.shown_at(signer.subject(posted.values.get(rules.TOKEN, ""), purpose))
    except NotFound as error:
        raise stale from error
    is_ours = posted.values.get(rules.CODE) == posted.launch.campaign_code
    if not is_ours or not rules.is_fresh(shown, clock_of(session)()):
        raise stale
    return shown


def _idempotency_key(posted: Posted, answers: rules.Answers) -> str:
    """One page view and one address make one submission, however often the button is pressed."""
    address = answers.address.norm if answers.address else ""
    return hashlib.sha256(f"{posted.values[rules.TOKEN]}\n{address}".encode()).hexdigest()


def _known(session: Session, key: str) -> FormSubmission | None:
    return session.scalar(select(FormSubmission).where(FormSubmission.idempotency_key == key))


def _insert(session: Session, submission: FormSubmission, answers: rules.Answers) -> Taken:
    try:
        with session.begin_nested():
            session.add(submission)
    except IntegrityError:
        met = _known(session, submission.idempotency_key)
        if met is None:
            raise
        return Taken(met, answers, is_new=False)
    return Taken(submission, answers, is_new=True)


def _wordings(session: Session, posted: Posted) -> list[ConsentText]:
    """The text of every box as it was shown, kept word for word."""
    content = kits.content(session, posted.launch.kit_version_id)
    names = {
        "partner": session.get_one(Organisation, posted.launch.tenant_id).legal_name,
        "vendor": session.get_one(Organisation, posted.launch.vendor_id).legal_name,
    }
    return [
        audiences.keep_wording(
            session,
            posted.page.tenant_id,
            ConsentPurpose(box.purpose),
            box.locale,
            f"{content.key} {content.semver} {box.version}",
            box.text,
            [names[recipient] for recipient in box.recipients],
            box.sha256,
        )
        for box in posted.artifact.form.consents
    ]


def _boxes(posted: Posted, wordings: Sequence[ConsentText]) -> list[dict[str, Any]]:
    """Every box, empty ones too."""
    ticked = posted.ticked
    return [
        {
            "purpose": box.purpose,
            "ticked": box in ticked,
            "text_id": str(wording.id),
            "sha256": box.sha256,
        }
        for box, wording in zip(posted.artifact.form.consents, wordings, strict=True)
    ]
