"""A results folder whose faces were decided with a gallery, and the commands on it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

from hybridsphere.cli.app import main
from hybridsphere.memory.answers import derive_all
from hybridsphere.memory.kept import kept_of, put_decisions
from hybridsphere.recognition.conclusion import likeliest
from hybridsphere.recognition.decision import answer_of, identities_of
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import Space
from tests.memory.judge_stage import Stage
from tests.memory.memory_stage import embedding

SPACE = Space("yunet-sface", "d" * 64, 0.5)

PEOPLE = ("ada", "ben", "cleo", "dora")
"""The names of the first embeddings."""


def gallery_of(*names: str, space: Space = SPACE, **others: int) -> Gallery:
    """A gallery of PEOPLE, and of others by the number of their embedding."""
    numbers = {name: PEOPLE.index(name) for name in names} | others
    rows = [embedding(number, 3).astype(np.float64) for number in numbers.values()]
    return Gallery(list(numbers), np.array(rows) if rows else np.empty((0, 128)), space)


class Folder:
    """The folder, and the gallery file in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gallery = folder / "gallery.npz"
        with Stage.open(folder):
            pass

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        with Stage.open(self.folder) as stage:
            yield stage

    def see(self, names: Sequence[str | None], gallery: Gallery, **more: Any) -> None:
        """Keep a video that the function has decided with a gallery; `names` are its faces."""
        with self.stage() as stage:
            number = stage.see(names, **more)
            video = stage.memory.video_of(number)
            assert video
            (kept,) = kept_of(stage.memory, [video])
            looks = [face.looks for face in kept.faces if face.looks]
            found = identities_of(gallery, 0.6, looks)
            answers = {
                face.face.id: answer_of(one) for face, one in zip(kept.faces, found, strict=True)
            }
            assert [answer.name for answer in answers.values()] == list(names)
            with stage.memory.transaction():
                put_decisions(stage.memory, answers, [(video, 0.6, gallery.digest, None)])
            best = likeliest(found)
            assert video.mode != "identify" or [best.name if best else None] == list(names)[:1]
            derive_all(stage.memory, stage.ledger, stage.files)

    def use(self, gallery: Gallery) -> None:
        gallery.save(self.gallery)

    def run(self, *command: str, **variables: str) -> Result:
        environment = {
            "HYBRIDSPHERE_RESULTS_DIR": str(self.folder),
            "HYBRIDSPHERE_GALLERY": str(self.gallery),
            **variables,
        }
        return CliRunner().invoke(main, list(command), env=environment)

    def report(self, *command: str) -> dict[str, Any]:
        ended = self.run(*command, "--json")
        assert ended.stdout, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return {"exit": ended.exit_code, **found}

    def csv(self, key: str = "a.mp4") -> list[str]:
        """The names in a video's file."""
        lines = (self.folder / f"{key}.csv").read_text(encoding="utf-8").splitlines()[1:]
        return [line.partition(",")[0] for line in lines]
