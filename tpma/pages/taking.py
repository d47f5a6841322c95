"""Posted forms become submissions, any number by a few statements."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.models import ConsentPurpose, ConsentText
from tpma.core.bulk import insert_free, new_rows
from tpma.core.db import clock_of, one_of, per_dialect, values
from tpma.core.errors import NotFound
from tpma.core.signing import Signer
from tpma.kits import queries as kits
from tpma.launches.models import Launch
from tpma.pages import rules
from tpma.pages.models import FormSubmission, LandingPage, SubmissionState
from tpma.pages.rules import FormFault
from tpma.rendering.form import ConsentBox
from tpma.rendering.page import PageArtifact


@dataclass(frozen=True, slots=True)
class Posted:
    """A form as it arrived, on the edition of the page it was shown on.

    `names` are those of the companies by their part in the launch (partner, vendor);
    `message_id` is the mail that brought the visit, checked by the caller.
    """

    page: LandingPage
    launch: Launch
    artifact: PageArtifact
    locale: str
    values: Mapping[str, str]
    names: Mapping[str, str]
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A form that is kept. `is_new` is false for the second click of a double click."""

    id: UUID
    posted: Posted
    answers: rules.Answers
    key: str
    signs: Sequence[str]
    boxes: Sequence[Mapping[str, Any]] = ()
    wordings: Sequence[ConsentText] = ()  # of all boxes, in their order
    is_new: bool = True

    @property
    def is_spam(self) -> bool:
        return bool(self.signs)

    @property
    def ticked(self) -> list[tuple[Mapping[str, Any], ConsentText]]:
        pairs = zip(self.boxes, self.wordings, strict=True)
        return [(box, wording) for box, wording in pairs if box["ticked"]]


def take(session: Session, signer: Signer, forms: Sequence[Posted]) -> list[Taken | FormFault]:
    """Keep forms, also those with spam signs. Of a form with a fault nothing is written."""
    if not forms:
        return []
    rows = new_rows(session, len(forms))
    found = [
        _read(signer, row["id"], posted, row["created_at"])
        for row, posted in zip(rows, forms, strict=True)
    ]
    good = _worded(session, [one for one in found if isinstance(one, Taken)])
    own = {row["id"]: row for row in rows}
    # In the order of their keys: two batches with the same forms never wait for each other.
    ordered = sorted(good.values(), key=lambda taken: taken.key)
    number = insert_free(
        session, FormSubmission, [own[taken.id] | _row(taken) for taken in ordered]
    )
    new = good.keys() if number == len(good) else _there(session, list(good))
    return [
        one if isinstance(one, FormFault) else replace(good[one.id], is_new=one.id in new)
        for one in found
    ]


def _read(signer: Signer, id_: UUID, posted: Posted, now: datetime) -> Taken | FormFault:
    try:
        shown = _shown_at(signer, posted, now)
        answers = rules.read(posted.artifact.form, posted.values, posted.locale)
    except FormFault as fault:
        return fault
    signs = rules.spam_signs(posted.artifact.form, posted.values, now - shown)
    return Taken(id_, posted, answers, _idempotency_key(posted, answers), signs)


def _shown_at(signer: Signer, posted: Posted, now: datetime) -> datetime:
    """When the page of this form was shown. Raises FormFault unless its marks are ours."""
    purpose = rules.token_purpose(posted.launch.id)
    try:
        shown = rules.shown_at(signer.subject(posted.values.get(rules.TOKEN, ""), purpose))
    except NotFound as error:
        raise FormFault(posted.locale, {}, stale=True) from error
    is_ours = posted.values.get(rules.CODE) == posted.launch.campaign_code
    if not is_ours or not rules.is_fresh(shown, now):
        raise FormFault(posted.locale, {}, stale=True)
    return shown


def _idempotency_key(posted: Posted, answers: rules.Answers) -> str:
    """One page view and one address make one submission, however often the button is pressed."""
    address = answers.address.norm if answers.address else ""
    return hashlib.sha256(f"{posted.values[rules.TOKEN]}\n{address}".encode()).hexdigest()


def _worded(session: Session, taken: Sequence[Taken]) -> dict[UUID, Taken]:
    """With the text of every box as it was shown, kept word for word."""
    shown = [(one, _wordings(session, one.posted)) for one in taken]
    kept = audiences.keep_wordings(session, [each for _one, some in shown for each in some])
    found = {}
    for one, some in shown:
        wordings = [kept[each.key] for each in some]
        found[one.id] = replace(one, boxes=_boxes(one.posted, wordings), wordings=wordings)
    return found


def _wordings(session: Session, posted: Posted) -> list[audiences.Wording]:
    content = kits.content(session, posted.launch.kit_version_id)
    return [
        audiences.Wording(
            posted.page.tenant_id,
            ConsentPurpose(box.purpose),
            box.locale,
            f"{content.key} {content.semver} {box.version}",
            box.text,
            [posted.names[recipient] for recipient in box.recipients],
            box.sha256,
        )
        for box in posted.artifact.form.consents
    ]


def _boxes(posted: Posted, wordings: Sequence[ConsentText]) -> list[dict[str, Any]]:
    """Every box, empty ones too."""
    return [
        {
            "purpose": box.purpose,
            "ticked": _is_ticked(posted, box),
            "text_id": str(wording.id),
            "sha256": wording.sha256,
        }
        for box, wording in zip(posted.artifact.form.consents, wordings, strict=True)
    ]


def _is_ticked(posted: Posted, box: ConsentBox) -> bool:
    return bool(posted.values.get(box.name))


def _row(taken: Taken) -> dict[str, Any]:
    posted = taken.posted
    return {
        "tenant_id": posted.page.tenant_id,
        "launch_id": posted.launch.id,
        "landing_page_id": posted.page.id,
        "campaign_code": posted.launch.campaign_code,
        "locale": posted.locale,
        "payload": dict(taken.answers.values),
        "consents": taken.boxes,
        "utm": rules.utm_of(posted.values),
        "message_id": posted.message_id,
        "spam_signs": taken.signs,
        "idempotency_key": taken.key,
        "state": SubmissionState.SPAM if taken.is_spam else SubmissionState.ACCEPTED,
    }


def _there(session: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these submissions that were written: the others met their own first click."""
    return set(session.scalars(_by_id(session), {"ids": values(session, ids)}))


@per_dialect
def _by_id(session: Session) -> Any:
    return select(FormSubmission.id).where(one_of(session, FormSubmission.id, "ids"))


def mark_duplicates(session: Session, ids: Sequence[UUID]) -> None:
    """These came from people who have an open lead already."""
    if not ids:
        return
    session.execute(
        update(FormSubmission)
        .where(FormSubmission.id.in_(ids))
        .values(
            state=SubmissionState.DUPLICATE,
            updated_at=clock_of(session)(),
            row_version=FormSubmission.row_version + 1,
        )
        .execution_options(synchronize_session=False)
    )
