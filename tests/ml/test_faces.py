"""The photo checks, each with a drawn example, and grouping by person; the embedder is a double."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ml import measures, media, sameness
from ml.drawn.backdrops import backdrop
from ml.drawn.people import Scene, random_person, varied_scenes
from ml.drawn.portraits import draw
from ml.errors import MLError
from ml.faces import DETECT_SMALLEST, MESSAGES, Faces
from ml.nets.embedders import Embedders, RealEmbedder, head_crop
from ml.nets.scales import DRAWN, REAL, SCALES, Scale
from ml.safety import PictureVerdict
from ml.sameness import distances, mixed, same_person
from ml.types import PHOTO_CODES, Face, Inspection
from ml.vocabulary import BACKGROUNDS, EXPRESSIONS
from tests.ml.doubles import OneEmbedder

SIDE = 768


def colours(picture, face):
    """A double of the trained nets: the head's colours on a coarse grid, of length 1."""
    small = cv2.resize(head_crop(picture, face)[16:80, 16:80], (7, 6), interpolation=cv2.INTER_AREA)
    v = np.append(small.ravel() / 127.5 - 1, [0, 0]).astype(np.float32)
    return v / np.linalg.norm(v)


COLOURS = OneEmbedder("colours", colours)


def judged(**verdict):
    """A safety check with a fixed verdict."""
    said = PictureVerdict(**({"safe": False, "score": 1.0, "label": "nude", "engine": "test"} | verdict))
    return lambda _: said


@pytest.fixture(scope="session")
def checker():
    SCALES["colours"] = Scale(drawn=True, same=0.447, other=0.548, middle=0.5, width=0.1)
    return Faces(embedders=COLOURS, screen=judged(safe=True))


@pytest.fixture(scope="session")
def alice():
    person = random_person(np.random.default_rng(3))
    return replace(person, skin=0.2, hair="short", hair_colour="brown", beard="none", age=0.3)


@pytest.fixture(scope="session")
def bob():
    person = random_person(np.random.default_rng(8))
    return replace(person, skin=0.8, hair="buzz", hair_colour="black", beard="none", age=0.3)


@pytest.fixture(scope="session")
def portrait(alice):
    """One good photo as pixels; read-only."""
    return draw(alice, Scene(), SIDE, SIDE)


@pytest.fixture(scope="session")
def accepted(checker, portrait):
    return checker.inspect(media.encode_jpeg(portrait))


def code(checker, picture, others=()):
    said = checker.inspect(media.encode_jpeg(np.ascontiguousarray(picture)), others)
    assert said.accepted == (said.code == "")
    assert said.detail == MESSAGES.get(said.code, "")
    assert bool(said.clean) == said.accepted
    return said.code


def shrunk_onto(picture, side, canvas_side):
    """The picture at `side` px in the middle of a wide plain ground."""
    canvas = np.full((canvas_side, canvas_side, 3), 128, np.uint8)
    at = (canvas_side - side) // 2
    canvas[at : at + side, at : at + side] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return canvas


def test_every_code_has_one_sentence_that_says_what_to_do():
    assert set(MESSAGES) == set(PHOTO_CODES)


def test_a_good_photo_is_accepted_and_measured(accepted):
    assert (accepted.code, accepted.width, accepted.height) == ("", SIDE, SIDE)
    assert accepted.embedder == "colours"
    assert np.linalg.norm(accepted.embedding) == pytest.approx(1, abs=1e-4)
    assert 0.3 < accepted.light < 0.8
    assert accepted.warmth > 1
    assert abs(accepted.yaw) < 10
    assert media.to_array(accepted.clean).shape == (SIDE, SIDE, 3)


# The darkest and, with --thorough, the fairest skin.
@pytest.mark.parametrize("seed, skin", [(5, 1.0), pytest.param(6, 0.0, marks=pytest.mark.thorough)])
def test_varied_photos_of_one_person_are_accepted(checker, share, seed, skin):
    """Eleven of a dozen, and all of the third that runs without --thorough."""
    rng = np.random.default_rng(seed)
    person = replace(random_person(rng), skin=skin)
    scenes = share.of(varied_scenes(rng, 12), 4)
    codes = [code(checker, draw(person, scene, 576, 576)) for scene in scenes]
    assert codes.count("") >= len(scenes) * 11 / 12, codes


def test_expressions_never_refuse_the_darkest_skin_in_soft_light(checker, bob):
    person = replace(bob, skin=1.0)
    assert [code(checker, draw(person, Scene(expression=e), 576, 576)) for e in EXPRESSIONS] == [""] * 4


