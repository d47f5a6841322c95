import pytest

from tests.factories import rendering as factory
from tests.rendering.test_mail import PRIYA, SKELETON, TOKEN
from tpma.rendering.text import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>A</h1><p>b\n c</p><p>d</p>", "A\n\nb c\n\nd"),
        ("a<br>b<br /><br />c", "a\nb\n\nc"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        (
            "<table><tr><td>a</td><td> b </td></tr><tr><td>c</td><td>d</td></tr></table>",
            "a  b\nc  d",
        ),
        ('<p>x <a href="https://a.example">b</a>.</p>', "x b: https://a.example."),
        ('<a href="https://a.example"><img alt="Logo"></a>', "Logo: https://a.example"),
        ('<a href="https://a.example"><img alt=""></a>', "<https://a.example>"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="#form">go</a>', "go"),
        ('<div style="display: none">hidden</div>a', "a"),
        ("<style>x</style><script>y</script><!-- z -->a", "a"),
        ("a &lt;b&gt; &amp; c&nbsp;d", "a <b> & c\xa0d"),
        ("", ""),
    ],
)
def test_plain_text(html, text):
    assert plain_text(html) == text


def test_the_text_of_a_mail_reads_like_a_letter():
    assert SKELETON.text(PRIYA, TOKEN).split("\n\n")[:7] == [
        f"Brightline IT: https://go.example/c/{TOKEN}B",
        "Know which office is exposed",
        "Hello Priya Arun,",
        "Branch offices are rarely renewed all at once.",
        f"Fixed price, for Harborpoint. More: https://go.example/c/{TOKEN}B",
        "Day 1–3  We read & test.",
        "- First\n- Second",
    ]


def test_the_hidden_preheader_is_left_out():
    assert factory.SOURCE["email1.preheader"] not in SKELETON.text(PRIYA, TOKEN)
