"""How far faces lie apart, and what the rule makes of it: the figures of docs/recognition.md.

    python -m bench.recognition WORKLOAD

WORKLOAD holds `videos/` and `encoding`. The strangers are faces that scikit-image's wheel carries.
Takes some five minutes; prints the tables and writes docs/recognition.svg.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from skimage import data

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from hybridsphere.recognition.space import Embeddings
from lambda_fn.faces.detector import Face
from lambda_fn.faces.engine import Engine, engine
from lambda_fn.gallery.legacy import import_legacy
from lambda_fn.video.video import Frame, Video

TOLERANCE = 0.6
PICTURE = Path(__file__).parents[1] / "docs" / "recognition.svg"
TRUTH = {
    "test_0": "president_trump",
    "test_2": "mr_bean",
    "test_4": "johnny_dep",
    "test_5": "vin_diesel",
    "test_7": "morgan_freeman",
}
GALLERY_SIZE = 11
DRAWS = 2000

Pixels = NDArray[np.uint8]


class Look(NamedTuple):
    """The embeddings of a face in a frame, and of its mirror image."""

    direct: Embeddings
    mirrored: Embeddings


Rule = Callable[[Gallery, list[Look]], tuple[str | None, bool, int]]
"""A face's name, whether it is sure, and the number of looks."""


