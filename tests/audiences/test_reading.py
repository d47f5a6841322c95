"""Reading a file: whatever it is, in constant memory, or refused by name."""

import csv
import io
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tpma.audiences.encodings import guess_encoding
from tpma.audiences.reading import (
    MOST_COLUMNS,
    MOST_RECORD,
    examine,
    guess_separator,
    records,
    records_of,
)
from tpma.core.errors import Invalid

GERMAN = "Name;Straße;E-Mail\nJörg Müller;Hauptstraße 5;joerg@müller.example\n"
JAPANESE = "氏名,会社,メールアドレス\n山田 太郎,株式会社ハーバー,taro@harbor.example\n"
POLISH = "Imię;Miasto;E-mail\nŁukasz Święty;Gdańsk, Łódź;lukasz@port.example\n"
RUSSIAN = "Имя;Компания\nИван Петров;Ромашка и сыновья\n"
ARABIC = "الاسم,الشركة\nمحمد الأحمد,شركة الميناء للتقنية\n"
CHINESE = "姓名,公司\n王小明,港口科技有限公司\n"


def file_of(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "list"
    path.write_bytes(content)
    return path


def cells(path: Path, encoding: str, separator: str = ",") -> list[list[str]]:
    return [record.cells for record in records(path, encoding, separator)]


def stream(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


def parsed(text: str, separator: str = ",") -> list[tuple[int, list[str], bool]]:
    return [tuple(record) for record in records_of(stream(text), "utf-8", separator)]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "cp1252"),
        (JAPANESE, "utf-8"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (RUSSIAN, "cp1251"),
        (ARABIC, "cp1256"),
        (CHINESE, "gb18030"),
        (CHINESE, "big5"),
        (POLISH, "cp1250"),
        ("Name;Ort\nMüller;Köln\n", "cp1252"),
        ("Nom;Ville\nÉlodie;Orléans\n", "cp1252"),
        ("Jméno;Město\nŘehoř Šťastný;Plzeň\nŽofie;Děčín\n", "cp1250"),
        ("Ad;Şehir\nIşık Yılmaz;İğdır\n", "cp1254"),
        ("Name;Ort\nGünter Groß;Mönchengladbach\nJürgen;Köln\n", "mac_roman"),
        ("Name;Ort\nGünter Groß;Mönchengladbach\nJürgen;Köln\n", "cp850"),
    ],
)
@pytest.mark.parametrize("times", [1, 400])
def test_text_comes_back_whatever_common_encoding_it_was_saved_in(tmp_path, text, encoding, times):
    path = file_of(tmp_path, (text * times).encode(encoding))
    shape = examine(path)
    read = cells(path, shape.encoding, shape.separator)
    assert read == list(csv.reader(io.StringIO(text * times), delimiter=shape.separator))


def test_one_letter_far_down_the_file_decides_its_encoding(tmp_path):
    plain = "name,city\n" + "Ada,London\n" * 30_000
    path = file_of(tmp_path, plain.encode() + "Jörg,Köln\n".encode("cp1252"))
    assert guess_encoding(path) == "cp1252"
    assert cells(path, "cp1252")[-1] == ["Jörg", "Köln"]


def test_a_wrong_encoding_is_refused_by_its_name_and_field(tmp_path):
    path = file_of(tmp_path, GERMAN.encode("cp1252"))
    with pytest.raises(Invalid, match="UTF-8") as refusal:
        examine(path, encoding="utf-8-sig")
    assert refusal.value.field == "encoding"


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
        b"%PDF-1.7 \n%\xe2\xe3\xcf\xd3\n",
        b"\x1f\x8b\x08\x00" + bytes(100),
        bytes(range(256)) * 100,
        b"\x00" * 4096,
        b"\x7fELF\x02\x01\x01\x00" + b"\x00\x01\x02" * 300,
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content):
    with pytest.raises(Invalid, match="not a list"):
        examine(file_of(tmp_path, content))


def test_an_old_excel_file_is_told_what_to_do(tmp_path):
    with pytest.raises(Invalid, match=r"\.xlsx"):
        examine(file_of(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)))


def test_a_few_zero_bytes_in_a_list_are_dropped(tmp_path):
    path = file_of(tmp_path, b"email,name\nada@x.example,Ad\x00a\n" * 50)
    assert cells(path, examine(path).encoding)[1] == ["ada@x.example", "Ada"]


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n", ";"),
        ("a\tb\n1, 2\t3\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('name;"city, country"\nAda;"London, GB"\nBob;"Rome, IT"\n', ";"),
        ("sep=;\nemail\n", ";"),
        ("email\nada@x.example\n", ","),
    ],
)
def test_the_separator_is_the_one_that_cuts_rows_alike(text, separator):
    assert guess_separator(text.splitlines(True)) == separator


