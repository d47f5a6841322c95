"""Workbooks: read as lists, and refused before they can do harm."""

import io
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.audiences.conftest import Desk
from tpma.audiences import workbook
from tpma.audiences.models import ImportRow
from tpma.core.errors import Invalid

PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TYPES = (
    f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{OFFICE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{OFFICE}.worksheet+xml"/></Types>'
)


def related(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{RELATED}/{kind}" Target="{target}"/></Relationships>'
    )


def xlsx(sheet: str, extra: dict[str, bytes] | None = None) -> io.BytesIO:
    """The smallest workbook with this sheet data."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", related("officeDocument", "xl/workbook.xml"))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{RELATED}"><sheets>'
            '<sheet name="People" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", related("worksheet", "worksheets/sheet1.xml")
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        )
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    made.seek(0)
    return made


def row(number: int, *cells: str) -> str:
    inner = "".join(
        f'<c r="{chr(65 + n)}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
        for n, text in enumerate(cells)
    )
    return f'<row r="{number}">{inner}</row>'


def test_a_workbook_comes_in_like_a_list(desk: Desk):
    found = desk.bring(
        xlsx(row(1, "E-Mail", "Vorname") + row(2, "ada@harbor.example", "Ada")), name="kunden.xlsx"
    )
    assert (found.kind, found.contacts_added, found.file_name) == ("xlsx", 1, "kunden.xlsx")


def test_numbers_of_rows_are_those_of_the_sheet(desk: Desk):
    found = desk.bring(xlsx(row(4, "email") + row(5, "ada@harbor.example") + row(6, "kaputt")))
    with desk.db.reading() as session:
        bad = session.scalars(select(ImportRow)).one()
    assert (found.contacts_added, bad.line) == (1, 6)


def test_whole_numbers_lose_the_point_a_sheet_gives_them(tmp_path: Path):
    source, target = tmp_path / "a.xlsx", tmp_path / "a.csv"
    source.write_bytes(
        xlsx('<row r="1"><c r="A1"><v>4930</v></c><c r="B1"><v>1.5</v></c></row>').getvalue()
    )
    workbook.to_csv(source, target)
    assert target.read_text().strip() == "4930,1.5"


def test_a_zip_bomb_is_refused_before_it_unpacks(desk: Desk):
    bomb = xlsx(row(1, "email"), {"xl/sharedStrings.xml": b"<t>" + b"A" * 200 * 1024 * 1024})
    assert len(bomb.getvalue()) < 1024 * 1024
    with pytest.raises(Invalid, match="128 MB"):
        desk.receive(bomb)
    assert list(desk.folder.iterdir()) == []


def test_a_bomb_that_lies_about_its_size_is_cut_at_what_it_said(desk: Desk):
    content = bytearray(xlsx(row(1, "email") + "x" * 3_000_000).getvalue())
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        real = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    lied = bytes(content).replace(real.to_bytes(4, "little"), (500).to_bytes(4, "little"))
    with pytest.raises(Invalid, match="cannot be opened"):
        desk.receive(io.BytesIO(lied))


@pytest.mark.parametrize(
    "far", ['<c r="XFD1048576"><v>1</v></c>', "<c r='ZZZ900000'/>", '<c  r = "AAA1048576"/>']
)
def test_one_far_cell_cannot_ask_for_a_sheet_full_of_nothing(desk: Desk, far: str):
    with pytest.raises(Invalid, match="3,000,000 cells"):
        desk.receive(xlsx(row(1, "email") + f'<row r="1048576">{far}</row>'))


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + b"\x00" * 200,
        b"PK\x03\x04nonsense",
    ],
)
def test_a_broken_workbook_says_what_to_do(desk: Desk, content: bytes):
    with pytest.raises(Invalid, match="Save it again"):
        desk.receive(io.BytesIO(content))


def test_another_kind_of_zip_is_no_workbook(desk: Desk):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("readme.txt", "hello")
    made.seek(0)
    with pytest.raises(Invalid, match="cannot be opened"):
        desk.receive(made)


def test_an_empty_workbook_says_so(desk: Desk):
    with pytest.raises(Invalid, match="No sheet"):
        desk.receive(xlsx(""))
