import io
import stat
import struct
import tracemalloc
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery, GalleryError, Match
from hybridsphere.recognition.space import DLIB, Space


def rows(*distances: float) -> np.ndarray:
    """Embeddings that lie so far from the origin, each in its own direction."""
    return np.array(distances)[:, None] * np.eye(128)[: len(distances)]


ORIGIN = np.zeros(128)


def test_a_gallery_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "known.npz"
    Gallery(["ada", "Ελένη", "ada"], rows(0.1, 0.2, 0.3)).save(path)
    loaded = Gallery.load(path)
    assert loaded.names == ["ada", "Ελένη", "ada"]
    assert np.array_equal(loaded.embeddings, rows(0.1, 0.2, 0.3))
    assert [entry.name for entry in tmp_path.iterdir()] == ["known.npz"]


def test_a_gallery_keeps_the_space_of_its_engine(tmp_path: Path) -> None:
    path = tmp_path / "known.npz"
    space = Space("yunet-sface", "ab12", 0.555)
    Gallery(["ada"], rows(0.1), space).save(path)
    assert Gallery.load(path).space == space


def test_a_gallery_without_a_space_was_made_by_dlib(tmp_path: Path) -> None:
    path = tmp_path / "known.npz"
    np.savez(path, names=np.array(["ada"]), embeddings=rows(0.1))
    assert Gallery.load(path).space == DLIB


@pytest.mark.parametrize(
    "more",
    [
        {"engine": np.array("dlib")},
        {"engine": np.array(1), "digest": np.array("ab"), "scale": np.array(1.0)},
        {"engine": np.array(["a"]), "digest": np.array("ab"), "scale": np.array(1.0)},
        {"engine": np.array("dlib"), "digest": np.array("ab"), "scale": np.array(np.nan)},
        {"engine": np.array("a\x1b"), "digest": np.array("ab"), "scale": np.array(1.0)},
    ],
    ids=["alone", "number", "list", "nan", "escape"],
)
def test_a_gallery_with_a_broken_space_is_refused(tmp_path: Path, more: Any) -> None:
    path = tmp_path / "known.npz"
    np.savez(path, names=np.array(["ada"]), embeddings=rows(0.1), **more)
    with pytest.raises(GalleryError, match=r"known\.npz: engine"):
        Gallery.load(path)


def test_galleries_of_two_spaces_are_not_merged() -> None:
    one, other = Gallery(["ada"], rows(0.1)), Space("yunet-sface", "ab12", 0.555)
    with pytest.raises(GalleryError, match=r"yunet-sface \(ab12\).*dlib") as refused:
        one.plus(Gallery(["ben"], rows(0.2), other))
    assert refused.value.hint.startswith("enroll everybody again")
    assert Gallery.empty().plus(Gallery(["ben"], rows(0.2), other)).space == other


