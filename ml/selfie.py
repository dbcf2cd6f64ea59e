"""Judges a live selfie: whether a living person made the movements that were asked for, in this order, and
whether it is the person on the photos.

`verify` asks one question after the other and stops at the first fault: is there one face in enough frames of
each step (heads.py), does the head do what was asked, is it a head and not a picture of one (liveness.py), is
it the same face throughout, is it the photos' face. docs/engine.md says how far each can be told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml import heads, liveness, media
from ml.faces import Faces
from ml.heads import Frame, Neutral
from ml.measures import PROFILE, perceptual_hash
from ml.nets.eyes import Eyes
from ml.nets.scales import SCALES, is_drawn
from ml.sameness import distances, is_judged
from ml.types import SELFIE_STEPS, Inspection, Movement, SelfieVerdict

Ages = Callable[[np.ndarray], float]  # (H, W, 3) uint8 RGB of a face from the front -> estimated years

LEAST, MOST = 3, 12  # frames of one step: usable at least, looked at at most
SEVERAL = 2  # frames of one step with a second person that refuse it
LINK = 0.9  # of Scale.same: frames so near to one another show one face
STRANGE = 0.25  # largest share of frames whose face is not that of the others: motion blurs some
FACING = 20.0  # degrees of yaw up to which frames speak for who it is
SAME, AGREEING = 0.5, 2 / 3  # least probability of a photo; least share of the judged photos that reach it
ADULT = 21.0  # estimated years below which a person looks at it

MESSAGES = {
    "selfie_no_face": "Your face was not seen. Hold the camera at the height of your eyes, with your whole face in the picture.",  # noqa: E501
    "selfie_several_faces": "Somebody else is in the picture. Take the selfie alone.",
    "selfie_too_dark": "It is too dark. Turn towards a window or a lamp.",
    "selfie_too_small": "Your face is too small. Come nearer to the camera.",
    "selfie_blurred": "The picture is not sharp. Clean the camera, hold it still, and move slowly.",
    "selfie_still": "Nothing moved as a living head does. Take the selfie with your own face, and follow each movement.",  # noqa: E501
    "selfie_screen": "This looks like a screen before the camera. Take the selfie with your own face.",
    "selfie_other_face": "This does not seem to be the person on the photos. The person on the photos must take the selfie.",  # noqa: E501
    "selfie_changed": "Not all pictures show the same face. Take the selfie again, alone and with your face in good light.",  # noqa: E501
    "selfie_drawn": "This is a drawing, and the photos are photographs. Take the selfie with your own face.",
    "selfie_unreadable": "The pictures of your camera did not arrive whole. Check the connection and try again.",  # noqa: E501
    "left": "Your turn to the left was not seen. Begin from the front, then turn your head clearly to your left.",  # noqa: E501
    "right": "Your turn to the right was not seen. Begin from the front, then turn your head clearly to your right.",  # noqa: E501
    "up": "Your look up was not seen. Begin from the front, then lift your chin clearly.",
    "blink": "Your blink was not seen. Face the camera, close both eyes for a moment and open them again. Take off dark glasses.",  # noqa: E501
}


class Refused(Exception):
    """The selfie is refused: `code` of SELFIE_CODES, the index of the step, and the key of its sentence."""

    def __init__(self, code: str, step: int | None = None, message: str = ""):
        super().__init__(code)
        self.code, self.step, self.message = code, step, message or code


@dataclass(frozen=True)
class Seen:
    """A selfie's frames in order of time, and what its movements are."""

    frames: tuple[Frame, ...]
    steps: tuple[str, ...]

    def of(self, step: int) -> list[Frame]:
        """The frames of a step that can be used."""
        return [f for f in self.frames if f.step == step and not f.fault]

    @property
    def usable(self) -> list[Frame]:
        return [f for f in self.frames if not f.fault]


