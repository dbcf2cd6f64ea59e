"""The nano base without its VAE: a small FLUX transformer and the two text encoders that condition
it.

Shapes: B batch, h w latent cells (H/8, W/8): latents (B, 16, h, w) -> packed (B, h*w/4, 64). t is 0 (picture)
.. 1 (noise).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ml.nano.text import new_clip, new_t5


def new_transformer(heads: int, head: int, double: int, single: int, text: int, pooled: int) -> Any:
    """`head` is an attention head's width; `double` and `single` count FLUX's two types of blocks."""
    from diffusers import FluxTransformer2DModel

    quarter = head // 8 * 2
    model: Any = FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=double,
        num_single_layers=single,
        attention_head_dim=head,
        num_attention_heads=heads,
        joint_attention_dim=text,
        pooled_projection_dim=pooled,
        guidance_embeds=False,
        axes_dims_rope=(head - 2 * (3 * quarter // 2), 3 * quarter // 2, 3 * quarter // 2),
    )
    # Every block starts as the identity and the output as zero (adaLN-zero).
    for name, p in model.named_parameters():
        if "norm" in name and ".linear." in name or name.startswith("proj_out"):
            nn.init.zeros_(p)
    return model


class FlowModel(nn.Module):
    """The transformer with the text encoders that condition it."""

    def __init__(self, transformer: Any, t5: Any, clip: Any):
        super().__init__()
        self.transformer, self.t5, self.clip = transformer, t5, clip

    @torch.no_grad()
    def encode(self, t5_ids: torch.Tensor, clip_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """t5_ids (B, TOKENS), clip_ids (B, CLIP_TOKENS) -> sequence (B, TOKENS, d), pooled (B, d)."""
        return self.t5(t5_ids)[0], self.clip(clip_ids).pooler_output

    def forward(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        ids: torch.Tensor,
        sequence: torch.Tensor,
        pooled: torch.Tensor,
    ) -> torch.Tensor:
        """x (B, n, 64), t (B,), ids (n, 3) -> velocity (B, n, 64)."""
        text_ids = torch.zeros(sequence.shape[1], 3, device=x.device)
        return self.transformer(
            hidden_states=x,
            timestep=t,
            encoder_hidden_states=sequence,
            pooled_projections=pooled,
            txt_ids=text_ids,
            img_ids=ids,
            return_dict=False,
        )[0]


def new_flow_model(shape: dict[str, int], t5_tokenizer: Any, clip_tokenizer: Any, seed: int = 1) -> FlowModel:
    torch.manual_seed(seed)
    text, pooled = shape["text"], shape["pooled"]
    transformer = new_transformer(
        shape["heads"], shape["head"], shape["double"], shape["single"], text, pooled
    )
    t5 = new_t5(len(t5_tokenizer), text)
    c = clip_tokenizer
    clip = new_clip(len(c), pooled, c.eos_token_id, c.pad_token_id, c.bos_token_id)
    return FlowModel(transformer, t5, clip)