def test_a_small_file_that_unpacks_to_much_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "known.npz"
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (200000, 128), }"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("names.npy", NAME)
        with file.open("embeddings.npy", "w") as member:
            member.write(npy(header, b""))
            for _ in range(200):
                member.write(bytes(1024 * 1000))
    assert path.stat().st_size < 300_000
    tracemalloc.start()
    with pytest.raises(GalleryError, match=r"embeddings\.npy unpacks to 195 MB"):
        Gallery.load(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000


def test_a_gallery_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "known.npz"
    path.touch(mode=0o644)
    Gallery.empty().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_empty_gallery_is_one_too(tmp_path: Path) -> None:
    Gallery.empty().save(tmp_path / "known.npz")
    assert len(Gallery.load(tmp_path / "known.npz")) == 0
    assert Gallery.empty().matches(ORIGIN, 0.6) == []


def test_matches_are_everybody_within_the_tolerance_once_and_the_nearest_first() -> None:
    gallery = Gallery(["cleo", "ada", "ben", "ada"], rows(0.7, 0.5, 0.4, 0.3))
    matches = gallery.matches(ORIGIN, 0.6)
    assert [match.name for match in matches] == ["ada", "ben"]
    assert [match.distance for match in matches] == pytest.approx([0.3, 0.4])


def test_distances_are_euclidean() -> None:
    generator = np.random.default_rng(1)
    embeddings, face = generator.normal(size=(500, 128)), generator.normal(size=128)
    gallery = Gallery([str(n) for n in range(500)], embeddings)
    expected = np.linalg.norm(embeddings - face, axis=1)
    found = {match.name: match.distance for match in gallery.matches(face, 15.5)}
    assert found == pytest.approx({str(n): d for n, d in enumerate(expected) if d <= 15.5})
    [itself] = gallery.matches(embeddings[7], 0.1)
    assert itself == Match("7", 0.0)


def test_a_match_just_within_the_tolerance_counts_and_one_just_outside_does_not() -> None:
    generator = np.random.default_rng(2)
    face, ways = generator.normal(size=128) / 8, generator.normal(size=(1000, 128))
    ways /= np.linalg.norm(ways, axis=1)[:, None]
    inside = Gallery([str(n) for n in range(1000)], face + ways * (0.6 - 1e-12))
    outside = Gallery(inside.names, face + ways * (0.6 + 1e-12))
    assert len(inside.matches(face, 0.6)) == 1000
    assert outside.matches(face, 0.6) == []


def test_a_gallery_takes_half_again_of_what_its_embeddings_take_and_no_more() -> None:
    embeddings = rows(*[0.5] * 128).repeat(64, axis=0)
    names = ["ada"] * len(embeddings)
    tracemalloc.start()
    Gallery(names, embeddings)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1.6 * embeddings.nbytes


def test_people_at_the_same_distance_are_in_the_order_of_entry() -> None:
    gallery = Gallery(["cleo", "ben", "cleo", "ada"], rows(0.5, 0.3, 0.3, 0.3))
    matches = gallery.matches(ORIGIN, 0.6)
    assert matches == [Match("ben", 0.3), Match("cleo", 0.3), Match("ada", 0.3)]


@pytest.mark.parametrize(
    ("names", "embeddings", "why"),
    [
        (["ada"], rows(0.1, 0.2), r"\(2, 128\), not floats \(1, 128\)"),
        (["ada"], np.zeros((1, 64)), "not floats"),
        (["ada"], np.zeros((1, 128), dtype=int), "not floats"),
        (["ada"], np.full((1, 128), np.nan), "not finite"),
        (["ada"], np.full((1, 128), 1e30), "beyond"),
        ([" "], rows(0.1), "empty"),
        (["a\0"], rows(0.1), r"'a.x00': the name has a control"),
        (["\ud800"], rows(0.1), "not UTF-8"),
    ],
)
def test_unusable_names_and_embeddings_are_refused(
    names: list[str], embeddings: Any, why: str
) -> None:
    with pytest.raises(GalleryError, match=why):
        Gallery(names, embeddings)


class Canary:
    """Leaves a file where somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_gallery_is_never_unpickled(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    names = np.array([Canary(canary)], dtype=object)
    np.savez(tmp_path / "known.npz", names=names, embeddings=rows(0.1))
    with pytest.raises(GalleryError, match=r"known\.npz: not a gallery"):
        Gallery.load(tmp_path / "known.npz")
    assert not canary.exists()


def save_other_arrays(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, people=rows(0.1))


def save_bare_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, rows(0.1))


def save_numbers_as_names(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, names=np.array([1]), embeddings=rows(0.1))


def save_one_name(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, names=np.array("ada"), embeddings=rows(0.1))


@pytest.mark.parametrize(
    "save",
    [
        save_other_arrays,
        save_bare_array,
        save_numbers_as_names,
        save_one_name,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 cut off"),
        lambda path: path.write_text("hello"),
        lambda path: path.mkdir(),
        lambda _path: None,
    ],
)
def test_a_file_that_is_no_gallery_is_named_in_one_line(tmp_path: Path, save: Any) -> None:
    path = tmp_path / "known.npz"
    save(path)
    with pytest.raises(GalleryError, match=r"known\.npz: .") as raised:
        Gallery.load(path)
    assert "\n" not in str(raised.value)


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(header: str, content: bytes = bytes(1024)) -> bytes:
    """An array's file with a header of one's own."""
    return b"\x93NUMPY\x03\0" + struct.pack("<I", len(header)) + header.encode() + content


SHAPED = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 128), }"
NAME = npy("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }", "ada".encode("utf-32-le"))


def test_the_broken_headers_below_are_broken_only_where_they_are_meant_to_be() -> None:
    whole = archive(names=NAME, embeddings=npy(SHAPED))
    assert Gallery.read(io.BytesIO(whole), "known.npz").names == ["ada"]


@pytest.mark.parametrize(
    "embeddings",
    [
        npy("{'descr': (("),
        npy("{'descr': ',8', 'fortran_order': False, 'shape': (1, 128), }"),
        npy(SHAPED.replace("<f8", "|O")),
        npy(SHAPED.replace("(1, 128)", "(10000000000, 128)")),
        npy(SHAPED.replace("'<f8'", f"[('{'f' * 5000}', '<f8')]")),
        npy(SHAPED + " " * 20_000),
        npy("'\x1b[2J" + "(" * 5000),
        npy(SHAPED, b"too few"),
        b"no array",
        b"",
    ],
    ids=["open", "dtype", "objects", "huge", "fields", "long", "escape", "short", "bytes", "empty"],
)
def test_an_array_with_a_broken_header_is_refused_in_one_short_line(embeddings: bytes) -> None:
    file = io.BytesIO(archive(names=NAME, embeddings=embeddings))
    with pytest.raises(GalleryError, match=r"^known\.npz: ") as raised:
        Gallery.read(file, "known.npz")
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("spoil", [bytes([255]), bytes([0])])
def test_an_archive_with_any_broken_byte_is_a_gallery_or_none(spoil: bytes) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, names=np.array(["ada"]), embeddings=rows(0.1))
    whole = file.getvalue()
    refused = 0
    for at in range(len(whole)):
        broken = whole[:at] + spoil + whole[at + 1 :]
        try:
            Gallery.read(io.BytesIO(broken), "known.npz")
        except GalleryError:
            refused += 1
    assert refused > len(whole) // 2


def test_a_gallery_that_cannot_be_saved_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "known.npz"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        Gallery(["ada"], rows(0.1)).save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["known.npz"]


def test_people_are_added_and_removed() -> None:
    gallery = Gallery(["ada", "ben"], rows(0.1, 0.2))
    grown = gallery.plus(Gallery(["ada", "cleo"], rows(0.1, 0.5)))
    assert grown.names == ["ada", "ben", "cleo"]
    assert np.array_equal(grown.embeddings[2:], rows(0.1, 0.5)[1:])
    assert grown.without("ada").names == ["ben", "cleo"]
    assert len(grown.without("ada").without("ben").without("cleo")) == 0
    with pytest.raises(GalleryError, match="dora: nobody"):
        grown.without("dora")


def test_names_have_one_form_in_every_gallery(tmp_path: Path) -> None:
    gallery = Gallery(["Jose\u0301 ", "Jos\u00e9", "山田\u3000太郎"], rows(0.1, 0.2, 0.3))
    assert gallery.names == ["Jos\u00e9", "Jos\u00e9", "山田\u3000太郎"]
    gallery.save(tmp_path / "known.npz")
    assert Gallery.load(tmp_path / "known.npz").without("Jose\u0301").names == ["山田\u3000太郎"]


def test_a_consent_survives_every_change_of_the_gallery(tmp_path: Path) -> None:
    last = date(2027, 1, 31)
    known = Gallery(["ada", "ben"], np.eye(2, 128)).with_consents({"ada": last})
    known.save(tmp_path / "g.npz")
    known = Gallery.load(tmp_path / "g.npz")
    assert known.consents == {"ada": last}
    assert known.renamed("ada", "eva").consents == {"eva": last}
    assert known.without("ben").plus(Gallery(["cy"], np.eye(1, 128, 7))).consents == {"ada": last}
    assert known.without("ada").consents == {}


def test_nobody_is_compared_with_a_person_whose_consent_has_ended() -> None:
    last = date(2027, 1, 31)
    known = Gallery(["ada", "ben"], np.eye(2, 128)).with_consents({"ada": last})
    assert known.consenting(last) is known
    assert known.consenting(date(2027, 2, 1)).names == ["ben"]


@pytest.mark.parametrize(
    "fields",
    [
        {"consent_names": np.array(["ada"])},
        {"consent_names": np.array(["ada"]), "consent_until": np.array(["soon"])},
        {"consent_names": np.array(["ada"]), "consent_until": np.array("2027-01-31")},
        {"consent_names": np.array(["ada"]), "consent_until": np.array(["2027-01-31"] * 2)},
    ],
)
def test_a_damaged_consent_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    place = tmp_path / "g.npz"
    np.savez(place, names=np.array(["ada"]), embeddings=np.eye(1, 128), **fields)
    with pytest.raises(GalleryError, match=r"g\.npz"):
        Gallery.load(place)
