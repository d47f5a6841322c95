"""From an upload to contacts: who comes in, who stays out, and what a crash changes."""

import csv
import io

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.audiences.conftest import Desk
from tests.factories.audiences import SIGNER
from tpma import jobs
from tpma.audiences import importing, listings, service, staging
from tpma.audiences.models import (
    Consent,
    ConsentState,
    Contact,
    ContactImport,
    ContactTag,
    ImportRow,
    ImportState,
    SuppressionReason,
)
from tpma.audiences.queries import counts
from tpma.core.errors import Conflict, Invalid
from tpma.core.sheets import to_csv

HEAD = ("email", "first name", "last name", "company", "country", "language", "tags")
ADA = ("Ada@Harbor.Example", "Ada", "Lovelace", "Harbor", "Germany", "German", "vip")
BOB = ("bob@harbor.example", "Bob", "Noyce", "Harbor", "USA", "en", "")


def people(desk: Desk) -> dict[str, Contact]:
    with desk.db.reading() as session:
        found = session.scalars(select(Contact).where(Contact.tenant_id == desk.tenant_id))
        return {contact.email_norm: contact for contact in found}


def total(desk: Desk, table: type) -> int:
    with desk.db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_people_come_in_with_names_country_language_and_hash(desk):
    found = desk.bring(factories.csv_file([HEAD, ADA, BOB]))

    assert (found.state, found.contacts_added, found.rows_read) == (ImportState.DONE, 2, 2)
    ada = people(desk)["ada@harbor.example"]
    assert (ada.email, ada.given_name, ada.country, ada.locale) == (
        "Ada@harbor.example", "Ada", "DE", "de",
    )  # fmt: skip
    assert ada.hmac == service.address_hash(SIGNER, "ada@harbor.example")
    assert ada.company_domain == "harbor.example"


def test_each_person_gets_one_row_of_the_ledger_with_its_source(desk):
    found = desk.bring(factories.csv_file([HEAD, ADA]), basis="soft_opt_in")
    with desk.db.reading() as session:
        row = session.scalars(select(Consent)).one()
    assert (row.state, row.basis) == (ConsentState.GRANTED, "soft_opt_in")
    assert row.evidence == {"import": str(found.id), "source": "signed up at our stand"}


def test_tags_of_the_row_and_of_the_list_are_joined(desk):
    desk.bring(factories.csv_file([HEAD, ADA]), tags="Fair 2026, VIP")
    with desk.db.reading() as session:
        assert set(session.scalars(select(ContactTag.tag))) == {"vip", "fair 2026"}


def test_the_first_row_of_an_address_wins_and_the_others_are_counted(desk):
    twin = ("ADA@harbor.example", "Augusta", "King", "", "", "", "other")
    found = desk.bring(factories.csv_file([HEAD, ADA, BOB, twin]))
    assert (found.contacts_added, found.rows_repeated) == (2, 1)
    assert people(desk)["ada@harbor.example"].given_name == "Ada"


def test_what_is_known_is_never_overwritten_and_gaps_are_filled(desk):
    desk.bring(factories.csv_file([("email", "first name"), ("ada@harbor.example", "Countess")]))
    found = desk.bring(factories.csv_file([HEAD, ADA]))
    ada = people(desk)["ada@harbor.example"]
    assert (ada.given_name, ada.family_name, ada.country) == ("Countess", "Lovelace", "DE")
    assert (found.contacts_added, found.contacts_updated) == (0, 1)


def test_the_same_list_again_changes_nothing(desk):
    desk.bring(factories.csv_file([HEAD, ADA, BOB]))
    before = {a: c.updated_at for a, c in people(desk).items()}
    found = desk.bring(factories.csv_file([HEAD, ADA, BOB]))
    assert (found.contacts_added, found.contacts_updated) == (0, 0)
    assert {a: c.updated_at for a, c in people(desk).items()} == before
    assert total(desk, Consent) == 2


