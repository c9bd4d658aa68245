"""What is told of addresses, whatever library quotes them."""

import pytest

from hybridsphere.messages import without_passwords


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://me:secret@host/1", "http://…@host/1"),
        ("Invalid endpoint: me:secret@host", "Invalid endpoint: …@host"),
        (
            'to the endpoint URL: "https://me:secret@host/"',
            'to the endpoint URL: "https://…@host/"',
        ),
        ("endpoint `http://secret@host` is none", "endpoint `http://…@host` is none"),
        ("http://me:se/cr et@secret@host:x", "http://…@host:x"),
        ("URL=me:secret@host", "…@host"),
        ("http://host:8080/a?b=c", "http://host:8080/a?b=c"),
        ("it is 5 @ most", "it is 5 …@ most"),
    ],
)
def test_of_an_address_neither_user_nor_password_is_told(text: str, told: str) -> None:
    assert without_passwords(text) == told
