"""The one form of names."""

import unicodedata

import pytest

from hybridsphere.messages import UnusableName, name_form, spellings


@pytest.mark.parametrize(
    "name",
    [
        "Ada Byron",
        "José Núñez",
        "山田\u3000太郎",
        "نیلوفر\u200cزاده",
        "അവന\u0d4d\u200d",
        "Đặng Thị Hà",
        "נועה לוי",
        "O\u2019Neil-Smith, Jr.",
        "Anne\u00a0Marie",
        "Screenshot at 3.15.12\u202fPM",
        "ada_2",
        "𠮷野",
    ],
)
def test_names_of_every_script_are_kept_however_they_are_written(name: str) -> None:
    composed = unicodedata.normalize("NFC", name)
    for form in ("NFC", "NFD"):
        written = unicodedata.normalize(form, name)
        assert name_form(written) == composed
        assert name_form(f" \u3000{written}\u00a0\n") == composed
    assert name_form(name_form(name)) == composed
    assert {unicodedata.normalize("NFD", name), composed} == set(spellings(composed))
    assert spellings(composed)[0] == composed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \u00a0\u3000\t", "is empty"),
        ("\u200d\u200c", "is empty"),
        ("a\0b", r"a control character \(U\+0000\)"),
        ("\x1b[2Jada", r"a control character \(U\+001B\)"),
        ("ada\tbyron", r"a control character \(U\+0009\)"),
        ("ada\u202ebyron", r"an invisible character \(U\+202E\)"),
        ("ada\u00ad", r"an invisible character \(U\+00AD\)"),
        ("\ufeffada", r"an invisible character \(U\+FEFF\)"),
        ("ada\u2028b", r"a line separator \(U\+2028\)"),
        ("ada\udcff", r"a byte that is not UTF-8 \(U\+DCFF\)"),
        ("ada\ue000", r"private use \(U\+E000\)"),
        ("ada\u0378", r"does not define \(U\+0378\)"),
    ],
)
def test_controls_and_empty_texts_are_no_names(text: str, why: str) -> None:
    with pytest.raises(UnusableName, match=why) as raised:
        name_form(text)
    assert str(raised.value).isprintable()