def test_another_partners_contact_of_the_same_address_is_another_person(make_desk):
    mine, theirs = make_desk(), make_desk()
    mine.bring(factories.csv_file([HEAD, ADA]))
    theirs.bring(factories.csv_file([HEAD, ADA]))
    assert people(mine)["ada@harbor.example"].id != people(theirs)["ada@harbor.example"].id


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("", "no_address"),
        ("ada.harbor.example", "bad_address"),
        ("ada@harbor", "bad_address"),
        ("jörg@harbor.example", "bad_address"),
        ("ada@harbor.example\r\nBcc: x@y.example", "two_addresses"),
        ("a@x.example; b@x.example", "two_addresses"),
        ("noreply@harbor.example", "not_a_person"),
        ("x" * 400 + "@harbor.example", "bad_address"),
        ("{{ 7*7 }}@harbor.example", "bad_address"),
    ],
)
def test_a_row_that_cannot_work_is_left_out_with_its_reason(desk, cell, fault):
    found = desk.bring(factories.csv_file([("email", "first name"), (cell, "Ada"), BOB[:2]]))
    assert (found.rows_bad, found.contacts_added) == (1, 1)
    with desk.db.reading() as session:
        row = session.scalars(select(ImportRow)).one()
    assert (row.fault, row.line) == (fault, 2)


@pytest.mark.parametrize(
    ("row", "warning"),
    [
        (("info@harbor.example", "", "", "", "", "", ""), "role_account"),
        (("ada@harbor.example", "", "", "", "Narnia", "", ""), "country_unknown"),
        (("ada@harbor.example", "", "", "", "", "Elvish speech", ""), "language_unknown"),
        (("ada@harbor.example", "x" * 150, "", "", "", "", ""), "shortened"),
    ],
)
def test_a_row_with_a_flaw_comes_in_and_is_told_of(desk, row, warning):
    found = desk.bring(factories.csv_file([HEAD, row]))
    assert (found.contacts_added, found.rows_bad, found.rows_warned) == (1, 0, 1)
    with desk.db.reading() as session:
        assert session.scalars(select(ImportRow.warning)).one() == warning


def test_template_code_in_a_cell_is_only_text(desk):
    code = "{{ config }}{% raw %}${7*7}"
    desk.bring(factories.csv_file([HEAD, ("a@x.example", code, "", "", "", "", "")]))
    assert people(desk)["a@x.example"].given_name == code


def test_line_breaks_in_a_name_cannot_open_a_header(desk):
    desk.bring(
        factories.csv_file([HEAD, ("a@x.example", "Ada\r\nBcc: b@y.example", "", "", "", "", "")])
    )
    assert people(desk)["a@x.example"].given_name == "Ada Bcc: b@y.example"


def error_file(desk: Desk, found: ContactImport) -> list[list[str]]:
    with desk.db.reading() as session:
        rows = [list(map(str, row)) for row in listings.faults(session, found)]
    return rows


def test_the_error_file_has_the_files_own_columns_the_line_and_what_is_wrong(desk):
    rows = [("E-Mail", "Firma"), ("ada@harbor.example", "Harbor"), ("kaputt", "Müller")]
    found = desk.bring(factories.csv_file(rows, "cp1252", ";"))
    head, bad = error_file(desk, found)
    assert head == ["E-Mail", "Firma", "line", "what is wrong"]
    assert bad == ["kaputt", "Müller", "3", "That is not an e-mail address we can write to."]


def test_a_refused_column_is_kept_nowhere(desk):
    rows = [("email", "Religion"), ("kaputt", "secret faith"), ("info@x.example", "secret faith")]
    found = desk.bring(factories.csv_file(rows))
    head, *bad = error_file(desk, found)
    assert "Religion" not in head
    with desk.db.reading() as session:
        kept = session.scalars(select(ImportRow)).all()
    assert "secret" not in str([row.raw for row in kept]) + str(bad)


def test_the_file_is_gone_when_its_rows_are_in(desk):
    desk.bring(factories.csv_file([HEAD, ADA]))
    assert list(desk.folder.iterdir()) == []


def test_a_refused_file_is_not_kept(desk):
    with pytest.raises(Invalid):
        desk.receive(io.BytesIO(b"\x89PNG" + bytes(500)))
    assert list(desk.folder.iterdir()) == []