def test_excels_separator_line_is_not_a_row(tmp_path):
    path = file_of(tmp_path, b"sep=;\nemail;name\nada@x.example;Ada\n")
    assert examine(path).columns == ["email", "name"]


def test_a_list_without_headings_names_its_columns_by_number(tmp_path):
    shape = examine(file_of(tmp_path, b"ada@x.example,Ada\nbob@x.example,Bob\n"))
    assert (shape.has_header, shape.rows, shape.columns) == (False, 2, ["Column 1", "Column 2"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n , \n", "empty|nobody"),
        (b"email,name\n", "nobody under it"),
        (b"\xef\xbb\xbf", "empty"),
    ],
)
def test_a_file_without_people_says_so(tmp_path, content, words):
    with pytest.raises(Invalid, match=words):
        examine(file_of(tmp_path, content))


def test_ten_thousand_columns_are_refused_with_the_limit(tmp_path):
    line = ",".join(f"c{n}" for n in range(10_000)).encode()
    with pytest.raises(Invalid, match=str(MOST_COLUMNS)):
        examine(file_of(tmp_path, line + b"\n" + line + b"\n"))


def test_headings_given_twice_stay_two_columns(tmp_path):
    shape = examine(file_of(tmp_path, b"email,name,name\na@x.example,1,2\n"))
    assert shape.columns == ["email", "name", "name"]


class Endless(io.RawIOBase):
    """A line that never ends, made as it is read."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[override]
        size = min(len(buffer), self.left)
        buffer[:size] = b"x" * size
        self.left -= size
        return size


def test_a_line_of_a_gigabyte_is_refused_without_being_read():
    source = Endless(2**30)
    tracemalloc.start()
    with pytest.raises(Invalid, match="100,000"):
        list(records_of(io.BufferedReader(source), "utf-8", ","))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 1024 * 1024
    assert source.left > 2**30 - 4 * MOST_RECORD


def test_a_row_that_never_closes_its_quotes_is_given_up_and_the_next_are_read():
    text = 'email,name\n"ada@x.example,Ada\nbob@x.example,Bob\ncy@x.example,Cy\n'
    assert parsed(text)[1:] == [
        (2, ['"ada@x.example,Ada'], True),
        (3, ["bob@x.example", "Bob"], False),
        (4, ["cy@x.example", "Cy"], False),
    ]


def test_rows_that_chain_their_quotes_for_ever_do_not_fill_memory():
    endless = 'a,"b\n' + '","c\n' * 5_000
    assert sum(broken for _line, _cells, broken in parsed(endless)) > 0


def test_line_breaks_inside_quotes_belong_to_the_cell():
    assert parsed('name,note\nAda,"one\r\ntwo"\nBob,x\n')[1:] == [
        (2, ["Ada", "one\r\ntwo"], False),
        (4, ["Bob", "x"], False),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_understood(end):
    assert [c for _l, c, _b in parsed(end.join(["a,b", "1,2", "3,4"]))] == [
        ["a", "b"],
        ["1", "2"],
        ["3", "4"],
    ]


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12).map(
    lambda text: text.lstrip(" ")
)
TABLE = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=12)
)


@given(TABLE, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["utf-8", "utf-16"]))
@settings(max_examples=150, deadline=None)
def test_any_table_a_spreadsheet_writes_is_read_back(table, separator, encoding):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(table)
    file = io.BytesIO(text.getvalue().encode(encoding))
    read = [record.cells for record in records_of(file, encoding, separator)]
    assert read == [row for row in table if any(row)]


@given(st.binary(max_size=3_000))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_read_or_refused_and_nothing_else(tmp_path, content):
    path = file_of(tmp_path, content)
    with suppress(Invalid):
        shape = examine(path)
        read = list(records(path, shape.encoding, shape.separator))
        assert len(read) == shape.rows + shape.has_header


@given(st.text(st.sampled_from('",;\n\ra\0 '), max_size=120))
@settings(max_examples=200, deadline=None)
def test_every_line_is_read_or_reported_and_none_is_lost(text):
    rows = list(records_of(stream(text), "utf-8", ","))
    assert [row.line for row in rows] == sorted({row.line for row in rows})
    letters = sum(cell.count("a") for row in rows for cell in row.cells)
    assert letters == text.count("a")