@pytest.mark.parametrize("data, expected", [(b"", "not_an_image"), (b"GIF89a", "unsupported_format")])
def test_what_media_refuses_comes_back_as_a_verdict(checker, data, expected):
    said = checker.inspect(data)
    assert (said.accepted, said.code, said.detail) == (False, expected, MESSAGES[expected])


@pytest.mark.parametrize("quarters", [1, *(pytest.param(n, marks=pytest.mark.thorough) for n in (2, 3))])
def test_a_photo_on_its_side_or_upside_down_is_turned(checker, portrait, accepted, quarters):
    said = checker.inspect(media.encode_jpeg(np.ascontiguousarray(np.rot90(portrait, quarters))))
    assert said.code == ""
    assert np.abs(np.subtract(said.points, accepted.points)).max() < 8


def test_a_turned_photo_has_its_sides_exchanged(portrait):
    photo = media.turn(media.CleanPhoto(media.encode_jpeg(portrait[:500]), 3000, 2000, "JPEG"), 1)
    assert (photo.width, photo.height) == (2000, 3000)
    assert media.to_array(photo.jpeg).shape[:2] == (SIDE, 500)


def test_a_small_picture_is_refused(checker, portrait):
    assert code(checker, cv2.resize(portrait, (400, 400))) == "too_small"


def test_a_landscape_has_no_face(checker, share):
    some = share.of(BACKGROUNDS, 2)
    empty = [(backdrop(Scene(background=b), 512, 640) * 255).astype(np.uint8) for b in some]
    assert [checker.find(scene) for scene in empty] == [[]] * len(some)
    assert code(checker, empty[-1]) == "no_face"


def test_a_face_of_low_contrast_is_found_at_the_second_look(checker, alice):
    person = replace(alice, skin=1.0, age=0.15, hair="long", hair_colour="red")
    picture = draw(person, Scene(expression="surprised"), 512, 512)
    assert checker._look(picture, 1.0) == []
    assert len(checker.find(picture)) == 1


def test_two_people_side_by_side_are_several_faces(checker, portrait, bob):
    pair = np.hstack([portrait, draw(bob, Scene(backdrop="blue"), SIDE, SIDE)])
    assert code(checker, pair) == "several_faces"


def test_a_small_face_in_the_background_is_a_hint_only(checker, portrait, bob):
    crowd = portrait.copy()
    passer = cv2.resize(draw(bob, Scene(), 512, 512), (230, 230), interpolation=cv2.INTER_AREA)
    crowd[:230, -230:] = passer
    said = checker.inspect(media.encode_jpeg(crowd))
    assert (said.code, "people_behind" in said.hints) == ("", True)


def test_a_face_under_160_pixels_of_the_original_is_too_small(checker, portrait):
    assert code(checker, shrunk_onto(portrait, 320, 1000)) == "face_too_small"


def test_the_same_face_counts_in_pixels_of_a_large_original(checker, portrait):
    said = checker.inspect(media.encode_jpeg(shrunk_onto(portrait, 500, 3000)))
    assert said.code == ""
    assert said.width == 3000
    assert 160 < said.box[2] - said.box[0] < 300


@pytest.mark.parametrize("edge", ["left", "chin"])
def test_a_face_at_the_edge_is_cut_off(checker, alice, edge):
    wide = draw(alice, Scene(), SIDE, 1200)
    x1, _, x2, y2 = checker.find(wide)[0].box
    by = int(0.2 * (x2 - x1))
    assert (
        code(checker, wide[:, int(x1) + by :] if edge == "left" else wide[: int(y2) - by]) == "face_cut_off"
    )


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda p: cv2.GaussianBlur(p, (0, 0), 6), "blurred"),
        (lambda p: (p * 0.18).astype(np.uint8), "too_dark"),
        (lambda p: np.clip(p * 1.9 + 70.0, 0, 255).astype(np.uint8), "too_bright"),
    ],
)
def test_unsharp_dark_and_bright_photos_are_refused(checker, portrait, change, expected):
    assert code(checker, change(portrait)) == expected


