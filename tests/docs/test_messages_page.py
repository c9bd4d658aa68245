"""The page of messages shows what the code writes and reads."""

import json
import re
from pathlib import Path

from hybridsphere.messages import object_metadata, parse_output
from tests.memory.evidence_stage import face

PAGE = (Path(__file__).parents[2] / "docs/messages.md").read_text(encoding="utf-8")


def test_the_example_of_a_result_is_read_and_written_alike() -> None:
    _, example = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    [result] = parse_output(example)
    assert json.loads(result.to_json()) == json.loads(example)
    named = {re.sub("_", "-", name) for name in json.loads(example)}
    written = object_metadata(result).keys()
    # These are in the object itself, or follow from its key.
    assert named - written == {
        *("schema", "csv", "reason", "output-bucket", "output-key", "faces-key")
    }
    assert all(f"`{name}`" in PAGE for name in written)


def test_every_field_of_a_face_is_explained() -> None:
    table = PAGE.partition("| field of a face |")[2].partition("\n\n")[0]
    explained = set(re.findall(r"`(\w+)`", table))
    assert face().keys() - {"number"} <= explained
