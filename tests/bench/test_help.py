"""The programs beside `python -m bench` tell how they are used."""

from importlib import import_module

import pytest
from click.testing import CliRunner


@pytest.mark.parametrize("name", ["cost", "page", "where"])
def test_a_program_tells_how_it_is_used_and_refuses_what_it_does_not_know(name: str) -> None:
    main = import_module(f"bench.{name}").main
    assert CliRunner().invoke(main, ["--help"]).exit_code == 0
    assert CliRunner().invoke(main, ["--no-such-option"]).exit_code == 2
