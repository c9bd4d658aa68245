"""How far docs/openstack.md says that its commands have been tried."""

from tests.deploy.cloud import page


def test_each_block_of_commands_has_a_mark() -> None:
    found = page.blocks()
    assert len(found) > 15
    assert [block.text for block in found if not block.mark] == []


def test_no_command_that_needs_a_booted_machine_is_marked_as_run() -> None:
    run = [block.text for block in page.blocks() if block.mark == "Run"]
    assert run
    assert [text for text in run if "ssh " in text or "scp " in text] == []
