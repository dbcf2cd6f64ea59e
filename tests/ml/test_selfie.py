"""The live selfie, on drawn people who turn their head and blink (tests/selfies.py)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import forged
from ml import heads, liveness, media, selfie
from ml.faces import Faces
from ml.judge import Judge
from ml.sameness import distances
from ml.types import SELFIE_CODES, Face, Inspection, Movement, SelfieVerdict
from tests import selfies
from tests.plugin import Share
from twins import selfie_sentences

STEPS = ("left", "up", "blink", "right")
ALICE, BOB = 3, 8


def film_of(seed: int, steps: Sequence[str], **how: Any) -> list[Movement]:
    """Four frames a step, which take less time than the browser's six."""
    return selfies.film(seed, steps, count=4, **how)


class Remembering(Faces):
    """Finds the faces of a picture once: the same frames are in most of these tests."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[bytes, list[Face]] = {}

    def find(self, picture: np.ndarray) -> list[Face]:
        key = hashlib.sha256(picture.tobytes()).digest()
        if key not in self.known:
            self.known[key] = super().find(picture)
        return self.known[key]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(threads=1, faces=Remembering())


@pytest.fixture(scope="module")
def photos(judge: Judge) -> list[Inspection]:
    return [judge.inspect(data) for data in selfies.photos(ALICE)]


@pytest.fixture(scope="module")
def film() -> list[Movement]:
    return film_of(ALICE, STEPS)


@pytest.fixture(scope="module")
def accepted(judge: Judge, film: list[Movement], photos: list[Inspection]) -> SelfieVerdict:
    return judge.verify_selfie(film, photos)


def short(step: str, *frames: bytes) -> list[Movement]:
    """A selfie of one movement: the frames, or those of Alice."""
    return [Movement(step, frames)] if frames else film_of(ALICE, [step])


def blank(level: int) -> bytes:
    return media.encode_jpeg(np.full((480, 640, 3), level, np.uint8))


def test_the_person_of_the_photos_is_accepted(accepted: SelfieVerdict) -> None:
    assert (accepted.accepted, accepted.code, accepted.detail, accepted.review) == (True, "", "", "")
    assert min(one or 0 for one in accepted.likeness) > 0.9
    assert media.to_array(accepted.face).shape == (480, 640, 3)
    assert len(accepted.prints) == 16
    assert accepted.embedder == "drawn-contrast-1"
    assert len(accepted.embedding) == 128


def test_the_measures_tell_staff_where_the_head_pointed(accepted: SelfieVerdict) -> None:
    frames = accepted.measures["frames"]
    last = [[f for f in frames if f["step"] == step][-1] for step in range(4)]
    assert last[0]["yaw"] > 15
    assert last[1]["pitch"] > 7
    assert last[3]["yaw"] < -15
    assert any(max(f["eyes"]) < 0.4 for f in frames if f["step"] == 2)


def test_a_profile_and_a_photo_without_a_vector_are_not_judged(
    judge: Judge, film: list[Movement], photos: list[Inspection]
) -> None:
    odd = [photos[0], replace(photos[1], yaw=60.0), replace(photos[2], embedding=())]
    said = judge.verify_selfie(film[:1], odd)
    assert said.accepted
    assert [one is None for one in said.likeness] == [False, True, True]


def test_a_stranger_is_refused(judge: Judge, photos: list[Inspection]) -> None:
    said = judge.verify_selfie(film_of(BOB, ["left"]), photos)
    assert said.code == "selfie_other_face"
    assert max(one or 0 for one in said.likeness) < 0.5


def test_without_a_photo_to_compare_with_nobody_is_accepted(judge: Judge, film: list[Movement]) -> None:
    assert judge.verify_selfie(film[:1], []).code == "selfie_other_face"


def test_a_drawing_is_refused_where_the_photos_are_photographs(
    judge: Judge, film: list[Movement], photos: list[Inspection]
) -> None:
    real = [replace(photo, embedder="dlib-resnet-2") for photo in photos]
    assert judge.verify_selfie(film[:1], real).code == "selfie_drawn"


def test_the_movements_of_another_challenge_are_refused(
    judge: Judge, film: list[Movement], photos: list[Inspection]
) -> None:
    left, up, blink, right = (m.frames for m in film)
    said = judge.verify_selfie([Movement("left", left), Movement("blink", up)], photos)
    assert (said.code, said.step) == ("selfie_wrong_movement", 1)
    assert said.detail.startswith("Your blink was not seen.")
    assert judge.verify_selfie([Movement("left", right)], photos).code == "selfie_wrong_movement"


def test_eyes_that_never_close_are_no_blink(
    judge: Judge, film: list[Movement], photos: list[Inspection]
) -> None:
    said = judge.verify_selfie([film[0], *film_of(ALICE, ["blink"], still=True)], photos)
    assert (said.code, said.step) == ("selfie_wrong_movement", 1)


def test_a_still_picture_is_refused(judge: Judge, photos: list[Inspection]) -> None:
    said = judge.verify_selfie(film_of(ALICE, ["left"], still=True), photos)
    assert (said.code, said.step) == ("selfie_still", None)


@pytest.mark.thorough
def test_most_drawn_people_are_accepted(judge: Judge) -> None:
    """14 of 16. The detector's points miss one look up, and drawn faces with closed eyes may be far apart."""
    people = range(1, 17)
    verdicts = [
        judge.verify_selfie(selfies.film(n, STEPS), [judge.inspect(p) for p in selfies.photos(n)])
        for n in people
    ]
    assert sum(said.accepted for said in verdicts) >= 13


