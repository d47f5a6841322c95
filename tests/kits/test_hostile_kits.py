"""Whatever stands in a kit, the check answers with faults and never fails itself."""

import io
import os
import random
import stat
import warnings
import zipfile

import pytest

from tests.kits import small_kit
from tpma.kits import check, intake
from tpma.kits.intake import LARGEST_FILE, from_folder, from_zip


@pytest.fixture
def folder(tmp_path):
    return small_kit.write(tmp_path / "kit")


def rules(reading):
    return {(fault.rule, fault.file) for fault in reading.faults}


def test_a_folder_without_a_manifest_is_no_kit(tmp_path):
    assert rules(check.folder(tmp_path)) == {("schema", "kit.toml")}


def test_a_file_that_is_too_large_is_refused_unread(folder):
    (folder / "assets/hero.png").write_bytes(b"\0" * (LARGEST_FILE + 1))
    assert ("schema", "assets/hero.png") in rules(check.folder(folder))


def test_a_manifest_that_is_too_large_is_refused_unread(folder):
    (folder / "kit.toml").write_bytes(b"# " * LARGEST_FILE)
    assert rules(check.folder(folder)) == {("schema", "kit.toml")}


def test_too_many_files_are_refused(folder):
    for number in range(intake.MOST_FILES + 1):
        (folder / f"assets/{number}.png").touch()
    assert len(from_folder(folder).files) <= intake.MOST_FILES
    assert check.folder(folder).faults


def test_a_link_is_refused_and_never_followed(folder, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(small_kit.png())
    (folder / "assets/hero.png").unlink()
    (folder / "assets/hero.png").symlink_to(secret)
    taken = from_folder(folder)
    assert "assets/hero.png" not in taken.files
    assert ("schema", "assets/hero.png") in rules(check.folder(folder))


def test_a_linked_folder_is_refused(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.png").write_bytes(small_kit.png())
    (folder / "more").symlink_to(other)
    assert {fault.file for fault in from_folder(folder).faults} == {"more"}


def test_a_pipe_is_refused_and_never_read(folder):
    os.mkfifo(folder / "assets/pipe.png")
    assert {fault.file for fault in from_folder(folder).faults} == {"assets/pipe.png"}


def test_hidden_files_are_passed_over(folder):
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("x")
    (folder / ".DS_Store").write_bytes(b"\0")
    assert check.folder(folder).faults == []


@pytest.mark.parametrize("name", ["a b.png", "ä.png", "x\ny.png", "-\u202e.png"])
def test_odd_file_names_are_refused(folder, name):
    (folder / name).write_bytes(b"")
    faults = check.folder(folder).faults
    assert [fault.rule for fault in faults] == ["schema"]
    assert "\n" not in str(faults[0])


@pytest.mark.parametrize(
    "path", ["kit.toml", "email/invite.mjml", "locales/de.po", "pdf/sheet.css"]
)
def test_text_that_is_no_utf8_is_named_with_its_line(folder, path):
    text = (folder / path).read_bytes()
    (folder / path).write_bytes(text + b"\n\xff\n")
    line = text.count(b"\n") + 2
    found = {(f.file, f.line) for f in check.folder(folder).faults}
    assert (path, line) in found


def test_broken_toml_is_named_with_its_line(folder):
    text = small_kit.MANIFEST.replace('title = "Small kit"', "title = Small kit")
    (folder / "kit.toml").write_text(text)
    (fault,) = check.folder(folder).faults
    assert (fault.file, fault.line, fault.rule) == ("kit.toml", 4, "schema")


@pytest.mark.parametrize(
    "text", ["", "\0", "kit = 3", "[[kit]]", "asset = {}", "[asset]\nkey='x'", "[fields]\nx = 1",
             "form = []", "[form]\nfield = {}", "[form]\nfield = [1]", "[[slot]]",
             "[[asset]]\nkind = []",
             "[[asset]]\nkey = {}\nkind = 'email'", "[kit]\nlocales = [[], {}]", "a = [" * 2000],
)  # fmt: skip
def test_a_manifest_of_another_shape_is_only_faults(text):
    files = small_kit.files() | {"kit.toml": text.encode()}
    reading = check.checked(check.library.open_kit(intake.Intake(files=files)))
    assert reading.content is None
    assert reading.faults


def test_random_damage_never_stops_the_check():
    """Three hundred kits with bytes overwritten, cut out or doubled in a file of theirs."""
    chance = random.Random(20260302)
    whole = small_kit.files()
    for _round in range(300):
        path = chance.choice(sorted(whole))
        data = bytearray(whole[path])
        at, length = chance.randrange(len(data)), chance.randrange(1, 20)
        damage = chance.choice([b"", chance.randbytes(length), bytes(data[at : at + length]) * 3])
        data[at : at + length] = damage
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            files = whole | {path: bytes(data)}
            check.checked(check.library.open_kit(intake.Intake(files=files)))


BOMB = small_kit.png(1, 1).replace(b"IHDR\0\0\0\1\0\0\0\1", b"IHDR\0\0\xff\xff\0\0\xff\xff")


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n", small_kit.png()[:40], BOMB, small_kit.png(5000, 1), b"GIF89a"],
    ids=["empty", "head only", "cut off", "claims 65535 px", "too wide", "a GIF"],
)
def test_a_picture_that_cannot_be_shown_is_refused(folder, data):
    (folder / "assets/hero.png").write_bytes(data)
    assert ("image.type", "assets/hero.png") in rules(check.folder(folder))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<svg",
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 999999 2"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 -1 2"/>',
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]>'
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2">&a;</svg>',
        '<?xml version="1.0" encoding="no-such"?>'
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"/>',
    ],
)
def test_a_drawing_that_cannot_be_shown_is_refused(folder, text):
    (folder / "assets/cover.svg").write_text(text)
    assert ("image.type", "assets/cover.svg") in rules(check.folder(folder))