def verify(
    movements: Sequence[Movement],
    photos: Sequence[Inspection],
    *,
    faces: Faces,
    eyes: Eyes,
    ages: Ages | None = None,
) -> SelfieVerdict:
    """The verdict on a live selfie of the person on `photos`. Does not raise for bad frames."""
    seen = watch(movements, faces, eyes)
    said = SelfieVerdict(
        False, prints=tuple(perceptual_hash(f.picture) for f in seen.frames if f.picture.size)
    )
    try:
        check_frames(seen)
        neutral = heads.neutral_of(seen.usable, seen.steps)
        embedder = embedder_of(seen, neutral, faces)
        seen = with_vectors(seen, best_of(seen, neutral), embedder, faces)
        said = replace(said, measures=measures_of(seen, neutral))
        check_frames(seen)
        check_movements(seen, neutral)
        said = replace(said, embedder=embedder, embedding=tuple(front_mean(seen, neutral).tolist()))
        said = replace(said, face=media.encode_jpeg(best_of(seen, neutral).picture))
        said = replace(said, likeness=tuple(likeness_to(p, said, seen, neutral, faces) for p in photos))
        check_person(said, photos)
    except Refused as refused:
        return replace(said, code=refused.code, detail=MESSAGES[refused.message], step=refused.step)
    young = ages is not None and ages(best_of(seen, neutral).picture) < ADULT
    return replace(said, accepted=True, review="maybe_minor" if young else "")


def watch(movements: Sequence[Movement], faces: Faces, eyes: Eyes) -> Seen:
    steps = tuple(movement.step for movement in movements)
    if unknown := set(steps) - set(SELFIE_STEPS):
        raise ValueError(f"no such movement: {sorted(unknown)}")
    numbered = [(i, data) for i, movement in enumerate(movements) for data in movement.frames[:MOST]]
    with ThreadPoolExecutor(2) as pool:  # decodes the next frames while this thread looks at one
        pictures = pool.map(heads.decoded, (data for _, data in numbered))
        return Seen(tuple(heads.look(p, i, faces, eyes) for (i, _), p in zip(numbered, pictures)), steps)


def check_frames(seen: Seen) -> None:
    """Refuses a step with too few usable frames for what is wrong with most of the others."""
    if not seen.steps:
        raise Refused("selfie_unreadable")
    for step, name in enumerate(seen.steps):
        here = [f for f in seen.frames if f.step == step]
        faults = Counter(f.fault for f in here if f.fault)
        if faults["selfie_several_faces"] >= SEVERAL:
            raise Refused("selfie_several_faces", step)
        if faults["selfie_other_face"] > STRANGE * len(here):
            raise Refused("selfie_other_face", step, "selfie_changed")
        if len(seen.of(step)) < LEAST:
            code = faults.most_common(1)[0][0] if faults else "selfie_unreadable"
            raise Refused(code, step, {"selfie_wrong_movement": name}.get(code, ""))


def check_movements(seen: Seen, neutral: Neutral) -> None:
    """Refuses what does not do as it was asked, and what is no head."""
    if liveness.rests(seen.usable, neutral):
        raise Refused("selfie_still")
    for step, name in enumerate(seen.steps):
        turns = [f for f in seen.of(step) if name in ("left", "right")]
        if liveness.is_flat(turns, neutral):
            raise Refused("selfie_still", step)
        if not heads.shows(name, seen.of(step), neutral):
            raise Refused("selfie_wrong_movement", step, name)
    if liveness.is_screen(seen.usable):
        raise Refused("selfie_screen")


# --- who it is ----------------------------------------------------------------------------------------------


def check_person(said: SelfieVerdict, photos: Sequence[Inspection]) -> None:
    """Refuses a selfie of somebody else than on most of the photos that are judged."""
    judged = [p for p in photos if is_judged(p)]
    if is_drawn(said.embedder) and judged and not any(is_drawn(p.embedder) for p in judged):
        raise Refused("selfie_drawn")
    known = [one for one in said.likeness if one is not None]
    if not known or sum(one >= SAME for one in known) < AGREEING * len(known):
        raise Refused("selfie_other_face")


def embedder_of(seen: Seen, neutral: Neutral, faces: Faces) -> str:
    """The embedder that suits most of the frames from the front."""
    front = sorted(seen.usable, key=lambda f: abs(neutral.yaw_of(f)))[:LEAST]
    names = Counter(faces.embedders.describe(f.picture, f.face)[0] for f in front if f.face)
    return names.most_common(1)[0][0]


