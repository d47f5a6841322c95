"""What every PDF renderer must do."""

import io

import pypdf
import pytest
from PIL import Image

from tpma.adapters.pdf_weasyprint import WeasyPrintPdf
from tpma.core.errors import Invalid
from tpma.ports.pdf import MissingGlyph


def _html(body: str, lang: str = "en", head: str = "") -> str:
    style = "<style>body{font:12pt tpma,sans-serif}</style>"
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>A title</title>'
        f"{style}{head}</head><body><h1>{body}</h1></body></html>"
    )


def _png() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (4, 4), "#0057B8").save(made, "PNG")
    return made.getvalue()


def _render(html: str, **assets: tuple[bytes, str]) -> bytes:
    return WeasyPrintPdf().pdf(html, assets=assets)


def test_a_document_becomes_a_tagged_pdf_with_language_and_title():
    reader = pypdf.PdfReader(io.BytesIO(_render(_html("Hello", "de"))))
    assert reader.pages[0].extract_text().strip() == "Hello"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "de"
    assert reader.metadata.title == "A title"


@pytest.mark.parametrize(
    ("text", "lang", "font"),
    [("Größe", "de", "Noto"), ("مرحبًا", "ar", "Arabic"), ("日本語の文", "ja", "CJK")],
)
def test_every_script_is_set_in_a_font_that_has_it(text, lang, font):
    reader = pypdf.PdfReader(io.BytesIO(_render(_html(text, lang))))
    fonts = [str(one["/BaseFont"]) for one in map(_resolved, _fonts(reader))]
    assert any(font in name for name in fonts)


def _fonts(reader: pypdf.PdfReader):
    return reader.pages[0]["/Resources"]["/Font"].values()


def _resolved(reference):
    return reference.get_object()


def test_japanese_in_a_latin_font_is_an_error_that_names_the_cure():
    """T-74."""
    renderer = WeasyPrintPdf(families=("DejaVu Sans",))
    with pytest.raises(MissingGlyph, match=r"日 \(U\+65E5\).*fonts-noto-cjk"):
        renderer.pdf(_html("日本語", "ja"), assets={})


def test_spaces_joiners_and_direction_marks_are_no_missing_glyphs():
    assert _render(_html("a\u00a0b\u200dc\u2066d\u2069\u00ad\ufe0f"))


def test_images_come_from_the_assets():
    with_image = _html('<img src="hero.png" alt="A square">')
    made = WeasyPrintPdf().pdf(with_image, assets={"hero.png": (_png(), "image/png")})
    assert len(pypdf.PdfReader(io.BytesIO(made)).pages[0].images) == 1


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "http://127.0.0.1:9/x.png",
        "https://example.com/x.png",
        "gone.png",
        "data:image/png;base64,AA",
    ],
)
def test_nothing_else_is_fetched(address):
    with pytest.raises(Invalid) as refusal:
        _render(_html(f'<img src="{address}" alt="x">'))
    assert refusal.value.field == "assets"


def test_a_style_sheet_cannot_reach_out_either():
    with pytest.raises(Invalid):
        _render(_html("x", head="<style>body{background:url(file:///etc/passwd)}</style>"))


def test_the_same_document_gives_the_same_bytes():
    html = _html('Hello <img src="a.png" alt="">')
    assets = {"a.png": (_png(), "image/png")}
    assert WeasyPrintPdf().pdf(html, assets=assets) == WeasyPrintPdf().pdf(html, assets=assets)


def test_the_word_tpma_in_a_text_is_left_alone():
    reader = pypdf.PdfReader(io.BytesIO(_render(_html("made by tpma"))))
    assert "made by tpma" in reader.pages[0].extract_text()