@pytest.mark.thorough
def test_glasses_do_not_hide_a_blink(judge: Judge, photos: list[Inspection]) -> None:
    said = judge.verify_selfie(film_of(ALICE, ["blink", "left"], glasses="glasses"), photos)
    assert said.accepted, said


def test_a_face_that_changes_within_the_selfie_is_refused(
    judge: Judge, film: list[Movement], photos: list[Inspection]
) -> None:
    bob = film_of(BOB, ["right"])
    said = judge.verify_selfie([film[0], film[2], bob[0]], photos)
    assert (said.code, said.step) == ("selfie_other_face", 2)
    assert said.detail.startswith("Not all pictures show the same face.")


def test_somebody_who_moves_in_the_place_of_the_person_is_refused(
    judge: Judge, film: list[Movement], photos: list[Inspection]
) -> None:
    """The person's picture from the front, and a stranger's turns."""
    bob = film_of(BOB, ["left"])[0].frames
    said = judge.verify_selfie([Movement("left", (*film[0].frames[:2], *bob[2:]))], photos)
    assert (said.code, said.step) == ("selfie_other_face", 0)


def test_frames_of_one_face_are_linked_by_a_chain() -> None:
    apart = distances(np.array([[0.0], [0.4], [0.8], [2.0]]))
    assert selfie.linked(apart, 0, 0.45) == {0, 1, 2}


@pytest.mark.parametrize("turn", [(40.0, 0.0), pytest.param((-35.0, 15.0), marks=pytest.mark.thorough)])
def test_paper_that_turns_is_refused(
    judge: Judge, photos: list[Inspection], turn: tuple[float, float]
) -> None:
    picture = selfies.drawing(ALICE, selfies.FRONT)
    shown = [forged.tilted(picture, t * turn[0], t * turn[1], zoom=1.2) for t in (0, 0, 0.5, 1)]
    frames = [selfies.frame(p, i) for i, p in enumerate(shown)]
    said = judge.verify_selfie(short("left" if turn[0] > 0 else "right", *frames), photos)
    assert said.code in ("selfie_still", "selfie_wrong_movement")
    assert said.measures["depth"] is None or said.measures["depth"] < liveness.DEEP


def seen(judge: Judge, picture: np.ndarray) -> heads.Frame:
    return heads.look(heads.decoded(selfies.frame(picture, 0)), 0, judge.faces, judge.eyes)


def test_a_screen_shows_its_pixels_and_its_edge(judge: Judge) -> None:
    picture = selfies.drawing(ALICE, selfies.FRONT)
    alive, screen = seen(judge, picture), seen(judge, forged.on_screen(picture, grain=0.9, zoom=0.8))
    assert (
        liveness.pattern_of(alive)
        < 0.8 * liveness.PATTERN
        < 4 * liveness.PATTERN
        < liveness.pattern_of(screen)
    )
    assert (liveness.framed(alive), liveness.framed(screen)) == (False, True)


