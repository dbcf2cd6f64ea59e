"""Clips of a picture: how they move, what is measured, marked and signed, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml import clips, finish_clip, media, moving, safety, watermark
from ml.animation import AnimateSpec
from ml.begin_clip import Begin
from ml.catalogue import Base, base_of
from ml.drawn.drawing import Drawing, from_facts, moved, to_facts
from ml.drawn.people import Scene, random_person, random_scene
from ml.drawn.portraits import draw
from ml.errors import MLError, Stopped
from ml.faces import Faces
from ml.local import engine
from ml.local.animating import Animating, Animators, First, is_of, move
from ml.motions import MOTIONS
from ml.moving import LEVELS, levels_of
from ml.provenance import Signer, known_certificates, verify
from ml.types import Face, RenderSpec
from tests.ml.doubles import CentredFaces, MemoryStore, Said
from tests.trained import drawn

NANO: Base = base_of("nano")
SPEC = AnimateSpec(RenderSpec("", reference="first.png"), motion="turn")


@pytest.fixture
def detector() -> object:
    said, before = Said(), safety._detector
    safety.use_detector(said)
    yield said
    safety.use_detector(before)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


def drawing() -> Drawing:
    rng = np.random.default_rng(7)
    person, scene = random_person(rng), random_scene(rng, framed=True)
    return person, replace(scene, expression="neutral", yaw=0.0, roll=0.0)


def portrait(side: int = 256) -> np.ndarray:
    return draw(*drawing(), side, side)


class Moves(Animators):
    """Makes the frames that a test wants: the picture, changed by `change` in each attempt."""

    def __init__(
        self,
        change: Callable[[np.ndarray, int], np.ndarray] = lambda picture, attempt: picture,
        flickers: bool = False,
    ):
        super().__init__("cpu")
        self.change, self.flickers = change, flickers
        self.attempts: list[int] = []

    def of(self, video: object) -> object:  # type: ignore[override]
        def animate(begin: Begin, spec: AnimateSpec, attempt: int, tell: object) -> list[np.ndarray]:
            self.attempts.append(attempt)
            changed = self.change(begin.picture, attempt)
            return [begin.picture, *[changed, changed // 4 * 3 if self.flickers else changed] * 12]

        return animate


def run(animators: Animators, keys: Path, faces: Faces | None = None, spec: AnimateSpec = SPEC) -> object:
    picture = portrait()
    animating = Animating(NANO, animators, faces or CentredFaces(), Signer.open(keys), spec, lambda *_: False)
    return animating.run(First(picture, media.encode_png(picture)), {})


def blue(picture: np.ndarray, attempt: int) -> np.ndarray:
    """Somebody else, to a judge of colours."""
    return (picture * (0.1, 0.1, 1)).astype(np.uint8)


# ---------------------------------------------------------------- movement


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_clip_begins_and_ends_at_rest_and_its_movement_is_the_largest(motion: str) -> None:
    levels = levels_of(AnimateSpec(RenderSpec(""), motion=motion), seed=1)
    assert levels.shape == (72, len(LEVELS))
    assert not levels[0].any()
    assert not levels[-1].any()
    name = {"walk_the_light": "light"}.get(motion, motion)
    assert np.abs(levels[:, LEVELS.index(name)]).max() > 0.9
    assert np.abs(np.diff(levels, axis=0)).max() < 0.45  # nothing jumps
    calmer = levels_of(AnimateSpec(RenderSpec(""), motion=motion), seed=1, strength=0.6)
    assert np.abs(calmer).sum() <= np.abs(levels).sum()


# The five points of a face in `portrait`.
POINTS = ((103.0, 108.0), (153.0, 108.0), (128.0, 138.0), (107.0, 158.0), (149.0, 158.0))
FACE = Face((80.0, 60.0, 176.0, 190.0), 1.0, POINTS)


def changes(**levels: float) -> np.ndarray:
    """By how much each pixel of the portrait changes, (256, 256)."""
    picture = portrait()
    row = np.array([[levels.get(name, 0.0) for name in LEVELS]], np.float32)
    (made,) = moving.frames(picture, FACE, row)
    return np.abs(made.astype(int) - picture).mean(2)


def test_at_rest_a_frame_is_the_picture_itself() -> None:
    assert not changes().any()


@pytest.mark.parametrize(
    ("level", "moves", "rests"),
    [
        ({"blink": 1.0}, np.s_[95:125, 85:172], np.s_[140:]),
        ({"smile": 1.0}, np.s_[135:190, 90:166], np.s_[:80]),
        ({"turn": 1.0}, np.s_[80:180, 90:166], np.s_[235:]),
        ({"nod": 1.0}, np.s_[80:180, 90:166], np.s_[235:]),
        ({"light": 1.0}, np.s_[80:180, 85:172], np.s_[:, :25]),
    ],
)
def test_a_movement_moves_its_part_of_the_face_alone(
    level: dict[str, float], moves: tuple[slice, ...], rests: tuple[slice, ...]
) -> None:
    changed = changes(**level)
    assert changed[moves].mean() > 2
    assert changed[rests].max() <= 1  # nothing but rounding


def test_only_a_drawn_mouth_is_given_teeth() -> None:
    smile = np.array([[0, 1, 0, 0, 0]], np.float32)
    drawn_, photo = (moving.frames(portrait(), FACE, smile, is_drawn=yes)[0] for yes in (True, False))
    assert (
        drawn_.max(2)[150:185, 100:156].astype(int).sum() > photo.max(2)[150:185, 100:156].astype(int).sum()
    )


def test_a_turn_to_the_left_is_the_mirror_image_of_one_to_the_right() -> None:
    picture = portrait()
    picture = np.ascontiguousarray(np.hstack([picture[:, :128], picture[:, 127::-1]]))
    sides = np.zeros((2, len(LEVELS)), np.float32)
    sides[:, LEVELS.index("turn")] = 1, -1
    face = Face(FACE.box, 1.0, tuple((x - 0.5, y) for x, y in POINTS))
    right, left = moving.frames(picture, face, sides)
    assert np.abs(right.astype(int) - left[:, ::-1]).mean() < 0.5
    assert np.abs(right.astype(int) - left).mean() > 2


@pytest.mark.parametrize("light", ["soft", "side"])
@pytest.mark.parametrize("to", [1.0, -1.0], ids=["right", "left"])
def test_light_goes_round_a_picture_as_it_does_round_a_drawing(light: str, to: float) -> None:
    """Also where it already comes from one side."""
    person, scene = drawing()
    scene = replace(scene, light=light, side=1)
    picture, truth = (draw(person, one, 256, 256) for one in (scene, moved(scene, {"light": to})))
    row = np.array([[0, 0, 0, 0, to]], np.float32)
    (made,) = moving.frames(picture, FACE, row)
    still, left = (
        np.abs(one[70:190, 80:176].astype(int) - truth[70:190, 80:176]).mean() for one in (picture, made)
    )
    assert left < 0.9 * still


def test_a_clip_of_a_drawing_is_drawn_and_one_of_another_picture_is_not() -> None:
    person = random_person(np.random.default_rng(7))
    scene = Scene(expression="neutral", light="side", size=0.5)
    picture, spec = draw(person, scene, 96, 80), replace(SPEC, motion="smile")
    assert is_of((person, scene), watermark.embed(draw(person, scene, 384, 320), 5))
    begin = Begin(picture, FACE, True, (person, scene))
    frames = move(begin, spec, 0, lambda share: None)
    assert (len(frames), len({frame.shape for frame in frames})) == (72, 1)
    assert np.array_equal(frames[0], picture)
    assert np.array_equal(frames[-1], picture)
    smiling = draw(person, replace(scene, joy=1.0), 96, 80)
    assert min(np.abs(frame.astype(int) - smiling).mean() for frame in frames) < 0.5
    other = replace(begin, picture=np.ascontiguousarray(picture[:, ::-1]))
    assert np.array_equal(move(other, spec, 0, lambda share: None)[0], other.picture)


def test_a_movement_of_a_drawing_is_the_scene_after_it() -> None:
    scene = Scene(yaw=35.0, sun=1.0)
    rows = [{"turn": 1.0}, {"turn": -1.0}, {"nod": -1.0}, {"light": 1.0}, {"blink": 0.5}, {}]
    ends = [replace(scene, yaw=42.0), replace(scene, yaw=21.0), replace(scene, pitch=-9.0)]
    ends += [replace(scene, sun=46.0), replace(scene, blink=0.5), scene]
    assert [moved(scene, row) for row in rows] == ends
    drawing = random_person(np.random.default_rng(5)), scene
    assert from_facts(json.loads(json.dumps(to_facts(drawing)))) == drawing
    assert from_facts({"person": {"nose": 1}, "scene": {}}) is None  # another version's
    assert from_facts(to_facts((drawing[0], replace(scene, light="moon")))) is None


def test_what_a_stored_picture_is_a_drawing_of_is_read_where_it_is_there() -> None:
    drawing, files = (random_person(np.random.default_rng(5)), Scene(yaw=3.0)), MemoryStore()
    spec = replace(SPEC, drawing="drawing.json")
    assert engine._drawing(spec, files) is None  # of before, or of another engine
    files.write("drawing.json", json.dumps(to_facts(drawing)).encode())
    assert engine._drawing(spec, files) == drawing
    assert engine._drawing(SPEC, files) is None


# ---------------------------------------------------------------- whole clips


def test_a_clip_of_a_drawn_woman_stays_her(keys: Path, detector: object) -> None:
    faces, picture = Faces(), media.to_array(drawn(6, 1)[0])
    (face,) = faces.describe(picture)
    spec = AnimateSpec(
        RenderSpec("", reference="a"), motion="nod", references=(tuple(face.vector),), embedder=face.embedder
    )
    told: list[str] = []
    animating = Animating(
        NANO, Animators("cpu"), faces, Signer.open(keys), spec, lambda s, x: told.append(s) or False
    )
    picture = np.ascontiguousarray(media.within(picture, 320))
    clip = animating.run(First(picture, media.encode_png(picture)), {})
    assert list(dict.fromkeys(told)) == ["animating", "checking", "encoding", "done"]
    assert (clip.frames, clip.seconds, clip.fps, clip.tries) == (72, 3.0, 24, 1)
    assert clip.likeness is not None
    assert clip.likeness_low is not None
    assert clip.likeness >= clip.likeness_low >= 0.5
    assert clip.faces == 1
    frames = list(clips.decode(clip.mp4))
    assert len(frames) == 72
    assert [watermark.read(frame) for frame in frames] == [clip.mark] * 72
    names = [name for name, _, _ in clips.boxes(clip.mp4)]
    assert names.index(b"moov") < names.index(b"mdat")  # it plays while it loads, signed too
    assert len(clip.mp4) < 3_000_000
    said = verify(clip.mp4, certificates=known_certificates(keys))
    assert (said.verdict, said.ident) == ("ours_edited", clip.mark)
    assert "mark_found" in said.reasons
    again = verify(clips.encode(frames), certificates=known_certificates(keys))
    assert (again.verdict, again.ident) == ("ours_changed", clip.mark)
    assert verify(clip.poster, certificates=known_certificates(keys)).ident == clip.mark


def test_a_picture_of_ours_keeps_its_number(keys: Path, detector: object) -> None:
    picture = watermark.embed(portrait(512), 77)
    frames, mark = finish_clip.mark_frames([picture] * 9, is_new=False)
    assert mark == 77
    assert frames[0] is picture  # not marked twice


def test_a_clip_that_loses_the_face_is_made_once_more_and_then_refused(keys: Path, detector: object) -> None:
    first_bad = Moves(lambda picture, attempt: picture if attempt else blue(picture, attempt))
    made = run(first_bad, keys)
    assert (made.tries, made.seed) == (2, SPEC.seed + 1)  # type: ignore[attr-defined]
    always = Moves(blue)
    with pytest.raises(MLError) as e:
        run(always, keys)
    assert (e.value.code, always.attempts) == ("likeness_too_low", [0, 1])


def test_a_clip_that_flickers_is_made_once_more_and_then_refused(keys: Path, detector: object) -> None:
    always = Moves(flickers=True)
    with pytest.raises(MLError) as e:
        run(always, keys)
    assert (e.value.code, always.attempts) == ("unsteady", [0, 1])


def test_the_second_try_goes_to_the_other_side_and_less_far() -> None:
    begin, sides = Begin(portrait(), FACE), np.zeros((2, len(LEVELS)), np.float32)
    once, again = (move(begin, SPEC, attempt, lambda share: None) for attempt in (0, 1))
    sides[:, LEVELS.index("turn")] = levels_of(SPEC, 0)[18, LEVELS.index("turn")] * np.array([1, -0.6])
    for made, wanted in zip((once, again), moving.frames(begin.picture, FACE, sides)):
        assert np.abs(made[18].astype(int) - wanted).mean() < 1


class OfColours(CentredFaces):
    """Pictures without red show two people."""

    def find(self, picture: np.ndarray) -> list[Face]:
        return super().find(picture) * (1 if picture[..., 0].any() else 2)


def test_of_the_pictures_from_words_the_most_alike_with_one_face_is_moved(keys: Path) -> None:
    her, stranger, two = portrait(), portrait() // 2 * 2, portrait()
    stranger[..., 1], two[..., 0] = 0, 0
    faces = OfColours()
    embedder, vector = faces.embedders.describe(her, faces.find(her)[0])
    photos = (tuple(vector.tolist()),)
    spec = AnimateSpec(RenderSpec("in a park"), motion="nod", references=photos, embedder=embedder)
    animating = Animating(NANO, Moves(), faces, Signer.open(keys), spec, lambda *_: False)
    firsts = [First(two), First(stranger), First(her)]
    assert animating.best_of(firsts, {}) is firsts[2]
    with pytest.raises(MLError) as e:
        animating.best_of(firsts[:1], {})
    assert e.value.code == "several_faces"


@pytest.mark.parametrize(
    ("faces", "code"),
    [
        (CentredFaces(0), "no_face"),
        (CentredFaces(2), "several_faces"),
        (CentredFaces(wide=0.05), "face_too_small"),
    ],
)
def test_pictures_without_one_clear_face_are_refused(faces: Faces, code: str, keys: Path) -> None:
    with pytest.raises(MLError) as e:
        run(Moves(), keys, faces)
    assert e.value.code == code


def test_every_eighth_frame_is_screened_and_nothing_unscreened_is_delivered(
    keys: Path, detector: Said
) -> None:
    verdict = detector.verdict
    detector.verdict = safety.PictureVerdict(False, 0.9, "nudity", "test")
    with pytest.raises(MLError) as e:
        run(Moves(), keys)
    assert e.value.code == "result_refused"
    detector.verdict = safety.PictureVerdict(False, 1.0, "unavailable", "none")
    with pytest.raises(MLError) as e:
        run(Moves(), keys)
    assert e.value.code == "screening_unavailable"
    detector.verdict = verdict


def test_a_clip_can_be_stopped(keys: Path) -> None:
    picture = portrait()
    animating = Animating(
        NANO, Animators("cpu"), CentredFaces(), Signer.open(keys), SPEC, lambda stage, share: share > 0.3
    )
    with pytest.raises(Stopped):
        animating.run(First(picture), {})


def test_a_base_without_video_says_so(keys: Path) -> None:
    with pytest.raises(MLError) as e:
        Animating(
            base_of("together"), Animators("cpu"), CentredFaces(), Signer.open(keys), SPEC, lambda *_: False
        )
    assert e.value.code == "engine_without_video"