def test_a_small_frame_of_the_camera_tells_what_the_check_of_its_photo_would_find(checker, portrait):
    frame = cv2.resize(portrait, (640, 640), interpolation=cv2.INTER_AREA)
    changed = [
        (frame, SIDE, ""),
        (frame, 200, "face_too_small"),  # of a camera with few pixels
        (cv2.GaussianBlur(frame, (0, 0), 6), SIDE, "blurred"),
        ((frame * 0.18).astype(np.uint8), SIDE, "too_dark"),
        (frame[:100], SIDE, "no_face"),
        (cv2.resize(shrunk_onto(portrait, 700, 2000), (640, 640)), 2000, ""),  # too few pixels for sharpness
    ]
    for picture, width, expected in changed:
        data = media.encode_jpeg(np.ascontiguousarray(picture))
        assert checker.framing(data, width) == expected


def test_the_same_photo_again_is_a_duplicate_at_any_size_and_quality(checker, portrait, accepted):
    again = cv2.resize(portrait, (1000, 1000), interpolation=cv2.INTER_CUBIC)
    said = checker.inspect(media.encode_jpeg(again, quality=60), [accepted])
    assert said.code == "duplicate"


def test_another_photo_of_the_sitting_is_no_duplicate(checker, alice, accepted):
    assert (
        code(checker, draw(alice, Scene(expression="smiling", yaw=10, dx=0.04), SIDE, SIDE), [accepted]) == ""
    )


def verdicts(vectors, accepted=True):
    return [Inspection(accepted, embedding=tuple(v), embedder="colours") for v in vectors]


def test_another_person_is_refused_once_three_others_agree(checker, bob, accepted):
    stranger = draw(bob, Scene(), SIDE, SIDE)
    own = verdicts([accepted.embedding] * 3)
    assert code(checker, stranger, own[:2]) == ""
    assert code(checker, stranger, own) == "other_person"


def test_without_a_majority_nobody_is_a_stranger():
    x, y, z = np.eye(128)[:3]
    said = verdicts([z])[0]
    assert sameness.is_stranger(said, verdicts([x] * 4 + [y] * 2))
    assert not sameness.is_stranger(said, verdicts([x] * 4 + [y] * 3))
    assert not sameness.is_stranger(replace(said, embedder="unknown"), verdicts([x] * 4))


def of_kind(embedder, vector, **more):
    return Inspection(True, embedding=tuple(vector), embedder=embedder, **more)


def test_a_drawing_among_photographs_is_a_stranger_and_the_other_way_round():
    x = np.eye(128)[0]
    real, drawn = of_kind(REAL, 0.1 * x), of_kind(DRAWN, x)
    assert sameness.is_stranger(drawn, [real] * 4)
    assert sameness.is_stranger(real, [drawn] * 4)
    assert not sameness.is_stranger(real, [drawn] * 2)
    assert mixed([real] * 4 + [drawn]).labels == (0, 0, 0, 0, 1)


def test_a_profile_is_not_judged_for_who_it_shows():
    x, y = np.eye(128)[:2]
    profile = of_kind(REAL, y, yaw=70.0)
    assert not sameness.is_stranger(profile, [of_kind(REAL, x)] * 4)
    assert mixed([of_kind(REAL, x)] * 3 + [profile]).labels == (0, 0, 0, -1)


def test_unsafe_photos_are_refused_before_anything_else(portrait):
    judge = Faces(embedders=COLOURS, screen=judged())
    assert code(judge, portrait) == "unsafe"


def test_a_broken_safety_check_accepts_nothing_and_blames_nobody(portrait):
    judge = Faces(embedders=COLOURS, screen=judged(label="unavailable"))
    with pytest.raises(MLError) as error:
        judge.inspect(media.encode_jpeg(portrait))
    assert error.value.code == "screening_unavailable"


@pytest.mark.parametrize(
    "option, expected",
    [({"hidden": lambda *_: {"nose": 1.0}}, "face_hidden"), ({"adult": lambda *_: False}, "not_adult")],
)
def test_models_for_hidden_faces_and_age_are_asked_where_given(checker, portrait, option, expected):
    judge = Faces(embedders=COLOURS, screen=judged(safe=True), **option)
    judge._detector = checker._detector
    assert code(judge, portrait) == expected


def test_a_face_that_may_be_hidden_has_a_hint_and_a_profile_is_not_asked(checker, portrait, accepted):
    judge = Faces(embedders=COLOURS, screen=judged(safe=True), hidden=lambda *_: {"mouth": 0.8})
    judge._detector = checker._detector
    said = judge.inspect(media.encode_jpeg(portrait))
    assert (said.code, said.hints) == ("", (*accepted.hints, "mouth_hidden"))
    face = checker.find(portrait)[0]
    assert judge._asked(replace(accepted, yaw=60.0), portrait, face) == (replace(accepted, yaw=60.0), "")


