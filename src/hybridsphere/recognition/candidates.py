"""The faces of a video, separated by their embeddings, and the likeliest person among them."""

from hybridsphere.recognition.conclusion import Conclusion, likeliest
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from hybridsphere.recognition.space import Embeddings

# Faces that new looks may belong to; and earlier faces that are kept, which are of known people.
_FACES_KEPT = 64


class Candidates:
    """The faces of a video, and the likeliest known person among them."""

    def __init__(self, gallery: Gallery, tolerance: float) -> None:
        self.nobody_is_known = not len(gallery)
        self._gallery = gallery
        self._tolerance = tolerance
        self._faces: list[Identity] = []
        self._earlier: list[Identity] = []

    def add(self, embeddings: Embeddings, at_s: float) -> list[Identity]:
        """Take the faces of a frame into account; return the identity of each."""
        return [self._add(embedding, at_s) for embedding in embeddings]

    def sure(self) -> bool:
        """Whether one of the faces is surely somebody known."""
        return any(face.sure() for face in self._faces)

    def likely(self) -> bool:
        """Whether one of the faces is likely somebody known."""
        return any(face.likely() for face in self._faces)

    def person(self) -> Conclusion | None:
        """Return the sure person, otherwise the person with the most support."""
        return likeliest([*self._earlier, *self._faces])

    def _add(self, embedding: Embeddings, at_s: float) -> Identity:
        # Two faces of one frame are two people, however alike.
        earlier = [face for face in self._faces if face.last_s != at_s]
        face = min(earlier, key=lambda face: face.distance(embedding), default=None)
        if face is None or not face.is_shown_by(embedding):
            face = Identity(self._gallery, self._tolerance)
            self._faces.append(face)
        face.add(embedding, at_s)
        if len(self._faces) > _FACES_KEPT:
            oldest = min(self._faces, key=lambda face: face.last_s)
            self._faces.remove(oldest)
            self._retire(oldest)
        return face

    def _retire(self, face: Identity) -> None:
        """Keep a face of somebody known; beyond the bound the one with the least weight leaves."""
        if face.person() is None:
            return
        self._earlier.append(face)
        if len(self._earlier) > _FACES_KEPT:
            self._earlier.remove(min(self._earlier, key=Identity.weight))
