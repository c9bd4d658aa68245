"""What a video costs in which there is little to find: the same ways, on films that are hard."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import least_videos, our_videos, usual_videos
from bench.answer import Answer
from bench.films import Film, hard_films
from bench.rounds import Rounds
from bench.row import Part, Target, WrongAnswer
from bench.videos import demo_gallery, timed
from lambda_fn.gallery import Gallery

_TARGET = Target(1.2, "usual")


def measure(*, rounds: Rounds, report: Callable[[str], None]) -> Part:
    """Each film both ways. Raises WrongAnswer where ours is wrong, or finds less than the usual."""
    gallery = demo_gallery()
    rows = []
    with TemporaryDirectory() as folder:
        for film in hard_films():
            file = film.shoot(Path(folder))
            remark = checked(film, file, gallery)
            row = timed(
                film.name,
                file,
                gallery,
                film.answer,
                rounds=rounds,
                target=_TARGET,
                remark=remark,
            )
            report(f"{film.name}: {row.ours:.0f} ms, usually {row.usual:.0f} ms")
            rows.append(row)
    return Part(
        name="hard",
        title="A video with a face that is small, late, absent or unknown, CPU time on one core",
        usual_way=usual_videos.way(),
        least_way=f"{least_videos.WAY}; of a face that is late, the frames up to it",
        rows=rows,
        notes=["Ours says what is true of each; the usual way says so too, or as remarked."],
    )


def checked(film: Film, file: Path, gallery: Gallery) -> str:
    """A remark on what the usual way says, if it is wrong. Raises WrongAnswer if ours is."""
    usual = usual_videos.recognise(file, gallery, our_videos.DEFAULTS.tolerance)
    ours = our_videos.recognise(file, gallery)
    if ours != film.answer:
        raise WrongAnswer(f"{film.name}: ours says {ours}, expected is {film.answer}")
    return "" if usual == film.answer else f"the usual way says: {_words(usual)}"


def _words(answer: Answer) -> str:
    return f"{answer.status}, {answer.name}" if answer.name else answer.status
