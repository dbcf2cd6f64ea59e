"""Writing and reading clips."""

from __future__ import annotations

import io
from dataclasses import replace

import av
import numpy as np
import pytest

from ml import clips
from ml.animation import FPS, AnimateSpec, check
from ml.errors import MLError
from ml.motions import MOTIONS, named_in
from ml.moving import LEVELS, levels_of
from ml.types import RenderSpec
from tests.studio import EngineDouble


def moving(count: int = 72, side: tuple[int, int] = (65, 97)) -> list[np.ndarray]:
    """A light square that goes across a grey picture."""
    frames = [np.full((*side, 3), 90, np.uint8) for _ in range(count)]
    for i, frame in enumerate(frames):
        frame[20:40, i // 2 : i // 2 + 20] = (200, 180, 60)
    return frames


def test_a_clip_plays_in_every_browser() -> None:
    data = clips.encode(moving())
    names = [name for name, _, _ in clips.boxes(data)]
    assert names.index(b"moov") < names.index(b"mdat")  # it plays while it loads
    with av.open(io.BytesIO(data)) as container:
        (stream,) = container.streams  # no sound
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (96, 64)
        assert stream.average_rate == FPS
        assert stream.start_time == 0
        assert abs(container.duration / 1e6 - 3) < 0.1


def test_its_frames_are_read_back_in_their_colours() -> None:
    frames = moving()
    back = list(clips.decode(clips.encode(frames)))
    assert len(back) == len(frames)
    assert np.abs(back[30].astype(int) - frames[30][:64, :96]).mean() < 4
    assert len(list(clips.decode(clips.encode(frames), every=4))) == 18


@pytest.mark.parametrize("change", [lambda d: b"", lambda d: b"\xff" * 99, lambda d: d[: len(d) // 3]])
def test_what_is_no_clip_is_refused(change: object) -> None:
    data = change(clips.encode(moving(8)))  # type: ignore[operator]
    with pytest.raises(MLError) as e:
        list(clips.decode(data))
    assert e.value.code == "clip_unreadable"


def test_flicker_is_not_steady_and_an_even_motion_is() -> None:
    even = moving(40)
    flicker = [frame + np.uint8(20 * (i % 2)) for i, frame in enumerate(even)]
    assert clips.steadiness(even) > 0.985 > 0.97 > clips.steadiness(flicker)
    assert clips.steadiness(even[:1] * 9) == 1


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"seconds": 2, "motion": "blink"}, "duration_out_of_range"),
        ({"seconds": 9, "motion": "blink"}, "duration_out_of_range"),
        ({"motion": "fly"}, "motion_unknown"),
        ({}, "motion_unknown"),
        ({"action": "wave"}, "motion_unknown"),  # this base reads no words
    ],
)
def test_what_cannot_be_animated_is_refused(spec: dict[str, object], code: str) -> None:
    with pytest.raises(MLError) as e:
        check(AnimateSpec(RenderSpec("at the sea"), **spec), reads_words=False)  # type: ignore[arg-type]
    assert e.value.code == code
    check(AnimateSpec(RenderSpec("at the sea"), action="wave"), reads_words=True)


@pytest.mark.parametrize(
    ("text", "motions"),
    [
        ("She smiles and nods", ("smile", "nod")),
        ("turns her head to the left, blinking slowly", ("blink", "turn")),
        ("the light moves around her face", ("walk_the_light",)),
        ("Ella sonríe y asiente con la cabeza", ("smile", "nod")),
        ("parpadea; la luz recorre su rostro", ("blink", "walk_the_light")),
        ("她微笑，然后点点头", ("smile", "nod")),
        ("灯光在他的脸上移动，他慢慢转头", ("turn", "walk_the_light")),
        ("she does not smile", ()),
        ("sin sonreír", ()),
        ("她没有微笑", ()),
        ("smiles and gets up", ()),
        ("she smiles in the light", ()),
        ("looks up and laughs", ()),
        ("she", ()),
    ],
)
def test_words_name_movements_only_where_nothing_else_is_in_them(text: str, motions: tuple[str, ...]) -> None:
    assert named_in(text) == motions


def test_words_that_name_movements_are_made_together() -> None:
    spec = AnimateSpec(RenderSpec("at the sea"), action="she smiles and nods")
    check(spec, reads_words=False)
    levels = levels_of(spec, seed=1)
    alone = [levels_of(replace(spec, motion=motion), seed=1) for motion in ("smile", "nod")]
    for column, of in (("smile", alone[0]), ("nod", alone[1])):
        assert (levels[:, LEVELS.index(column)] == of[:, LEVELS.index(column)]).all()


def test_the_double_makes_a_real_clip() -> None:
    spec = AnimateSpec(RenderSpec("at the sea", seed=5), motion=MOTIONS[0])
    made = EngineDouble().animate(spec)
    a, b = list(clips.decode(made.mp4))[::71]
    assert made.frames == 72
    assert b.mean() > a.mean() + 50
