"""Text encoders learn the content of captions, and the flow's training does not change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ml.nano import critic, data, flow, text_training
from ml.nano.model import FlowModel, new_flow_model
from ml.nano.presets import PRESETS
from ml.nano.stage import Clock
from ml.nano.text import CLIP_TOKENS, TOKENS, tokens
from tests.ml.test_build import After

SHAPE = PRESETS["tiny"].shape | {"text": 64, "pooled": 64}


def learnt(work: Path, pair: tuple[Any, Any], clock: Any, steps: int = 120) -> tuple[bool, FlowModel]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = new_flow_model(SHAPE, *pair)
    return text_training.train_text(work, model, pair, 200, clock, steps=steps, batch=32, device="cpu"), model


@pytest.mark.thorough
def test_encoders_learn_the_style_that_a_caption_names(tmp_path: Path, pair: tuple[Any, Any]) -> None:
    done, model = learnt(tmp_path, pair, Clock(None))
    assert done
    net = text_training.Probed(model.t5, model.clip)
    net.load_state_dict(torch.load(tmp_path / "text.pt", weights_only=True)["mean"])
    numbers = [n for n in range(1000, 1080) if data.words(n, 0)]
    texts = [data.words(n, 0) for n in numbers]
    style = list(critic.FIELDS).index("style")
    wanted = critic.all_labels(torch.tensor(numbers).numpy())[:, style]
    with torch.no_grad():
        for logits in net(tokens(pair[0], texts, TOKENS), tokens(pair[1], texts, CLIP_TOKENS)):
            read = logits.split(critic.COUNTS, 1)[style].argmax(1)
            assert (read == wanted).float().mean() > 0.6  # always answering "photorealistic" gives 0.44


def test_reading_that_was_stopped_goes_on(tmp_path: Path, pair: tuple[Any, Any]) -> None:
    done, _ = learnt(tmp_path, pair, After(2), steps=4)
    assert not done
    assert torch.load(tmp_path / "text.pt", weights_only=True)["step"] == 2
    done, _ = learnt(tmp_path, pair, Clock(None), steps=4)
    assert done


def test_the_flow_leaves_the_encoders_as_they_are(tmp_path: Path, pair: tuple[Any, Any]) -> None:
    torch.manual_seed(0)
    model = new_flow_model(SHAPE, *pair)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    z = torch.randn(8, 16, 8, 8)
    done = flow.train_flow(
        tmp_path,
        {0: (torch.arange(8).numpy(), z)},
        model,
        pair,
        Clock(None),
        steps=2,
        batch=4,
        rate=1e-3,
        device="cpu",
    )
    assert done is model
    changed = {k.split(".")[0] for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"transformer"}
