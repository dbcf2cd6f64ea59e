"""The built-in base's own decoder: latents -> pictures at the delivered size, `times` as large as the
VAE's.

The VAE's decoder is a part of it (the trunk and the small picture), so that training begins from today's
pictures (ml/nano/decoder_training.py). More blocks in the trunk restore what the latents only hint at, such
as eyes. Above the VAE's size it adds detail to the enlarged small picture, by resizing and convolving: pixel
shuffle leaves stair steps. The layers for the detail see no normalisation over the picture, so that a part of
a picture can be trained alone.

Shapes: B batch, h w latent cells: latents (B, 16, h, w) -> small (B, 3, 8h, 8w), whole (B, 3, 8h times,
8w times).
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

log = logging.getLogger(__name__)

VERSION = 2  # of the layout; a file of another version is not used
FILE = "decoder.safetensors"  # in the base's directory, in half precision
EDGE = 3  # cells of the small picture that are added around it for the detail


def silence(layer: nn.Conv2d) -> None:
    for p in layer.parameters():
        nn.init.zeros_(p)


class Block(nn.Module):
    """(B, a, H, W) -> (B, b, H, W): two convolutions beside a short cut, in the VAE's layout. `hidden` is the
    width between them. `local` leaves out the normalisation over the picture."""

    def __init__(self, a: int, b: int, hidden: int = 0, *, local: bool = False, idle: bool = False):
        super().__init__()
        hidden = hidden or b
        self.norm1 = nn.Identity() if local else nn.GroupNorm(1, a, eps=1e-6)
        self.conv1 = nn.Conv2d(a, hidden, 3, padding=1)
        self.norm2 = nn.Identity() if local else nn.GroupNorm(1, hidden, eps=1e-6)
        self.conv2 = nn.Conv2d(hidden, b, 3, padding=1)
        self.conv_shortcut = nn.Identity() if a == b else nn.Conv2d(a, b, 1)
        if idle:  # begins as the identity
            silence(self.conv2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.conv1(F.silu(self.norm1(x)))
        return self.conv_shortcut(x) + self.conv2(F.silu(self.norm2(made)))


class Attention(nn.Module):
    """Each cell looks at all others, so that both eyes agree: (B, n, H, W) -> the same shape. Begins as the
    identity."""

    def __init__(self, n: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.norm, self.ask = nn.GroupNorm(1, n, eps=1e-6), nn.Conv2d(n, 3 * n, 1)
        self.out = nn.Conv2d(n, n, 1)
        silence(self.out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, n, h, w = x.shape
        q, k, v = (
            self.ask(self.norm(x)).view(b, 3, self.heads, n // self.heads, h * w).transpose(3, 4).unbind(1)
        )
        seen = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(seen.transpose(2, 3).reshape(b, n, h, w))


def larger(x: torch.Tensor, times: float = 2) -> torch.Tensor:
    return F.interpolate(x, scale_factor=times, mode="bilinear", align_corners=False)


def twice(x: torch.Tensor) -> torch.Tensor:
    """As the VAE's decoder enlarges."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Detail(nn.Module):
    """Features (B, 48, H, W) of the small picture, or of a part of it -> what the picture `times` as large
    has beyond the enlarged small one, (B, 3, H times, W times)."""

    def __init__(self, a: int = 48, b: int = 32, c: int = 16, *, times: int = 4):
        super().__init__()
        self.times = times
        self.first = nn.Sequential(Block(a, a, local=True, idle=True), Block(a, a, local=True, idle=True))
        self.down, self.second = nn.Conv2d(a, b, 3, padding=1), Block(b, b, local=True, idle=True)
        self.thin, self.third = nn.Conv2d(b, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        self.out = nn.Conv2d(c, 3, 3, padding=1)
        silence(self.out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.second(self.down(larger(self.first(x), self.times / 2)))
        x = larger(self.thin(F.silu(x)))
        return self.out(F.silu(self.third(F.silu(x))))


class Decoder(nn.Module):
    """See the module. `small` and `detail` are separate for the training; `forward` gives whole pictures in
    -1..1, not clipped."""

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (160, 96, 48, 16),
        extra: tuple[int, int, int] = (2, 2, 1),
        *,
        times: int = 4,
    ):
        """`times`: the whole picture's side in sides of the small one."""
        super().__init__()
        self.times = times
        a, b, c, d = widths
        self.conv_in = nn.Conv2d(16, a, 3, padding=1)
        self.middle = nn.Sequential(Block(a, a), Attention(a), Block(a, a))
        self.more = nn.ModuleList(
            nn.Sequential(*(Block(n, n, hidden, idle=True) for _ in range(count)))
            for n, hidden, count in ((a, 2 * a, extra[0]), (a, a, extra[1]), (b, b, extra[2]))
        )
        self.levels = nn.ModuleList(
            nn.Sequential(Block(i, o), Block(o, o)) for i, o in ((a, a), (a, b), (b, c), (c, d))
        )
        self.enlarge = nn.ModuleList(nn.Conv2d(n, n, 3, padding=1) for n in (a, b, c))
        self.norm_out, self.conv_out = nn.GroupNorm(1, d, eps=1e-6), nn.Conv2d(d, 3, 3, padding=1)
        self.detail = Detail(c, times=times)

    def features(self, z: torch.Tensor) -> torch.Tensor:
        """(B, c, 8h, 8w)."""
        x = self.middle(self.conv_in(z))
        for more, level, enlarge in zip(self.more, self.levels, self.enlarge):
            x = enlarge(twice(level(more(x))))
        return x

    def small(self, features: torch.Tensor) -> torch.Tensor:
        return self.conv_out(F.silu(self.norm_out(self.levels[3](features))))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        features = self.features(z)
        beyond = F.pad(features, (EDGE,) * 4, mode="replicate")  # the detail was trained inside of pictures
        cut = slice(EDGE * self.times, -EDGE * self.times)
        return larger(self.small(features), self.times) + self.detail(beyond)[..., cut, cut]

    def begin_from(self, vae_decoder: nn.Module) -> None:
        """Takes over the weights of a VAE's decoder (diffusers) of the same widths."""
        names = [
            ("conv_in", "conv_in"),
            ("mid_block.resnets.0", "middle.0"),
            ("mid_block.resnets.1", "middle.2"),
        ]
        names += [(f"up_blocks.{i}.resnets.{j}", f"levels.{i}.{j}") for i in range(4) for j in range(2)]
        names += [(f"up_blocks.{i}.upsamplers.0.conv", f"enlarge.{i}") for i in range(3)]
        names += [("conv_norm_out", "norm_out"), ("conv_out", "conv_out")]
        for theirs, ours in names:
            self.get_submodule(ours).load_state_dict(vae_decoder.get_submodule(theirs).state_dict())


def vae_mark(base: Path) -> str:
    """Names the VAE in a base's directory: a decoder fits the latents of one VAE alone."""
    digest = hashlib.sha256()
    for file in sorted((base / "vae").glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def save(decoder: Decoder, base: Path) -> None:
    """Writes the decoder into a base's directory."""
    from safetensors.torch import save_file

    state = {k: v.detach().cpu().half().contiguous() for k, v in decoder.state_dict().items()}
    aside = base / "decoder.tmp"
    save_file(state, aside, metadata=facts(base, decoder.times))
    aside.rename(base / FILE)


def facts(base: Path, times: int) -> dict[str, str]:
    """What the file says of itself."""
    return {"version": str(VERSION), "vae": vae_mark(base), "times": str(times)}


def widths_of(state: dict[str, torch.Tensor]) -> tuple[int, int, int, int]:
    a, b, c, d = (len(state[f"{name}.bias"]) for name in ("conv_in", "enlarge.1", "enlarge.2", "norm_out"))
    return a, b, c, d


def load(base: Path, times: int) -> Decoder | None:
    """The decoder in a base's directory; None if there is none, or one of another version, VAE or size. Then
    the VAE's own decoder draws the pictures, softer."""
    from safetensors import safe_open

    if not (base / FILE).is_file():
        return None
    with safe_open(base / FILE, "pt") as file:
        if (file.metadata() or {}) != facts(base, times):
            log.warning("the decoder in %s is of another version, VAE or size: pictures are softer", base)
            return None
        state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    decoder = Decoder(widths_of(state), times=times)
    decoder.load_state_dict(state)
    return decoder.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