@click.command()
@click.argument("workload", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(workload: Path) -> None:
    """Measure the looks at the people of WORKLOAD, and what rules make of them."""
    faces = engine("dlib")
    known = import_legacy(workload / "encoding")
    videos = {name: list(_video_looks(faces, workload, name)) for name in TRUTH}
    strangers = list(_stranger_looks(faces))
    same, other = _video_distances(known, videos)
    first = np.array([looks[0].direct for looks in strangers])
    between = np.linalg.norm(first[:, None] - first[None], axis=2)[np.triu_indices(len(first), 1)]
    again = [
        float(np.linalg.norm(looks[0].direct - look.direct))
        for looks in strangers
        for look in looks[1:]
    ]
    to_known = np.linalg.norm(first[:, None] - known.embeddings[None], axis=2).ravel()
    distances = {
        "same person, videos": np.array(same),
        "same photo, altered": np.array(again),
        "strangers to the known": to_known,
        "others known, videos": np.array(other),
        "strangers, each other": between,
    }
    _print_distances(distances)
    harder = [(TRUTH[name], looks) for name in TRUTH for looks in _harder(faces, workload, name)]
    _print_rules(known, videos, harder, strangers)
    PICTURE.write_text(_svg(distances), encoding="utf-8")


def _video_looks(faces: Engine, workload: Path, name: str) -> Iterator[Look]:
    """The face in each quarter of a second."""
    with (workload / "videos" / f"{name}.mp4").open("rb") as file, Video(file) as video:
        for frame in video.frames(lambda: 0.25):
            yield from _looks(faces, frame, faces.look(frame)[:1])


def _looks(faces: Engine, frame: Frame, boxes: list[Face]) -> Iterator[Look]:
    return map(Look, faces.encode(frame, boxes), faces.encode_mirrored(frame, boxes))


def _harder(faces: Engine, workload: Path, name: str) -> Iterator[list[Look]]:
    """The looks at a video that was made small, unsharp, dark or coarse, where it shows a face."""
    with (workload / "videos" / f"{name}.mp4").open("rb") as file, Video(file) as video:
        frames = [(frame.rgb(), faces.look(frame)[0]) for frame in video.frames(lambda: 0.25)]
    for height, alter in (
        (44, lambda picture: picture),
        (96, lambda picture: picture.filter(ImageFilter.GaussianBlur(2.2))),
        (96, lambda picture: picture.point(lambda level: level // 4)),
        (96, lambda picture: _coarse(picture, 6)),
    ):
        looks: list[Look] = []
        for pixels, face in frames:
            picture = Image.fromarray(pixels)
            picture.thumbnail(
                (
                    picture.width * height // face.box.height,
                    picture.height * height // face.box.height,
                )
            )
            frame = Frame.from_rgb(np.asarray(alter(picture)))
            looks += _looks(faces, frame, faces.search(frame)[:1])
        if looks:
            yield looks


def _coarse(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _stranger_looks(faces: Engine) -> Iterator[list[Look]]:
    """Each stranger as they are, then altered in size, light, sharpness and attitude."""
    faces_of_strangers: Any = data
    for face in faces_of_strangers.lfw_subset()[:100]:
        looks: list[Look] = []
        for picture in _altered((face * 255).astype(np.uint8)):
            frame = Frame.from_rgb(picture)
            boxes = faces.look(frame) or faces.search(frame)
            if len(boxes) == 1:
                looks += _looks(faces, frame, boxes)
        if looks:
            yield looks


def _altered(face: Pixels) -> Iterator[Pixels]:
    yield np.asarray(_placed(face, 220))
    for size in (130, 300):
        yield np.asarray(_placed(face, size))
    for degrees in (-6, 6):
        yield np.asarray(_placed(face, 220).rotate(degrees, Image.Resampling.BICUBIC))
    for light in (0.6, 1.4):
        yield np.clip(np.asarray(_placed(face, 220)) * light, 0, 255).astype(np.uint8)
    yield np.asarray(_placed(face, 220).filter(ImageFilter.GaussianBlur(4)))
    yield np.asarray(_coarse(_placed(face, 220), 12))


def _placed(face: Pixels, size: int) -> Image.Image:
    picture = Image.new("RGB", (640, 360), (90, 110, 130))
    large = Image.fromarray(face).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    picture.paste(large, ((640 - size) // 2, (360 - size) // 2))
    return picture


def _video_distances(
    known: Gallery, videos: dict[str, list[Look]]
) -> tuple[list[float], list[float]]:
    """From each look to the person it shows, and to each of the others."""
    same: list[float] = []
    other: list[float] = []
    for video, looks in videos.items():
        for look in looks:
            for name, row in known.items():
                distance = float(np.linalg.norm(look.direct - row))
                (same if name == TRUTH[video] else other).append(distance)
    return same, other


def _averaged(tolerance: float) -> Rule:
    """The function's own rule, which looks at a doubtful face in the mirror too."""

    def rule(gallery: Gallery, looks: list[Look]) -> tuple[str | None, bool, int]:
        face = Identity(gallery, tolerance)
        for number, look in enumerate(looks, 1):
            face.add(look.direct, float(number))
            if face.needs_looks():
                face.add(look.mirrored, float(number))
            if face.sure():
                break
        person = face.person()
        return person.name if person else None, face.sure(), number

    return rule


def _first_within(tolerance: float) -> Rule:
    """The usual way: the first frame that is within a tolerance of anybody decides."""

    def rule(gallery: Gallery, looks: list[Look]) -> tuple[str | None, bool, int]:
        for number, look in enumerate(looks, 1):
            if matches := gallery.matches(look.direct, tolerance):
                return matches[0].name, True, number
        return None, False, len(looks)

    return rule


def _print_rules(
    known: Gallery,
    videos: dict[str, list[Look]],
    harder: list[tuple[str, list[Look]]],
    strangers: list[list[Look]],
) -> None:
    rules = {
        "first frame within 0.6": _first_within(0.6),
        "first frame within 0.5": _first_within(0.5),
        "first frame within 0.45": _first_within(0.45),
        "the rule at 0.6": _averaged(0.6),
        "the rule at 0.55": _averaged(0.55),
        "the rule at 0.5": _averaged(0.5),
    }
    starts = [
        (TRUTH[video], looks[at:] + looks[:at])
        for video, looks in videos.items()
        for at in range(len(looks))
    ]
    draws = list(_draws(strangers))
    print("\n| | right | looks | right, harder | one look | all looks | all looks, the known |")
    for title, rule in rules.items():
        answers = [(rule(known, looks), name) for name, looks in starts]
        figures = [
            f"{np.mean([name == truth for (name, _, _), truth in answers]):.0%}",
            f"{np.mean([number for (_, _, number), _ in answers]):.2f}",
            f"{sum(rule(known, looks)[0] == name for name, looks in harder)} of {len(harder)}",
            f"{np.mean([rule(gallery, looks[:1])[1] for gallery, looks in draws]):.1%}",
            f"{np.mean([rule(gallery, looks)[0] is not None for gallery, looks in draws]):.1%}",
            f"{np.mean([rule(known, looks)[0] is not None for looks in strangers]):.1%}",
        ]
        print(f"| {title} | {' | '.join(figures)} |")


def _draws(strangers: list[list[Look]]) -> Iterator[tuple[Gallery, list[Look]]]:
    """A stranger, and a gallery of eleven other people; each from the photos."""
    generator = np.random.default_rng(1)
    for _ in range(DRAWS):
        one, *others = generator.permutation(len(strangers))[: GALLERY_SIZE + 1]
        looks = strangers[one]
        rows = np.array([strangers[at][0].direct for at in others])
        gallery = Gallery([str(at) for at in others], rows)
        yield gallery, [looks[at] for at in generator.permutation(len(looks))]


def _print_distances(distances: dict[str, NDArray[np.float64]]) -> None:
    print("| | number | least | 5 % | median | 95 % | most | within 0.6 | within 0.5 |")
    for title, values in distances.items():
        figures: list[Any] = [f"{np.percentile(values, part):.2f}" for part in (0, 5, 50, 95, 100)]
        figures += [f"{(values <= limit).mean():.2%}" for limit in (0.6, 0.5)]
        print(f"| {title} | {len(values)} | {' | '.join(figures)} |")


def _svg(distances: dict[str, NDArray[np.float64]]) -> str:
    """A row of bars for each kind of pair, over distances from 0 to 1.2."""
    width, height, left = 600, 60, 170
    parts = []
    for row, (title, values) in enumerate(distances.items()):
        counts, _ = np.histogram(values, bins=60, range=(0, 1.2))
        bottom = (row + 1) * height
        parts.append(f'<text x="8" y="{bottom - 14}">{title}</text>')
        bars = "".join(
            f"M{left + 7 * at} {bottom}v-{46 * count / counts.max():.1f}h6V{bottom}"
            for at, count in enumerate(counts)
            if count
        )
        parts.append(f'<path d="{bars}" fill="{"#27a" if row < 2 else "#c63"}"/>')
    end = len(distances) * height
    for mark in (0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2):
        x = left + 350 * mark
        parts.append(f'<text x="{x:.0f}" y="{end + 18}" text-anchor="middle">{mark}</text>')
    x = left + 350 * TOLERANCE
    parts.append(f'<path d="M{x} 8V{end}" stroke="#888" stroke-dasharray="4"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{end + 28}" '
        f'font-family="sans-serif" font-size="13" fill="#444">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


if __name__ == "__main__":
    main(prog_name="python -m bench.recognition")
