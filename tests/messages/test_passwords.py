"""Passwords in URLs, whichever library quotes them."""

import pytest

from hybridsphere.messages import LONGEST_TEXT, reason_of, without_passwords


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://me:secret@host/1", "http://…@host/1"),
        ("http://me:sec@ret@host/1", "http://…@host/1"),
        ("Invalid endpoint: me:secret@host", "Invalid endpoint: …@host"),
        (
            'to the endpoint URL: "https://me:secret@host/"',
            'to the endpoint URL: "https://…@host/"',
        ),
        ("endpoint `http://secret@host` is none", "endpoint `http://…@host` is none"),
        ("http://me:se/cr et@secret@host:x", "http://…@host:x"),
        ("URL=me:secret@host", "URL=…@host"),
        ("http://me:secret@host/a@b.mp4", "http://…@host/a@b.mp4"),
        ("http://me:secret@one and http://you:word@two", "http://…@one and http://…@two"),
    ],
)
def test_the_user_and_password_of_a_url_are_removed(text: str, expected: str) -> None:
    assert without_passwords(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "http://host:8080/a?b=c",
        "it is 5 @ most",
        "ada@example.org",
        "mail to ada@example.org, please",
        "team 3/ada@example.org.mp4",
        "s3://videos/ada@example.org.mp4",
        "http://127.0.0.1:5000/videos/ada@example.org.mp4",
        "https://host/path?mail=ada@example.org",
        "arn:aws:s3:::videos/ada@example.org.mp4",
        "@home.mp4",
    ],
)
def test_any_other_text_keeps_what_stands_before_an_at_sign(text: str) -> None:
    assert without_passwords(text) == text
    assert reason_of(text) == text


def test_a_reason_is_one_line_of_limited_length() -> None:
    assert reason_of(f"\n\r\n  {'x' * 9999}\nthe request") == "x" * LONGEST_TEXT


def test_a_long_text_is_read_in_linear_time() -> None:
    # With time that grows with the square of the length, this would take minutes.
    text = "x" * 1_000_000
    assert without_passwords(text) == text
