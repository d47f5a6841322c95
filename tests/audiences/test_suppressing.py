"""Domains, lists and the vendor's list: what they block, what they do not, and the way back."""

import io
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests import factories
from tests.factories.audiences import SIGNER, suppressed_domain
from tpma.audiences import blocklists, domains, listings, queries, service
from tpma.audiences.blocking import Domain, entry_of
from tpma.audiences.domains import Owner
from tpma.audiences.models import (
    ConsentBasis,
    Contact,
    ListState,
    SuppressedDomain,
    Suppression,
    SuppressionList,
    SuppressionListRow,
    SuppressionReason,
    SuppressionScope,
)
from tpma.audiences.rules import FEWEST, covers, told
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.text import Address
from tpma.identity.models import OrganisationKind

PARTNER, VENDOR = SuppressionScope.PARTNER, SuppressionScope.VENDOR


@pytest.fixture
def company(session):
    return factories.organisation()


@pytest.fixture
def owner(company) -> Owner:
    return Owner(company.id, PARTNER)


@pytest.fixture
def who(company):
    return factories.actor(factories.membership(company))


def _out(session, company, vendor_id=None) -> list[str]:
    """Addresses of the contacts some list names."""
    rows = session.scalars(
        select(Contact.email_norm).where(*queries.active(company.id), queries.suppressed(vendor_id))
    )
    return sorted(rows)


# --- what a cell names ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("x.example", Domain("x.example", False)),
        ("@x.example", Domain("x.example", False)),
        ("*@x.example", Domain("x.example", False)),
        ("*.x.example", Domain("x.example", True)),
        (".x.example", Domain("x.example", True)),
        ("  X.Example. ", Domain("x.example", False)),
        ("bücher.example", Domain("xn--bcher-kva.example", False)),
        ("", "nothing"),
        ("nonsense", "bad_entry"),
        ("x@", "bad_entry"),
        ("a b.example", "bad_entry"),
        ("https://x.example/", "bad_entry"),
        ("a@x.example; b@x.example", "two_addresses"),
        ("gmail.com", "free_mail"),
        ("mail.gmail.com", "free_mail"),
        ("co.uk", "public_suffix"),
        ("com", "bad_entry"),
    ],
)
def test_what_a_cell_names(cell, named):
    assert entry_of(cell) == named


def test_an_address_is_read_from_a_mail_programs_form():
    found = entry_of("Ada <Ada@X.example>")
    assert isinstance(found, Address)
    assert found.norm == "ada@x.example"


def test_the_lists_switch_takes_subdomains_too():
    assert entry_of("x.example", True) == Domain("x.example", True)


# --- domains --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "subdomains", "out"),
    [
        ("x.example", False, ["a@x.example"]),
        ("x.example", True, ["a@eu.x.example", "a@mail.eu.x.example", "a@x.example"]),
        ("eu.x.example", True, ["a@eu.x.example", "a@mail.eu.x.example"]),
        ("eu.x.example", False, ["a@eu.x.example"]),
    ],
)
def test_a_domain_blocks_itself_and_if_wished_what_is_under_it(
    session, company, owner, who, entry, subdomains, out
):
    for host in ("x.example", "eu.x.example", "mail.eu.x.example", "xx.example", "x.example.org"):
        factories.mailable_contact(company, email=f"a@{host}")
    domains.suppress_domain(session, who, owner, entry, subdomains=subdomains)
    assert _out(session, company) == out


def test_a_domain_taken_off_blocks_nobody(session, company, owner, who):
    factories.mailable_contact(company, email="a@x.example")
    entry = domains.suppress_domain(session, who, owner, "x.example", subdomains=True)
    domains.lift_domain(session, who, entry)
    assert _out(session, company) == []
    domains.suppress_domain(session, who, owner, "x.example", subdomains=False)
    assert (_out(session, company), entry.subdomains) == (["a@x.example"], False)


def test_a_domain_known_already_can_only_grow(session, owner, who):
    entry = domains.suppress_domain(session, who, owner, "x.example", subdomains=True)
    again = domains.suppress_domain(session, who, owner, "X.example", subdomains=False)
    assert (again.id, again.subdomains) == (entry.id, True)


