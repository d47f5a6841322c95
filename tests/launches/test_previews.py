"""The wizard's second screen: who reads the preview, and how many read which language."""

from types import SimpleNamespace

import pytest

from tpma.launches import previews


@pytest.mark.parametrize(
    ("locale", "name"),
    [
        ("en-US", "Priya Raman"),
        ("de", "Anna Weber"),
        ("ja-JP", "佐藤 花子"),
        ("ar-AE", "ليلى حداد"),
        ("pt-BR", "Priya Raman"),
    ],
)
def test_a_preview_is_read_by_somebody_of_its_language(locale, name):
    assert previews.typical_name(locale) == name


def plan(main, **served):
    return SimpleNamespace(launch=SimpleNamespace(primary_locale=main), served=served.get)


@pytest.mark.parametrize(
    ("readers", "shown"),
    [
        ({"ar": 8, "en": 1}, [("ar-AE", 8), ("en", 1)]),
        ({"ar": 6, "ar-AE": 2, "": 1}, [("ar-AE", 9)]),
        ({"ar-SA": 3}, [("ar-AE", 0), ("ar-SA", 3)]),
    ],
)
def test_readers_of_a_language_are_counted_with_the_regional_one_they_are_served(readers, shown):
    found = plan("ar-AE", **{"ar-AE": "ar", "ar": "ar", "ar-SA": "ar", "en": "en"})
    assert [(r.tag, r.readers) for r in previews.locales(found, readers)] == shown


def test_words_of_their_own_keep_a_regional_language_apart():
    found = plan("pt-BR", **{"pt-BR": "pt-BR", "pt": "pt"})
    assert [(r.tag, r.readers) for r in previews.locales(found, {"pt": 4})] == [
        ("pt-BR", 0),
        ("pt", 4),
    ]
