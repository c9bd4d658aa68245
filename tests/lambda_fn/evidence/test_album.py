"""The album: the best picture of each face, within bounds."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from lambda_fn.evidence.album import Album
from lambda_fn.evidence.faces import MOST_FACES, faces_of
from lambda_fn.evidence.pack import MOST_FACE_BYTES, jpeg
from lambda_fn.faces.box import Box
from lambda_fn.faces.detector import Face
from lambda_fn.recognition.identify import Identification
from lambda_fn.video.video import Frame

NOTHING = Identification(None, any_face=True, cut_short=False)
GALLERY = Gallery(["ada"], np.zeros((1, 128)))


def person(distance: float = 0.3) -> Identity:
    """Ada if the distance is small, else a stranger."""
    identity = Identity(GALLERY, 0.6)
    identity.add(distance * np.eye(128)[0], 0.0)
    return identity


def frame(at_s: float, seed: int = 0, width: int = 640, height: int = 360) -> Frame:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    made = Frame.from_rgb(noise)
    made.at_s = at_s
    return made


def face(size: int, left: int = 100, top: int = 60, *, aside: float = 0.0) -> Face:
    """A face that turns aside by a share of the distance between its eyes."""
    eyes = [left + 0.3 * size, left + 0.7 * size]
    nose = sum(eyes) / 2 + aside * (eyes[1] - eyes[0])
    across = [*eyes, nose, *eyes]
    points = np.array([[x, top + size / 2] for x in across])
    return Face(Box(top, left + size, top + size, left), points, 0.9)


def test_the_larger_sharper_and_more_frontal_look_is_kept() -> None:
    ada, album = person(), Album()
    album.see(frame(0.0), [(ada, face(60))])
    album.see(frame(1.0), [(ada, face(120))])
    album.see(frame(2.0), [(ada, face(130, aside=0.4))])
    album.see(frame(3.0), [(ada, face(50))])
    entry = album.entries[ada]
    assert (entry.box.height, entry.picture.at_s) == (120, 1.0)
    blurred = Frame.from_rgb(np.full((360, 640, 3), 90, np.uint8))
    blurred.at_s = 4.0
    album.see(blurred, [(ada, face(159))])
    assert entry.picture.at_s == 1.0


def test_times_are_joined_within_the_gap() -> None:
    ada, album = person(), Album(gap_s=4.0)
    # Frames without a face are searched again at the end.
    for at_s in (0.0, 1.0, 9.5, 10.0, 5.0):
        album.see(frame(at_s), [(ada, face(60))])
    [found] = faces_of(NOTHING, album, unknown=True).faces
    assert found.spans == ((0, 5000), (9500, 10_000))


def test_a_still_picture_goes_on_showing_its_faces() -> None:
    ada, album = person(), Album(gap_s=4.0)
    album.see(frame(0.0), [(ada, face(60))])
    for at_s in range(1, 10):
        album.still(float(at_s))
    album.see(frame(10.0), [])
    album.still(11.0)
    [found] = faces_of(NOTHING, album, unknown=True).faces
    assert found.spans == ((0, 9000),)


def test_the_scene_shows_somebody_known_if_any_frame_does() -> None:
    ada, strangers, album = person(), [person(0.9), person(0.9)], Album()
    album.see(frame(0.0), [])
    assert album.scene is None
    two = [(strangers[0], face(60)), (strangers[1], face(60, left=300))]
    for at_s, faces in enumerate([two, [(ada, face(60))], two, [*two, (ada, face(60))]], 1):
        album.see(frame(float(at_s)), faces)
        assert album.scene is not None
        assert album.scene.at_s == [1.0, 2.0, 2.0, 4.0][at_s - 1]


def test_a_face_at_the_edge_is_cut_at_the_edge() -> None:
    ada, album = person(), Album()
    album.see(frame(0.0), [(ada, face(200, left=-50, top=200))])
    picture = album.entries[ada].picture
    assert picture.place.left == 0
    assert picture.place.bottom == 360
    assert max(picture.pixels.size) <= 256


def test_few_pictures_are_made_of_a_face_that_grows() -> None:
    ada, album = person(), Album()
    for size in range(20, 160):
        album.see(frame(float(size)), [(ada, face(size))])
    assert album.entries[ada].tries <= 6


def test_of_many_faces_the_largest_are_kept_and_the_known_first() -> None:
    album = Album()
    known = person()
    for number in range(300):
        album.see(frame(float(number)), [(person(0.9), face(20 + number % 200))])
        if number == 3:
            album.see(frame(3.5), [(known, face(12))])
    assert len(album.entries) <= 160
    found = faces_of(NOTHING, album, unknown=True)
    assert len(found.faces) == MOST_FACES
    assert len(found.faces) + found.left_out == 301
    sizes = [one.entry.box.height for one in found.faces]
    assert sizes == sorted(sizes, reverse=True)
    assert found.faces[-1].identity is known
    only = faces_of(NOTHING, album, unknown=False)
    assert ([one.identity for one in only.faces], only.left_out) == ([known], 0)


@pytest.mark.parametrize("size", [(256, 256), (1, 1), (256, 3)])
def test_a_picture_of_noise_fits_its_bound(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    content = jpeg(Image.fromarray(noise), MOST_FACE_BYTES)
    assert len(content) <= MOST_FACE_BYTES
    assert Image.open(io.BytesIO(content)).format == "JPEG"


def test_out_of_memory_costs_the_picture_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("lambda_fn.evidence.album._portrait", full)
    album = Album()
    album.see(frame(0.0), [(person(), face(60))])
    assert album.entries == {}


def test_a_scene_shows_most_faces_and_hides_the_hidden() -> None:
    ada, stranger, album = person(), person(0.9), Album()
    make: Callable[[float], Frame] = frame
    album.see(make(0.0), [(ada, face(60))])
    two = make(1.0)
    album.see(two, [(ada, face(60))])
    album.see(two, [(stranger, face(80, left=400))])
    album.see(make(2.0), [(ada, face(60))])
    scene = album.scene
    assert scene is not None
    assert (scene.at_s, len(scene.people)) == (1.0, 2)
    before = np.asarray(scene.pixels)
    after = np.asarray(scene.covered(lambda identity: identity is stranger))
    assert (before[60:140, 400:480] != after[60:140, 400:480]).mean() > 0.9
    assert (before[:, :300] == after[:, :300]).all()
    assert len(np.unique(after[60:140, 400:480].reshape(-1, 3), axis=0)) <= 16


def test_the_smallest_picture_that_is_large_enough_is_used_again() -> None:
    one = frame(0.0, width=1280, height=720)
    glance = one.rgb(640)
    one.rgb(960)
    assert one.small(640) is glance
    assert one.small(700).shape == (394, 700, 3)