def test_open_and_closed_eyes_are_told(judge: Judge, share: Share) -> None:
    """People whom the training does not know."""
    for person in share.of(range(20, 26), 3):
        open_, closed = (seen(judge, selfies.drawing(person, selfies.Pose(blink=b))) for b in (0, 1))
        assert min(open_.eyes) > 0.8
        assert max(closed.eyes) < 0.2


def two_people() -> bytes:
    half = [selfies.drawing(seed, selfies.FRONT)[:, 140:460] for seed in (ALICE, BOB)]
    return media.encode_jpeg(np.hstack(half))


def dim() -> bytes:
    return media.encode_jpeg((selfies.drawing(ALICE, selfies.FRONT) * 0.12).astype(np.uint8))


def far() -> bytes:
    small = selfies.drawing(ALICE, selfies.FRONT)[::10, ::10]
    picture = np.full((480, 640, 3), 170, np.uint8)
    picture[200:248, 300:364] = small
    return media.encode_jpeg(picture)


@pytest.mark.parametrize(
    "frame, code",
    [
        (two_people, "selfie_several_faces"),
        (lambda: blank(160), "selfie_no_face"),
        (lambda: blank(8), "selfie_too_dark"),
        (dim, "selfie_too_dark"),
        (far, "selfie_too_small"),
        (lambda: b"", "selfie_unreadable"),
        (lambda: b"\xff\xd8\xffnothing", "selfie_unreadable"),
    ],
)
def test_bad_frames_are_named(judge: Judge, photos: list[Inspection], frame: Any, code: str) -> None:
    said = judge.verify_selfie(short("left", *[frame()] * 3), photos)
    assert (said.accepted, said.code, said.step) == (False, code, 0)
    assert said.detail == str(selfie_sentences.sentence_of(code))


def test_a_selfie_without_movements_or_frames_is_unreadable(judge: Judge, photos: list[Inspection]) -> None:
    assert judge.verify_selfie([], photos).code == "selfie_unreadable"
    assert judge.verify_selfie([Movement("up", ())], photos).code == "selfie_unreadable"


def test_one_broken_frame_among_good_ones_is_skipped(
    judge: Judge, film: list[Movement], photos: list[Inspection]
) -> None:
    frames = film[0].frames
    said = judge.verify_selfie(short("left", frames[0], frames[1][:900], *frames[2:]), photos)
    assert said.accepted
    assert said.measures["frames"][1] == {"step": 0, "fault": "selfie_unreadable"}
    assert len(said.prints) == 3


def test_two_frames_are_too_few(judge: Judge, film: list[Movement], photos: list[Inspection]) -> None:
    assert judge.verify_selfie(short("left", *film[0].frames[-2:]), photos).code == "selfie_unreadable"


def test_somebody_who_looks_young_is_looked_at(
    judge: Judge, film: list[Movement], photos: list[Inspection]
) -> None:
    young = Judge(threads=1, faces=judge.faces, ages=lambda picture: 17.0)
    said = young.verify_selfie(film[:1], photos)
    assert (said.accepted, said.review) == (True, "maybe_minor")


def test_every_sentence_is_marked_for_translation() -> None:
    marked = [*selfie_sentences.SENTENCES.values(), *selfie_sentences.MOVEMENTS.values()]
    assert {str(text) for text in [*marked, selfie_sentences.CHANGED]} == set(selfie.MESSAGES.values())
    assert {*selfie_sentences.SENTENCES, "selfie_wrong_movement"} == set(SELFIE_CODES)


def test_a_camera_film_is_a_row_of_jpegs(tmp_path: Path) -> None:
    film = selfies.camera_film(tmp_path / "camera.mjpeg", ALICE, [(0.2, "front"), (0.2, "left")]).read_bytes()
    assert film.count(b"\xff\xd8\xff\xe0") == 12
    assert film.startswith(b"\xff\xd8\xff")
    assert film.endswith(b"\xff\xd9")