def test_a_file_over_the_limit_is_refused_by_its_size(desk):
    with pytest.raises(Invalid, match="10 MB"):
        desk.receive(io.BytesIO(b"email\n" + b"a" * 11 * 1024 * 1024))


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\lists\\a.csv", "a\r\nb.csv", "x" * 900])
def test_a_file_name_is_only_shown_and_never_a_path(desk, name):
    received = desk.receive(factories.csv_file([HEAD, ADA]), name)
    assert "/" not in received.file_name
    assert "\n" not in received.file_name
    assert len(received.file_name) <= 200
    assert (desk.folder / received.stored).parent == desk.folder


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"basis": ""}, "basis"),
        ({"basis": "contract"}, "basis"),
        ({"consent_source": ""}, "consent_source"),
        ({"consent_source": "x" * 201}, "consent_source"),
        ({"consent_source": "from\r\nsomewhere"}, "consent_source"),
        ({"tags": "x" * 60}, "tags"),
        ({"mapping": {1: "company"}}, "mapping"),
    ],
)
def test_consent_and_columns_are_asked_for_by_field(desk, answers, field):
    with pytest.raises(Invalid) as refusal:
        desk.confirmed(factories.csv_file([HEAD, ADA]), **answers)
    assert refusal.value.field == field


def test_a_list_is_started_once(desk):
    found = desk.confirmed(factories.csv_file([HEAD, ADA]))
    answers = {"mapping": {0: "email"}, "basis": "consent", "consent_source": "at the fair"}
    with desk.db.transaction() as session:
        again = importing.import_of(session, desk.tenant_id, found.id)
        with pytest.raises(Conflict):
            importing.start(session, desk.actor, again, **answers)


def test_who_withdrew_stays_withdrawn_whatever_a_list_says(desk):
    desk.bring(factories.csv_file([HEAD, ADA]))
    with desk.db.transaction() as session:
        ada = session.scalars(select(Contact)).one()
        service.withdraw(session, ada, "partner_marketing", "page")
    found = desk.bring(factories.csv_file([HEAD, ADA]), basis="soft_opt_in")
    assert found.rows_suppressed == 1
    with desk.db.reading() as session:
        newest = session.scalars(select(Consent).order_by(Consent.seq.desc())).first()
        assert newest.state is ConsentState.WITHDRAWN
        assert counts(session, desk.tenant_id).writable == 0


def test_a_suppressed_address_comes_in_and_is_not_written_to(desk):
    with desk.db.transaction() as session:
        service.suppress(
            session, SIGNER, desk.tenant_id, "ADA@harbor.example", SuppressionReason.COMPLAINT, ""
        )
    found = desk.bring(factories.csv_file([HEAD, ADA, BOB]))
    assert (found.contacts_added, found.rows_suppressed) == (2, 1)
    with desk.db.reading() as session:
        assert counts(session, desk.tenant_id).writable == 1


def test_an_erased_person_is_refused_and_nothing_of_them_is_staged(desk):
    desk.bring(factories.csv_file([HEAD, ADA]))
    with desk.db.transaction() as session:
        service.erase(session, desk.actor, session.scalars(select(Contact)).one())
    found = desk.bring(factories.csv_file([HEAD, ADA]))
    assert (found.contacts_added, found.rows_bad) == (0, 1)
    with desk.db.reading() as session:
        row = session.scalars(select(ImportRow)).one()
    assert (row.fault, row.email, row.given_name, row.raw) == ("erased", "", "", [])


def many(rows: int) -> io.BytesIO:
    head = b"email,first name,last name,company,country\n"
    return io.BytesIO(
        head
        + b"".join(
            b"p%d@harbor%d.com,Ada,Lovelace,Harbor,Germany\n" % (n, n % 300) for n in range(rows)
        )
    )


