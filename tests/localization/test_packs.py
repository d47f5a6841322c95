"""Country packs: checked as they are read, in force from a day, else the strictest market."""

from datetime import date, datetime

import pytest

from tpma.core.errors import Invalid
from tpma.localization import packs

TODAY = date(2026, 3, 2)
GOOD = (packs.FOLDER / "DE.toml").read_text(encoding="utf-8")


def test_the_fifteen_markets_are_there_and_every_file_can_be_read():
    known = packs.in_force(TODAY)
    wanted = {"US", "CA", "GB", "IE", "DE", "AT", "CH", "FR", "NL", "ES", "IT", "JP", "AE", "AU"}
    assert wanted | {"BR"} <= set(known)
    assert all(pack.sources and pack.version for pack in packs.shipped())


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ('countries = ["DE"]', 'countries = ["Germany"]', "countries.0"),
        ('countries = ["DE"]', 'countries = ["DE", "DE"]', "countries"),
        ("valid_from = 2026-01-01", 'valid_from = "soon"', "valid_from"),
        ('"legal_name", "address"', '"legal_name", "shoe_size"', "footer.fields.1"),
        ("double_opt_in = true", 'double_opt_in = "perhaps"', "consent.double_opt_in"),
        ('bases = ["consent", "soft_opt_in"]', "bases = []", "consent.bases"),
        ("purchase_months = 0", "purchase_months = -1", "consent.purchase_months"),
        ('until = "08:00"', 'until = "25:00"', "quiet.until"),
        ("weekdays = [1, 2, 3, 4, 5]", "weekdays = [0]", "quiet.weekdays.0"),
        ('language = "de"', 'language = "German"', "language"),
        ("[quiet]", "[loud]", "quiet"),
    ],
)
def test_a_fault_is_told_with_its_file_and_field(tmp_path, before, after, field):
    assert before in GOOD
    path = tmp_path / "DE.toml"
    path.write_text(GOOD.replace(before, after), encoding="utf-8")
    with pytest.raises(Invalid) as told:
        packs.read(path)
    assert told.value.field == field
    assert "DE.toml" in told.value.message


def test_what_is_no_toml_is_told_with_its_file(tmp_path):
    (tmp_path / "XX.toml").write_text("countries = [")
    with pytest.raises(Invalid, match=r"XX\.toml"):
        packs.read_all(tmp_path)


def test_two_packs_of_one_country_need_two_days(tmp_path):
    for name in ("DE", "DE-again"):
        (tmp_path / f"{name}.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(Invalid, match=r"DE\.toml"):
        packs.read_all(tmp_path)


def test_the_newest_pack_in_force_counts(tmp_path, monkeypatch):
    later = GOOD.replace("2026-01-01", "2026-07-01").replace('"2026.1"', '"2026.2"')
    (tmp_path / "DE.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "DE-2026-07-01.toml").write_text(later, encoding="utf-8")
    found = packs.read_all(tmp_path)
    monkeypatch.setattr(packs, "shipped", lambda: found)
    packs.in_force.cache_clear()
    try:
        assert packs.in_force(date(2026, 6, 30))["DE"].version == "2026.1"
        assert packs.in_force(date(2026, 7, 1))["DE"].version == "2026.2"
        assert packs.in_force(date(2025, 12, 31)) == {}
    finally:
        packs.in_force.cache_clear()


def test_an_unknown_country_is_judged_by_the_strictest_market():
    strict = packs.pack_for("KE", TODAY, ["US", "DE"])
    assert strict.consent.double_opt_in
    assert "legitimate_interest" not in strict.consent.bases
    assert set(packs.pack_for("DE", TODAY).footer.fields) <= set(strict.footer.fields)
    assert strict.footer.advertisement
    assert not packs.pack_for("KE", TODAY, ["US"]).consent.double_opt_in
    alone = packs.pack_for("KE", TODAY).consent
    assert alone.bases == ("consent",)
    assert alone.double_opt_in


def test_canada_limits_implied_consent():
    law = packs.pack_for("CA", TODAY).consent
    assert (law.purchase_months, law.inquiry_months) == (24, 6)


@pytest.mark.parametrize(
    ("moment", "is_quiet"),
    [
        ("2026-03-02T07:59", True),
        ("2026-03-02T08:00", False),
        ("2026-03-02T19:59", False),
        ("2026-03-02T20:00", True),
        ("2026-03-02T23:30", True),
        ("2026-03-07T12:00", True),  # a Saturday
    ],
)
def test_quiet_hours_run_over_midnight(moment, is_quiet):
    quiet = packs.pack_for("DE", TODAY).quiet
    assert quiet.is_quiet(datetime.fromisoformat(moment)) is is_quiet


def test_double_opt_in_is_asked_where_courts_want_it():
    assert packs.countries_where("double_opt_in", TODAY) == {"DE", "AT", "CH", "LU"}
