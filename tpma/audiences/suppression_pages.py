"""The pages of a suppression list, the same for a partner and for a vendor: what differs is the
owner, the words above the list, and what each may be told.

The views stand in `portal/suppressions.py` and `studio.py`, behind their guards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.audiences import blocklists, domains, importing, listings, service
from tpma.audiences.domains import Owner
from tpma.audiences.models import (
    ListState,
    SuppressionList,
    SuppressionReason,
    SuppressionScope,
)
from tpma.audiences.rules import may_lift
from tpma.audiences.uploads import before, folder, received_file, sheet
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext, number
from tpma.identity.models import Organisation
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults, text
from tpma.web.paging import SIZE, Page, page_of

VIEWS = ("addresses", "domains", "lists")


@dataclass(frozen=True, slots=True)
class Pages:
    """One owner's pages; `door` is the name of the blueprint they hang on."""

    door: str
    scope: SuppressionScope
    words: Any  # the room's words of that door: marks of reasons, channels, the title

    @property
    def owner(self) -> Owner:
        return Owner(actor().organisation_id, self.scope)

    def index(self, faults: Faults | None = None, view: str = "") -> str:
        chosen = view or request.args.get("show", "")
        chosen = chosen if chosen in VIEWS else "addresses"
        with system().db.reading() as session:
            counts = self._counts(session)
            return render(
                "audiences/suppressions.html",
                door=self.door,
                vendor=self.scope is SuppressionScope.VENDOR,
                title=self.words.title(counts["addresses"], counts["domains"]),
                view=chosen,
                counts=counts,
                page=self._page(session, chosen),
                company=session.get_one(Organisation, self.owner.tenant_id),
                reasons=self.words.reason_marks(),
                channels=self.words.channels(),
                may_lift=lambda entry: may_lift(entry.reason, entry.scope, self.scope),
                values=request.form,
                faults=faults or Faults(),
            )

    def _counts(self, session: Session) -> dict[str, int]:
        return {
            "addresses": listings.suppression_count(session, self.owner),
            "domains": domains.domain_count(session, self.owner),
            "lists": len(blocklists.lists(session, self.owner)),
        }

    def _page(self, session: Session, view: str) -> Page[Any]:
        if view == "lists":
            return Page(blocklists.lists(session, self.owner), None, True)
        read = domains.domains if view == "domains" else listings.suppressions
        return page_of(read(session, self.owner, before(), SIZE + 1))

    def _refused(self, error: Invalid | Conflict, view: str) -> ResponseReturnValue:
        faults = Faults()
        faults[error.field or ""] = error.message
        return self.index(faults, view), 422

    def _back(self, view: str = "") -> ResponseReturnValue:
        return redirect(url_for(f"{self.door}.suppressions", show=view or None), 303)

    def add(self) -> ResponseReturnValue:
        try:
            with system().db.transaction() as session:
                service.suppress(
                    session,
                    system().signer,
                    self.owner.tenant_id,
                    request.form.get("email", ""),
                    SuppressionReason.MANUAL,
                    text("source", 200),
                    self.scope,
                    actor(),
                )
        except Invalid as error:
            return self._refused(error, "addresses")
        flash(self.words.added())
        return self._back()

    def lift(self, suppression_id: UUID) -> ResponseReturnValue:
        with system().db.transaction() as session:
            entry = listings.suppression_of(session, self.owner, suppression_id)
            service.lift(session, actor(), entry, self.scope)
        flash(_("Taken off the list."))
        return self._back()

    def add_domain(self) -> ResponseReturnValue:
        """A company at once; of a mail provider only when that is said a second time."""
        form = request.form
        try:
            with system().db.transaction() as session:
                found = domains.suppress_domain(
                    session,
                    actor(),
                    self.owner,
                    form.get("domain", ""),
                    subdomains=bool(form.get("subdomains")),
                    source=text("source", 200),
                    confirmed=bool(form.get("confirmed")),
                )
                people = self._people_at(session, found)
        except Invalid as error:
            return self._refused(error, "domains")
        except Conflict as error:
            return self._refused(Invalid(error.message, field="confirmed"), "domains")
        flash(people or self.words.domain_added(found.domain))
        return self._back("domains")

    def _people_at(self, session: Session, found: Any) -> str:
        """How many of a partner's own contacts that is; a vendor is not told."""
        if self.scope is SuppressionScope.VENDOR:
            return ""
        count = domains.contacts_at(session, self.owner.tenant_id, found)
        return ngettext(
            "%(domain)s is blocked: %(num)s of your contacts is there.",
            "%(domain)s is blocked: %(num)s of your contacts are there.",
            count,
            domain=found.domain,
        )

    def lift_domain(self, domain_id: UUID) -> ResponseReturnValue:
        with system().db.transaction() as session:
            entry = domains.domain_entry(session, self.owner, domain_id)
            domains.lift_domain(session, actor(), entry)
        flash(_("Taken off the list."))
        return self._back("domains")

    def upload(self) -> ResponseReturnValue:
        """Many at once, as a file or pasted; blocks nobody yet."""
        try:
            received = self._received()
            with system().db.transaction() as session:
                found = blocklists.receive(
                    session,
                    actor(),
                    self.owner,
                    received,
                    folder(),
                    subdomains=bool(request.form.get("list_subdomains")),
                )
        except Invalid as error:
            return self._refused(error, "lists")
        if received.shape.rows <= blocklists.SMALL:
            blocklists.read(system().db, system().signer, folder(), found.id)
        return redirect(url_for(f"{self.door}.suppression_list", list_id=found.id), 303)

    def _received(self) -> importing.Received:
        typed = request.form.get("pasted", "")
        if not typed.strip():
            return received_file(_("Choose a CSV or XLSX file, or paste the list."))
        try:
            most = system().settings.max_upload_mb * 1024 * 1024
            stream = blocklists.pasted(typed)
            return importing.receive(stream, _("Pasted list"), folder(), most)
        except Invalid as error:
            raise Invalid(error.message, field="pasted") from error

    def show(self, list_id: UUID) -> str:
        with system().db.reading() as session:
            return self._list_page(session, "audiences/suppression_list.html", list_id)

    def _list_page(self, session: Session, template: str, list_id: UUID) -> str:
        found = blocklists.list_of(session, self.owner, list_id)
        ready = found.state is ListState.READY and self.scope is SuppressionScope.PARTNER
        return render(
            template,
            door=self.door,
            vendor=self.scope is SuppressionScope.VENDOR,
            found=found,
            title=_title(found),
            people=blocklists.people_it_holds(session, found) if ready else None,
            moving=found.state in {ListState.READING, ListState.APPLYING},
        )

    def progress(self, list_id: UUID) -> Response:
        """The moving part; when it stands still it asks htmx for the whole page."""
        with system().db.reading() as session:
            page = self._list_page(session, "audiences/suppression_progress.html", list_id)
            found = blocklists.list_of(session, self.owner, list_id)
        answer = make_response(page)
        if found.state not in {ListState.READING, ListState.APPLYING}:
            answer.headers["HX-Refresh"] = "true"
        return answer

    def apply(self, list_id: UUID) -> ResponseReturnValue:
        with system().db.transaction() as session:
            found = blocklists.list_of(session, self.owner, list_id)
            now = blocklists.start(session, actor(), found)
        if now:
            blocklists.apply(system().db, list_id)
        return redirect(url_for(f"{self.door}.suppression_list", list_id=list_id), 303)

    def undo(self, list_id: UUID) -> ResponseReturnValue:
        with system().db.transaction() as session:
            found = blocklists.list_of(session, self.owner, list_id)
            freed = blocklists.undo(session, actor(), found)
        flash(
            ngettext(
                "Taken back: %(num)s entry is off the list.",
                "Taken back: %(num)s entries are off the list.",
                freed,
                num=number(freed),
            )
        )
        return self._back("lists")

    def discard(self, list_id: UUID) -> ResponseReturnValue:
        with system().db.transaction() as session:
            found = blocklists.list_of(session, self.owner, list_id)
            blocklists.discard(session, actor(), found, folder())
        flash(_("The list is gone and nobody was blocked."))
        return self._back("lists")

    def faults(self, list_id: UUID) -> Response:
        owner = self.owner
        with system().db.reading() as session:
            blocklists.list_of(session, owner, list_id)
        return sheet(_fault_rows(owner, list_id), "left-out.csv")

    def set_opt_in_only(self) -> ResponseReturnValue:
        on = bool(request.form.get("opt_in_only"))
        with system().db.transaction() as session:
            service.set_opt_in_only(session, actor(), self.owner.tenant_id, on)
        flash(self.words.opt_in_said(on))
        return self._back()

    def set_tracks_readers(self) -> ResponseReturnValue:
        on = bool(request.form.get("tracks_readers"))
        with system().db.transaction() as session:
            service.set_tracks_readers(session, actor(), self.owner.tenant_id, on)
        flash(
            _("The next launches tell who opened and clicked.")
            if on
            else _("Opens and clicks are not recorded any more.")
        )
        return self._back()


def _fault_rows(owner: Owner, list_id: UUID) -> Iterator[list[Any]]:
    with system().db.reading() as session:
        yield from blocklists.faults(session, blocklists.list_of(session, owner, list_id))


def _title(found: SuppressionList) -> str:
    if found.state is ListState.READY:
        count = found.addresses + found.domains - found.known
        return ngettext(
            "%(num)s new entry would be blocked",
            "%(num)s new entries would be blocked",
            count,
            num=number(count),
        )
    return {
        ListState.READING: _("The list is being read"),
        ListState.APPLYING: _("The list is being applied"),
        ListState.DONE: _("The list is applied"),
        ListState.UNDONE: _("The list was taken back"),
        ListState.FAILED: _("This list could not be read"),
    }[found.state]