def test_the_first_look_finds_what_a_look_at_all_sizes_finds(checker, portrait):
    small = cv2.resize(portrait, (640, 640), interpolation=cv2.INTER_AREA)
    assert checker._look(small, 1.0) == checker._detect(small, 1.0, DETECT_SMALLEST)


def test_without_weights_faces_are_found_but_not_embedded(checker, portrait, tmp_path):
    bare = Faces(embedders=Embedders(dlib=RealEmbedder(tmp_path / "none.safetensors")))
    bare._detector = checker._detector
    assert bare.find(portrait)
    with pytest.raises(MLError) as error:
        bare.describe(portrait)
    assert error.value.code == "faces_unavailable"


def test_a_vector_is_asked_for_by_its_embedders_name(checker, portrait):
    face, vector = checker.vector(portrait, "colours")
    assert np.allclose(vector, checker.describe(portrait)[0].vector)
    assert checker.vector(portrait, "another") is None
    assert checker.vector(np.zeros((64, 64, 3), np.uint8), "colours") is None


def test_boxes_and_points_are_in_pixels_of_the_picture_given(checker, portrait):
    sizes = (128, SIDE, 1536)
    found = [checker.find(cv2.resize(portrait, (n, n), interpolation=cv2.INTER_AREA))[0] for n in sizes]
    boxes = np.array([np.array(face.box) / n for face, n in zip(found, sizes)])
    points = np.array([np.array(face.points) / n for face, n in zip(found, sizes)])
    assert np.ptp(boxes, axis=0).max() < 0.05
    assert np.ptp(points, axis=0).max() < 0.03


@pytest.mark.parametrize("shape", [(10, 10), (1, 2000), (3000, 2)])
def test_tiny_and_thin_pictures_have_no_face(checker, shape):
    assert checker.find(np.zeros((*shape, 3), np.uint8)) == []


def test_yaw_follows_drawn_heads(checker, alice):
    turns = (-30, -15, 0, 15, 30)
    measured = [measures.yaw_of(checker.find(draw(alice, Scene(yaw=t), 384, 384))[0]) for t in turns]
    assert np.abs(np.subtract(measured, turns)).max() < 13
    assert measured == sorted(measured)


def test_a_turned_head_and_a_smile_are_hints():
    front = ((40.0, 50.0), (80.0, 50.0), (60.0, 72.0), (44.0, 92.0), (76.0, 92.0))
    turned = (*front[:2], (75.0, 72.0), *front[3:])
    smiling = (*front[:3], (40.0, 92.0), (80.0, 92.0))
    hints = [measures.hints_of([Face((20, 20, 100, 110), 1.0, five)]) for five in (front, turned, smiling)]
    assert hints == [(), ("turned_right",), ("smiling",)]


def test_sharpness_does_not_depend_on_contrast_or_tone(checker, portrait):
    patch = measures.face_patch(portrait, checker.find(portrait)[0])
    faint = (patch * 0.4 + 20).astype(np.uint8)
    assert measures.sharpness(faint) == pytest.approx(measures.sharpness(patch), rel=0.05)


def test_people_are_told_apart_by_mean_likeness():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(2, 128))
    people = [centres[i % 2] + 0.3 * rng.normal(size=128) for i in range(9)]
    vectors = np.array([v / np.linalg.norm(v) for v in people])
    assert same_person(distances(vectors), 1.0).tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert same_person(np.zeros((0, 0)), 1.0).tolist() == []


def test_six_and_six_have_no_majority_and_it_is_said_in_one_sentence():
    x, y = np.eye(128)[:2]
    mix = mixed(verdicts([x] * 6) + verdicts([y] * 6, accepted=False) + [Inspection(False, "no_face")])
    assert mix.labels == (0,) * 6 + (1,) * 6 + (-1,)
    assert (mix.counts, mix.majority) == ((6, 6), False)
    assert mix.detail == "These photos mix 2 people (6 and 6 photos). Choose photos of one person only."


def test_a_few_strangers_in_a_set_are_counted():
    x, y = np.eye(128)[:2]
    mix = mixed(verdicts([y] + [x] * 6))
    assert (mix.labels[0], mix.majority) == (1, True)
    assert mix.detail.startswith("1 of 7 photos")
    assert mixed(verdicts([x] * 3)).detail == ""
    assert mixed([]).labels == ()