def vector_of(frame: Frame, embedder: str, faces: Faces) -> np.ndarray | None:
    """(D,); None where there is no such embedder any more."""
    return faces.embedders.vector(embedder, frame.picture, frame.face) if frame.face else None


def with_vectors(seen: Seen, best: Frame, embedder: str, faces: Faces) -> Seen:
    """The frames with their vectors. One that is not of the best frame's face cannot be used: somebody else
    may move than the one who is shown. Of a profile the vector does not tell."""
    usable = seen.usable
    vectors = [vector_of(f, embedder, faces) for f in usable]
    apart = distances(np.array(vectors))
    first = next(i for i, f in enumerate(usable) if f is best)
    own = linked(apart, first, LINK * SCALES[embedder].same)
    judged = {
        id(f): replace(f, vector=v, apart=float(d), fault="" if i in own else odd_one(f))
        for i, (f, v, d) in enumerate(zip(usable, vectors, apart[first]))
    }
    return replace(seen, frames=tuple(judged.get(id(f), f) for f in seen.frames))


def odd_one(frame: Frame) -> str:
    return "selfie_wrong_movement" if abs(frame.yaw) >= PROFILE else "selfie_other_face"


def linked(apart: np.ndarray, first: int, limit: float) -> set[int]:
    """The frames that a chain of like ones joins to the first: a head that turns changes little by little."""
    joined, new = {first}, {first}
    while new:
        near = {int(j) for i in new for j in np.flatnonzero(apart[i] <= limit)}
        new = near - joined
        joined |= new
    return joined


def front_mean(seen: Seen, neutral: Neutral) -> np.ndarray:
    """(D,): the mean vector of the frames that face the camera."""
    known = [(f, f.vector) for f in seen.usable if f.vector is not None]
    front = [v for f, v in known if max(abs(neutral.yaw_of(f)), abs(neutral.pitch_of(f))) < FACING]
    return np.asarray(np.mean(front or [v for _, v in known], axis=0))


def likeness_to(
    photo: Inspection, said: SelfieVerdict, seen: Seen, neutral: Neutral, faces: Faces
) -> float | None:
    """The probability that the photo shows the selfie's person; None where its vector does not tell."""
    own = is_drawn(photo.embedder) == is_drawn(said.embedder)
    if not is_judged(photo) or photo.embedder == said.embedder or not own:
        return probability(photo, said.embedding, said.embedder)
    # The photo's vector is by an embedder of before, see `manage.py reembed_photos`.
    vector = vector_of(best_of(seen, neutral), photo.embedder, faces)
    return None if vector is None else probability(photo, vector.tolist(), photo.embedder)


def probability(photo: Inspection, vector: Sequence[float], embedder: str) -> float | None:
    """The same for a vector by `embedder`: 0 between a drawing and a photograph."""
    if not is_judged(photo):
        return None
    if photo.embedder != embedder:
        return 0.0
    apart = float(np.linalg.norm(np.asarray(vector) - np.asarray(photo.embedding)))
    return round(SCALES[embedder].probability(apart), 4)


def best_of(seen: Seen, neutral: Neutral) -> Frame:
    """The frame for people to look at: from the front, with open eyes, the sharpest of the like."""

    def merit(frame: Frame) -> float:
        turned = abs(neutral.yaw_of(frame)) + abs(neutral.pitch_of(frame))
        return 20 * sum(frame.eyes) + 50 * frame.sharp - turned

    return max(seen.usable, key=merit)


def measures_of(seen: Seen, neutral: Neutral) -> dict[str, Any]:
    """What was measured, frame by frame, as plain JSON."""
    return {
        "frames": [
            {
                "step": f.step,
                "fault": f.fault,
                "yaw": round(neutral.yaw_of(f), 1),
                "pitch": round(neutral.pitch_of(f), 1),
                "eyes": [round(e, 2) for e in f.eyes],
                "sharpness": round(f.sharp, 3),
                "apart": round(f.apart, 2),
            }
            if f.face
            else {"step": f.step, "fault": f.fault}
            for f in seen.frames
        ],
        "depth": rounded(liveness.depth_of(seen.usable, neutral)),
        "pattern": round(liveness.median_pattern(seen.usable), 1),
        "framed": liveness.share_framed(seen.usable),
    }


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
