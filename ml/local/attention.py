"""FLUX's attention written out as matrix products, for training on a CPU. At a hundred tokens the backward
pass of PyTorch's CPU kernel takes a third of a step, and `torch.compile` cannot optimise that kernel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from ml.catalogue import FLUX1


class ShortAttention:
    """An attention processor for diffusers. Its memory grows with the square of the number of tokens."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Any,
        encoder_hidden_states: Any = None,
        attention_mask: Any = None,  # noqa: ARG002 (diffusers passes it; always None in FLUX)
        image_rotary_emb: Any = None,
    ) -> Any:
        from diffusers.models.embeddings import apply_rotary_emb

        def split(x: torch.Tensor) -> torch.Tensor:
            return x.unflatten(-1, (-1, attn.head_dim))

        q, k, v = [split(project(hidden_states)) for project in (attn.to_q, attn.to_k, attn.to_v)]
        q, k = attn.norm_q(q), attn.norm_k(k)
        words = 0
        if encoder_hidden_states is not None:  # a double block: the text's tokens come first
            words = encoder_hidden_states.shape[1]
            by = (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
            tq, tk, tv = [split(project(encoder_hidden_states)) for project in by]
            q, k, v = (
                torch.cat([attn.norm_added_q(tq), q], 1),
                torch.cat([attn.norm_added_k(tk), k], 1),
                torch.cat([tv, v], 1),
            )
        turn: Any = apply_rotary_emb
        q, k = [turn(x, image_rotary_emb, sequence_dim=1) for x in (q, k)]
        q, k, v = [x.transpose(1, 2) for x in (q, k, v)]  # (B, heads, tokens, head)
        weights = torch.matmul(q * attn.head_dim**-0.5, k.transpose(-1, -2)).softmax(-1)
        out = torch.matmul(weights.to(v.dtype), v).transpose(1, 2).flatten(2)
        if encoder_hidden_states is None:
            return out
        return attn.to_out[1](attn.to_out[0](out[:, words:])), attn.to_add_out(out[:, :words])


@contextlib.contextmanager
def short_attention(transformer: Any, device: Any) -> Iterator[None]:
    """Inside, a FLUX.1 `transformer` uses ShortAttention if `device` is a CPU."""
    if torch.device(device).type != "cpu" or type(transformer).__name__ != FLUX1.transformer:
        yield
        return
    before = transformer.attn_processors
    transformer.set_attn_processor(ShortAttention())
    try:
        yield
    finally:
        transformer.set_attn_processor(dict(before))
