import quopri

from hypothesis import given
from hypothesis import strategies as st

from tpma.rendering.quoted import SOFT_BREAK, encode

TEXT = st.text(
    st.sampled_from(list("ab =.\n\t?é表🙂\u2066")) | st.characters(exclude_categories=["Cs"]),
    max_size=300,
)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(TEXT)
def test_what_was_encoded_is_decoded(text):
    assert quopri.decodestring(encode(text)).decode().replace("\r\n", "\n") == _lines(text)


@given(TEXT)
def test_lines_are_short_and_harmless(text):
    for line in encode(text).split(b"\r\n"):
        assert len(line) <= 76
        assert not line.endswith((b" ", b"\t"))
        assert not line.startswith((b".", b"From "))
        assert line.isascii()
        assert b"\r" not in line
        assert b"\n" not in line


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_runs_joined_at_soft_breaks_decode_to_the_joined_text(texts):
    joined = SOFT_BREAK.join(encode(text) for text in texts)
    decoded = quopri.decodestring(joined).decode().replace("\r\n", "\n")
    assert decoded == "".join(_lines(text) for text in texts)