PLURAL = 'msgid "a"\nmsgstr "b"\nmsgid_plural "c"\n'


@pytest.mark.parametrize(
    "text", ["garbage", 'msgid "x', PLURAL, 'msgctxt "a\\', "\0", "kit.toml", "/etc/passwd"]
)
def test_a_catalog_that_is_none_is_only_faults(folder, text):
    (folder / "locales/de.po").write_text(text)
    assert check.folder(folder).faults


def archive(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as opened:
        for path, data in (small_kit.files() | members).items():
            opened.writestr(path, data)
    return packed.getvalue()


def test_a_zipped_kit_is_read():
    assert check.archive(small_kit.zipped()).faults == []


def test_the_folder_around_a_zipped_kit_is_taken_off():
    around = {f"small-kit/{path}": data for path, data in small_kit.files().items()}
    assert check.archive(small_kit.zipped(around)).faults == []


def test_what_operating_systems_add_is_passed_over():
    files = small_kit.files() | {"__MACOSX/._kit.toml": b"x", "assets/.DS_Store": b"x"}
    assert check.archive(small_kit.zipped(files)).faults == []


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"no zip", small_kit.zipped()[:200]])
def test_an_archive_that_is_none_is_refused(data):
    assert rules(check.archive(data)) == {("schema", "kit.toml")}


@pytest.mark.parametrize("path", ["../kit.toml", "/etc/x.png", "assets/../../x.png", "a\\b.png"])
def test_a_path_that_leads_out_of_the_archive_is_refused(path):
    taken = from_zip(archive(**{path: b"x"}))
    assert [fault.rule for fault in taken.faults] == ["schema"]
    assert path not in taken.files


def test_a_link_in_an_archive_is_refused():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        link = zipfile.ZipInfo("assets/hero.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
    assert "assets/hero.png" not in from_zip(packed.getvalue()).files


def test_an_archive_that_grows_when_unpacked_is_stopped():
    bombs = {f"assets/{n}.png": b"\0" * LARGEST_FILE for n in range(12)}
    data = archive(**bombs, **{"assets/huge.png": b"\0" * (64 * 1024 * 1024)})
    taken = from_zip(data)
    assert len(data) < 1024 * 1024
    assert taken.size <= intake.LARGEST_KIT
    assert {"assets/huge.png", "assets/11.png"} <= {fault.file for fault in taken.faults}


def test_a_damaged_member_is_refused():
    data = bytearray(small_kit.zipped({"kit.toml": b"x" * 5000}))
    data[60:64] = b"\xff" * 4
    assert from_zip(bytes(data)).faults
