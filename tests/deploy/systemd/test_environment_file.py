import re
from pathlib import Path

import pytest

from hybridsphere.settings import Settings, variable

EXAMPLE = Path(__file__).parents[3] / "deploy/systemd/bridge.env.example"
ASSIGNMENT = re.compile(r"(#?)([A-Z_]+)=(.*)")


def assignments(mark: str) -> dict[str, str]:
    """The example's variables: those it sets (no mark), or those whose default it shows (`#`)."""
    found = (ASSIGNMENT.fullmatch(line) for line in EXAMPLE.read_text().splitlines())
    return {match[2]: match[3] for match in found if match and match[1] == mark}


def test_every_variable_is_there() -> None:
    assert {variable(field) for field in Settings.model_fields} <= {
        *assignments(""),
        *assignments("#"),
    }


def test_a_bridge_could_start_with_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in assignments("").items():
        monkeypatch.setenv(name, value)
    Settings.load().check_bridge()


@pytest.mark.parametrize(
    "field",
    sorted(
        field
        for field, info in Settings.model_fields.items()
        if info.default is not None and variable(field) in assignments("#")
    ),
)
def test_a_default_shown_is_the_default(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    monkeypatch.setenv(variable(field), assignments("#")[variable(field)])
    assert getattr(Settings.load(), field) == Settings.model_fields[field].default


@pytest.mark.parametrize("field", ["source", "sink", "invocation_type"])
def test_the_comment_of_a_choice_names_exactly_its_values(field: str) -> None:
    comment = ""
    for line in EXAMPLE.read_text().splitlines():
        if line.startswith(f"#{variable(field)}="):
            break
        comment = f"{comment}\n{line}" if line.startswith("# ") else ""
    schema = Settings.model_json_schema()["properties"][field]
    assert re.findall(r"`(\w+)`", comment) == schema["enum"]


def test_systemd_and_docker_read_every_line_alike() -> None:
    # docker takes quotes, spaces and what follows a value as part of it; systemd does not.
    for value in (assignments("") | assignments("#")).values():
        assert re.fullmatch(r"[^\s'\"#\\$]*", value), value


def test_no_credential_is_set() -> None:
    # That one is the path of a file.
    names = (assignments("") | assignments("#")).keys() - {"HYBRIDSPHERE_HOST_KEYS"}
    assert not [name for name in names if re.search("KEY|SECRET|TOKEN|PASSWORD", name)]