@pytest.mark.parametrize("text", ["co.uk", "com", "", "x", "a b.example", "github.io"])
def test_what_is_nobodys_domain_is_refused(session, owner, who, text):
    with pytest.raises(Invalid) as refusal:
        domains.suppress_domain(session, who, owner, text, subdomains=True)
    assert refusal.value.field == "domain"


def test_a_mail_provider_needs_a_second_yes(session, company, owner, who):
    factories.mailable_contact(company, email="ada@gmail.com")
    with pytest.raises(Conflict, match="mail provider"):
        domains.suppress_domain(session, who, owner, "gmail.com", subdomains=False)
    assert _out(session, company) == []
    domains.suppress_domain(session, who, owner, "gmail.com", subdomains=False, confirmed=True)
    assert _out(session, company) == ["ada@gmail.com"]


def test_another_partners_domains_block_nobody_here(session, company, who):
    factories.mailable_contact(company, email="a@x.example")
    stranger = Owner(factories.organisation().id, PARTNER)
    entry = domains.suppress_domain(session, who, stranger, "x.example", subdomains=True)
    assert _out(session, company) == []
    with pytest.raises(NotFound):
        domains.domain_entry(session, Owner(company.id, PARTNER), entry.id)


LABEL = st.text("abz019-_", min_size=1, max_size=3)
HOST = st.lists(LABEL, min_size=2, max_size=12).map(".".join)
LOCAL = st.text("abz019.!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=6)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(host=HOST, local=LOCAL, cut=st.integers(0, 11), subdomains=st.booleans(), extra=LABEL)
def test_sql_and_the_rule_agree_on_every_host(session, host, local, cut, subdomains, extra):
    company = factories.organisation()
    labels = host.split(".")
    named = ".".join(labels[min(cut, len(labels) - 1) :])
    entry = {"tenant_id": company.id, "scope": PARTNER, "subdomains": subdomains}
    factories.save(SuppressedDomain(domain=named, **entry))
    factories.contact(company, email_norm=f"{local}@{host}")
    factories.contact(company, email_norm=f"{local}x@{extra}{host}")
    wanted = {
        f"{local}@{host}": covers(named, subdomains, host),
        f"{local}x@{extra}{host}": covers(named, subdomains, f"{extra}{host}"),
    }
    assert _out(session, company) == sorted(norm for norm, held in wanted.items() if held)


# --- the vendor's list ----------------------------------------------------------------------


def _vendor_blocks(session, addresses=(), domain=None):
    vendor = factories.organisation(OrganisationKind.VENDOR)
    for address in addresses:
        service.suppress(session, SIGNER, vendor.id, address, SuppressionReason.MANUAL, "", VENDOR)
    if domain:
        suppressed_domain(Owner(vendor.id, VENDOR), domain)
    return vendor


@pytest.mark.parametrize(("people", "said"), [(4, (0, 4)), (5, (5, 0)), (7, (7, 0))])
def test_a_partner_reads_the_vendors_count_from_five_on(session, company, people, said):
    for n in range(9):
        factories.mailable_contact(company, email=f"p{n}@x.example")
    vendor = _vendor_blocks(session, [f"p{n}@x.example" for n in range(people)])
    counts = queries.counts(session, company.id, vendor_id=vendor.id)
    assert (counts.vendor_held, counts.suppressed) == said
    assert (counts.matching, counts.writable) == (9, 9 - people)


def test_a_vendors_domain_holds_for_its_launches_and_no_others(session, company):
    for n in range(6):
        factories.mailable_contact(company, email=f"p{n}@eu.x.example")
    vendor = _vendor_blocks(session, domain="x.example")
    other = factories.organisation(OrganisationKind.VENDOR)
    assert queries.counts(session, company.id, vendor_id=vendor.id).vendor_held == 6
    assert queries.counts(session, company.id, vendor_id=other.id).writable == 6
    assert queries.counts(session, company.id).writable == 6


def test_no_page_about_a_person_knows_the_vendors_list(session, company):
    ada = factories.mailable_contact(company, email="ada@x.example")
    _vendor_blocks(session, ["ada@x.example"], "x.example")
    assert listings.is_writable(session, ada)
    assert listings.suppressions_of(session, ada) == []
    assert listings.domains_over(session, ada) == []


def test_who_is_on_both_lists_counts_as_the_partners_own(session, company):
    for n in range(5):
        factories.mailable_contact(company, email=f"p{n}@x.example")
        service.suppress(
            session, SIGNER, company.id, f"p{n}@x.example", SuppressionReason.MANUAL, ""
        )
    vendor = _vendor_blocks(session, domain="x.example")
    counts = queries.counts(session, company.id, vendor_id=vendor.id)
    assert (counts.suppressed, counts.vendor_held) == (5, 0)


@given(st.integers(0, 50), st.integers(0, 50))
def test_what_is_told_adds_up_and_never_speaks_of_fewer_than_five(own, vendors):
    shown = told(own, vendors)
    assert sum(shown) == own + vendors
    assert shown[1] == 0 or shown[1] >= FEWEST


# --- only who signed up ---------------------------------------------------------------------


@pytest.fixture
def mixed(session, company):
    """One who signed up, one customer who was told, one without any basis."""
    factories.mailable_contact(company, email="signed@x.example")
    told_so = factories.contact(company, email="told@x.example")
    factories.consent(told_so, basis=ConsentBasis.SOFT_OPT_IN)
    factories.contact(company, email="nobody@x.example")
    return company


def test_by_default_every_lawful_basis_counts(session, mixed):
    counts = queries.counts(session, mixed.id)
    assert (counts.writable, counts.held, counts.not_opted_in) == (2, 1, 0)


@pytest.mark.parametrize("whose", ["partner", "vendor", "both"])
def test_opt_in_only_holds_back_everybody_else(session, mixed, who, whose):
    vendor = factories.organisation(OrganisationKind.VENDOR)
    for company, kind in ((mixed, "partner"), (vendor, "vendor")):
        if whose in (kind, "both"):
            service.set_opt_in_only(session, who, company.id, True)
    counts = queries.counts(session, mixed.id, vendor_id=vendor.id)
    assert (counts.writable, counts.held, counts.not_opted_in) == (1, 1, 1)
    alone = queries.counts(session, mixed.id)
    assert alone.writable == (2 if whose == "vendor" else 1)


def test_the_rule_is_the_companys_own(session, mixed, who):
    stranger = factories.organisation()
    service.set_opt_in_only(session, who, stranger.id, True)
    assert queries.counts(session, mixed.id).writable == 2


# --- lists ----------------------------------------------------------------------------------


@pytest.fixture
def bring(desk):
    """A list on its whole road; `stop` leaves it read and not applied."""

    def go(text: str | io.BytesIO, *, owner=None, stop=False, subdomains=False) -> SuppressionList:
        whose = owner or Owner(desk.tenant_id, PARTNER)
        stream = blocklists.pasted(text) if isinstance(text, str) else text
        received = desk.receive(stream)
        with desk.db.transaction() as session:
            found = blocklists.receive(
                session, desk.actor, whose, received, desk.folder, subdomains=subdomains
            )
        blocklists.read(desk.db, SIGNER, desk.folder, found.id)
        if not stop:
            with desk.db.transaction() as session:
                blocklists.start(session, desk.actor, blocklists.list_of(session, whose, found.id))
            blocklists.apply(desk.db, found.id)
        with desk.db.reading() as session:
            return session.get_one(SuppressionList, found.id)

    return go


def _live(desk) -> set[str]:
    with desk.db.reading() as session:
        whose = Owner(desk.tenant_id, PARTNER)
        return {e.shown for e in listings.suppressions(session, whose)} | {
            e.domain for e in domains.domains(session, whose)
        }


def _undo(desk, found) -> int:
    with desk.db.transaction() as session:
        whose = Owner(found.tenant_id, found.scope)
        return blocklists.undo(session, desk.actor, blocklists.list_of(session, whose, found.id))


MIXED = "Ada@x.example\nx@y.example, x.example; A@x.example\nnonsense\ngmail.com\nada@x.example"


def test_a_list_is_read_counted_and_blocks_nobody_yet(desk, bring):
    found = bring(MIXED, stop=True)
    assert found.state is ListState.READY
    assert (found.rows_read, found.addresses, found.domains, found.rows_bad) == (7, 3, 1, 2)
    assert _live(desk) == set()
    assert list(desk.folder.iterdir()) == []


def test_an_applied_list_blocks_all_it_names(desk, bring):
    assert bring(MIXED).state is ListState.DONE
    assert _live(desk) == {"A…@x.example", "x…@y.example", "x.example"}


def test_the_column_is_found_and_a_heading_is_no_entry(desk, bring):
    rows = [("name", "Domain", "n"), ("Acme", "acme.example", "1"), ("Ox", "*.ox.example", "2")]
    found = bring(factories.csv_file(rows, separator=";"))
    assert (found.domains, found.rows_bad, found.skip_first) == (2, 0, True)
    assert _live(desk) == {"acme.example", "ox.example"}


def test_a_list_without_heading_keeps_its_first_domain(desk, bring):
    bring(factories.csv_file([("acme.example",), ("ox.example",)]))
    assert _live(desk) == {"acme.example", "ox.example"}


def test_a_list_of_nothing_is_refused_and_not_kept(desk, bring):
    with pytest.raises(Invalid) as refusal:
        bring(factories.csv_file([("name",), ("Ada",)]))
    assert refusal.value.field == "file"
    assert list(desk.folder.iterdir()) == []


def test_every_bad_row_is_in_the_error_file_with_its_line(desk, bring):
    found = bring(factories.csv_file([("mail",), ("a@x.example",), ("=x",), ("co.uk",)]))
    with desk.db.reading() as session:
        _head, *rows = blocklists.faults(session, found)
    assert [row[:2] for row in rows] == [[3, "=x"], [4, "co.uk"]]
    assert all(row[2] for row in rows)


def test_the_preview_counts_contacts_who_are_on_no_list_yet(desk, bring):
    with desk.db.transaction() as session:
        factories.bind(session)
        company = listings.organisation(session, desk.tenant_id)
        for email in ("a@x.example", "b@eu.x.example", "c@y.example", "d@z.example"):
            factories.mailable_contact(company, email=email)
        service.suppress(session, SIGNER, company.id, "a@x.example", SuppressionReason.MANUAL, "")
    found = bring("*.x.example\nc@y.example\na@x.example", stop=True)
    with desk.db.reading() as session:
        assert blocklists.people_it_holds(session, found) == 2
    assert found.known == 1


def test_taking_a_list_back_frees_what_it_alone_had_blocked(desk, bring):
    first = bring("a@x.example\nb@x.example\nx.example\ny.example")
    second = bring("b@x.example\ny.example")
    assert second.known == 2
    assert _undo(desk, first) == 2
    assert _live(desk) == {"b…@x.example", "y.example"}
    assert _undo(desk, second) == 2
    assert _live(desk) == set()


def test_what_is_known_otherwise_survives_its_list(desk, bring):
    by_hand, out = SuppressionReason.MANUAL, SuppressionReason.UNSUBSCRIBE
    found = bring("a@x.example\nb@x.example\nc@x.example\nx.example")
    with desk.db.transaction() as session:
        service.suppress(session, SIGNER, desk.tenant_id, "a@x.example", by_hand, "")
        service.suppress(session, SIGNER, desk.tenant_id, "b@x.example", out, "page")
        whose = Owner(desk.tenant_id, PARTNER)
        domains.suppress_domain(session, desk.actor, whose, "x.example", subdomains=False)
    assert _undo(desk, found) == 1
    assert _live(desk) == {"a…@x.example", "b…@x.example", "x.example"}


def test_who_unsubscribed_stays_unsubscribed_when_a_list_names_them(desk, bring):
    with desk.db.transaction() as session:
        reason = SuppressionReason.UNSUBSCRIBE
        service.suppress(session, SIGNER, desk.tenant_id, "a@x.example", reason, "page")
    found = bring("a@x.example")
    with desk.db.reading() as session:
        entry = session.scalars(select(Suppression)).one()
    assert (entry.reason, entry.list_id) == (reason, None)
    assert _undo(desk, found) == 0
    assert _live(desk) == {"a…@x.example"}


def test_who_was_taken_off_comes_back_with_a_list_and_goes_with_it(desk, bring):
    with desk.db.transaction() as session:
        reason = SuppressionReason.MANUAL
        entry = service.suppress(session, SIGNER, desk.tenant_id, "a@x.example", reason, "")
        service.lift(session, desk.actor, entry)
    found = bring("a@x.example")
    assert _live(desk) == {"a…@x.example"}
    assert _undo(desk, found) == 1
    assert _live(desk) == set()


def test_a_list_is_applied_once_and_taken_back_once(desk, bring):
    found = bring("a@x.example")
    blocklists.apply(desk.db, found.id)
    blocklists.read(desk.db, SIGNER, desk.folder, found.id)
    _undo(desk, found)
    with pytest.raises(Conflict):
        _undo(desk, found)
    with desk.db.transaction() as session, pytest.raises(Conflict):
        blocklists.start(session, desk.actor, session.get_one(SuppressionList, found.id))


def test_reading_goes_on_where_a_death_left_it(desk, bring, monkeypatch):
    monkeypatch.setattr(blocklists, "BATCH", 2)
    whose = Owner(desk.tenant_id, PARTNER)
    received = desk.receive(blocklists.pasted("\n".join(f"p{n}@x.example" for n in range(7))))
    with desk.db.transaction() as session:
        found = blocklists.receive(
            session, desk.actor, whose, received, desk.folder, subdomains=False
        )
    first = next(blocklists._batches(found, desk.folder))
    with desk.db.transaction() as session:
        assert blocklists._stage(session, SIGNER, found.id, first)
    with desk.db.transaction() as session:
        assert not blocklists._stage(session, SIGNER, found.id, first)
    blocklists.read(desk.db, SIGNER, desk.folder, found.id)
    with desk.db.reading() as session:
        done = session.get_one(SuppressionList, found.id)
        assert (done.state, done.rows_read, done.addresses) == (ListState.READY, 7, 7)


def test_another_owners_list_is_not_there(desk, bring):
    found = bring("a@x.example", stop=True)
    for owner in (Owner(desk.tenant_id, VENDOR), Owner(found.id, PARTNER)):
        with desk.db.reading() as session, pytest.raises(NotFound):
            blocklists.list_of(session, owner, found.id)


def test_an_abandoned_list_goes_with_its_file(desk, bring):
    found = bring("a@x.example", stop=True)
    with desk.db.transaction() as session:
        blocklists.tidy(session, found.id, desk.folder)
    with desk.db.reading() as session:
        assert session.scalars(select(SuppressionList)).all() == []
        assert session.scalars(select(SuppressionListRow)).all() == []


@pytest.mark.parametrize("text", ["", " \n;,", "\0"])
def test_nothing_pasted_is_told(text):
    with pytest.raises(Invalid) as refusal:
        blocklists.pasted(text)
    assert refusal.value.field == "pasted"


# --- fast enough ----------------------------------------------------------------------------

PEOPLE = 50_000


def test_fifty_thousand_people_against_long_lists(desk, bring):
    """Measured: about 1 s on SQLite and on PostgreSQL, with ten thousand domains of the vendor."""
    rows = b"".join(b"p%d@mail.c%d.example\n" % (n, n % 20_000) for n in range(PEOPLE))
    desk.bring(io.BytesIO(b"email\n" + rows))
    with desk.db.transaction() as session:
        factories.bind(session)
        vendor = factories.organisation(OrganisationKind.VENDOR)
    hosts = b"".join(b"*.c%d.example\n" % n for n in range(10_000))
    bring(io.BytesIO(b"domain\n" + hosts), owner=Owner(vendor.id, VENDOR))
    with desk.db.reading() as session:
        session.scalar(select(func.count(Contact.id)))
        started = perf_counter()
        counts = queries.counts(session, desk.tenant_id, vendor_id=vendor.id)
        spent = perf_counter() - started
    assert counts.vendor_held == sum(n % 20_000 < 10_000 for n in range(PEOPLE))
    assert spent < 20, f"{spent:.1f} s"
