"""The amounts of pictures and training steps for the nano base: on a CPU, an accelerator, and in tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Amount:
    """The amount of training in one stage."""

    steps: int
    batch: int


@dataclass(frozen=True)
class Preset:
    """Numbers are counts of drawn pictures unless stated otherwise."""

    pixels: int  # the size class of the pictures, see ml/sizes.py
    pictures: int  # drawn
    learnt: int  # all stages but the VAE train on the first `learnt` pictures; the bench's judges on the rest
    vae_pictures: int  # the VAE trains on the first `vae_pictures`
    vae: Amount
    decoder: Amount
    people: int  # drawn for the embedder
    heads: int  # pictures per person
    embedder: Amount  # its batch counts people
    reader: Amount
    text: Amount
    critic: Amount
    flow: Amount
    own_decoder: Amount
    drawn: int  # drawings that the own decoder is trained on
    own: int  # and drawings that went through the base's own last steps
    compiled: bool
    shape: dict[str, int]  # of the transformer and the text encoders, see model.new_flow_model


PRESETS = {
    "cpu": Preset(
        pixels=128,
        pictures=32_000,
        learnt=24_000,
        vae_pictures=32_000,
        vae=Amount(3900, 12),
        decoder=Amount(1500, 4),
        people=4000,
        heads=6,
        embedder=Amount(1600, 30),
        reader=Amount(2000, 64),
        text=Amount(1500, 64),
        critic=Amount(1500, 96),
        flow=Amount(14_000, 32),
        own_decoder=Amount(3400, 64),
        drawn=14_500,
        own=5000,
        compiled=True,
        shape={"heads": 6, "head": 32, "double": 2, "single": 4, "text": 128, "pooled": 128},
    ),
    "gpu": Preset(
        pixels=192,
        pictures=60_000,
        learnt=56_000,
        vae_pictures=8000,
        vae=Amount(3000, 96),
        decoder=Amount(1500, 16),
        people=4000,
        heads=6,
        embedder=Amount(3000, 30),
        reader=Amount(3000, 64),
        text=Amount(1500, 64),
        critic=Amount(2000, 96),
        flow=Amount(14_000, 256),
        own_decoder=Amount(4000, 128),
        drawn=60_000,
        own=20_000,
        compiled=False,
        shape={"heads": 6, "head": 32, "double": 2, "single": 4, "text": 192, "pooled": 192},
    ),
    "tiny": Preset(
        pixels=128,
        pictures=2000,
        learnt=2000,
        vae_pictures=2000,
        vae=Amount(4, 6),
        decoder=Amount(3, 4),
        people=12,
        heads=4,
        embedder=Amount(3, 12),
        reader=Amount(3, 64),
        text=Amount(3, 64),
        critic=Amount(3, 96),
        flow=Amount(3, 4),
        own_decoder=Amount(2, 2),
        drawn=3,
        own=2,
        compiled=False,
        shape={"heads": 2, "head": 32, "double": 1, "single": 1, "text": 32, "pooled": 32},
    ),
}