class Killed(BaseException):
    """As a kill -9 between two transactions."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_crash_costs_no_row_and_doubles_none(desk, monkeypatch, after):
    found = desk.confirmed(many(2_500))
    monkeypatch.setattr(staging, "BATCH", 1_000)
    real, calls = staging._stage_batch, []

    def dying(*args):
        if len(calls) == after - 1:
            raise Killed
        calls.append(1)
        real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(staging, "_stage_batch", dying)
        with pytest.raises(Killed):
            desk.run(found)
    assert total(desk, Contact) == 0  # nobody is seen before all are in

    done = desk.run(found)
    assert (done.state, done.contacts_added, done.rows_read) == (ImportState.DONE, 2_500, 2_500)


def test_a_crash_before_the_merge_leaves_nothing_half_done(desk, monkeypatch):
    found = desk.confirmed(many(500))
    with monkeypatch.context() as patch:
        patch.setattr(staging, "merge", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            desk.run(found)
    assert total(desk, Contact) == 0
    assert desk.run(found).contacts_added == 500


def test_running_twice_is_running_once(desk):
    found = desk.bring(many(50))
    assert desk.run(found).contacts_added == 50
    assert total(desk, Consent) == 50


def test_a_worker_that_was_overtaken_stops_and_adds_nothing(desk):
    found = desk.confirmed(many(2_500))
    reader = staging._reader(found, SIGNER)
    batch = next(staging._batches(found, desk.folder))
    desk.run(found)  # another worker does the whole list meanwhile
    with desk.db.transaction() as session, pytest.raises(staging._TakenOver):
        staging._stage_batch(session, found, reader, batch, 0)
    assert total(desk, Contact) == 2_500
    assert total(desk, ImportRow) == 0


def test_a_large_list_is_left_to_the_worker(desk, system, monkeypatch):
    monkeypatch.setattr(importing, "SMALL", 100)
    found = desk.confirmed(many(150))
    assert jobs.run_due(system) == 1
    with desk.db.reading() as session:
        assert session.get_one(ContactImport, found.id).contacts_added == 150


def test_a_small_list_is_finished_by_a_worker_if_its_process_dies(desk, system, clock):
    found = desk.confirmed(many(10))
    assert jobs.run_due(system) == 0
    clock.forward(minutes=3)
    assert jobs.run_due(system) == 1
    with desk.db.reading() as session:
        assert session.get_one(ContactImport, found.id).state is ImportState.DONE


def test_an_upload_nobody_confirmed_goes_after_a_week(desk, system, clock):
    received = desk.receive(many(5))
    with desk.db.transaction() as session:
        importing.upload(session, desk.actor, desk.tenant_id, received)
    clock.forward(days=8)
    jobs.run_due(system)
    assert total(desk, ContactImport) == 0
    assert list(desk.folder.iterdir()) == []


def test_rows_of_the_error_file_go_after_a_month(desk, system, clock):
    desk.bring(factories.csv_file([HEAD, ("kaputt", "", "", "", "", "", "")]))
    assert total(desk, ImportRow) == 1
    clock.forward(days=31)
    jobs.run_due(system)
    assert total(desk, ImportRow) == 0


def test_a_file_that_went_bad_fails_with_words_and_adds_nobody(desk):
    found = desk.confirmed(factories.csv_file([HEAD, ADA]))
    (desk.folder / found.file_path).write_bytes(b"email\n\xff\xfe\xff\n")
    done = desk.run(found)
    assert done.state is ImportState.FAILED
    assert "UTF-8" in done.error
    assert total(desk, Contact) == 0


def test_the_preview_shows_ten_rows_and_the_guess(desk):
    received = desk.receive(many(50))
    with desk.db.transaction() as session:
        found = importing.upload(session, desk.actor, desk.tenant_id, received)
        preview = importing.preview(found, desk.folder)
    assert len(preview.rows) == 10
    assert [c.field for c in preview.columns] == [
        "email", "given_name", "family_name", "company", "country",
    ]  # fmt: skip


def test_the_preview_hides_what_is_refused(desk):
    received = desk.receive(factories.csv_file([("email", "Health"), ("a@x.example", "asthma")]))
    with desk.db.transaction() as session:
        found = importing.upload(session, desk.actor, desk.tenant_id, received)
        assert importing.preview(found, desk.folder).rows == [["a@x.example", ""]]


def test_a_file_can_be_read_another_way(desk):
    rows = [("email", "Straße"), ("a@x.example", "Müllerstraße")]
    received = desk.receive(factories.csv_file(rows, "cp1252", ";"))
    with desk.db.transaction() as session:
        found = importing.upload(session, desk.actor, desk.tenant_id, received)
        importing.reread(found, desk.folder, "cp1250", ",")
        assert found.columns == ["email;Straße"]
        with pytest.raises(Invalid) as refusal:
            importing.reread(found, desk.folder, "utf-8-sig", ",")
        assert refusal.value.field == "encoding"


def test_formulas_in_the_error_file_are_disarmed(desk):
    found = desk.bring(factories.csv_file([("email", "note"), ("x", "=1+1")]))
    with desk.db.reading() as session:
        text = to_csv(listings.faults(session, found)).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text)))[1][:2] == ["x", "'=1+1"]
