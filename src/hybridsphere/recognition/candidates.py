"""The faces of a video, separated by their embeddings, and the likeliest person among them."""

from collections import defaultdict

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity, Sighting
from hybridsphere.recognition.space import Embeddings

# Faces kept apart at once; only the conclusion is kept of earlier ones.
_FACES_KEPT = 64


class Candidates:
    """The faces of a video, and the likeliest known person among them."""

    def __init__(self, gallery: Gallery, tolerance: float) -> None:
        self.nobody_is_known = not len(gallery)
        self._gallery = gallery
        self._tolerance = tolerance
        self._faces: list[Identity] = []
        self._weights: dict[str, float] = defaultdict(float)
        self._best: dict[str, Sighting] = {}

    def add(self, embeddings: Embeddings, at_s: float) -> list[Identity]:
        """Take the faces of a frame into account; return the identity of each."""
        return [self._add(embedding, at_s) for embedding in embeddings]

    def sure(self) -> bool:
        """Whether one of the faces is surely somebody known."""
        return any(face.sure() for face in self._faces)

    def likely(self) -> bool:
        """Whether one of the faces is likely somebody known."""
        return any(face.likely() for face in self._faces)

    def person(self) -> Sighting | None:
        """Return the sure person, otherwise the person with the most support."""
        sure = max(filter(Identity.sure, self._faces), key=Identity.weight, default=None)
        if sure is not None:
            return sure.person()
        for face in self._faces:
            self._conclude(face)
        self._faces.clear()
        # With equal support, the smaller distance decides.
        ranked = sorted(self._best.values(), key=lambda s: (-self._weights[s.name], s.distance))
        return ranked[0] if ranked else None

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
            self._conclude(oldest)
        return face

    def _conclude(self, face: Identity) -> None:
        person = face.person()
        if person is None:
            return
        self._weights[person.name] += face.weight()
        best = self._best.setdefault(person.name, person)
        if person.distance < best.distance:
            self._best[person.name] = person
