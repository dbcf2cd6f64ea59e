"""What differs between FLUX.1 and FLUX.2: text, latents, positions, names of layers. All else is one code path.

B batch, H W pixels, n = H/16 * W/16 tokens of a picture, C channels of a token. t is 0 (picture) .. 1 (noise).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

Text = tuple["torch.Tensor", ...]  # what a prompt is encoded to, each (1, ...)


class Family(Protocol):
    """`pipeline` and `transformer` are diffusers' classes, `encoders` the pipeline's parts that read text, `targets` the layers a
    LoRA goes on: one list for the whole platform, every attention and feed-forward projection (a full match, see peft)."""

    pipeline: str
    transformer: str
    encoders: tuple[str, ...]
    targets: str

    def encode_text(self, pipe: Any, text: str, tokens: int) -> Text:
        """One prompt, padded to `tokens`."""
        ...

    def encode_picture(self, pipe: Any, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in -1..1 -> tokens (B, n, C), centred and scaled as the transformer knows them."""
        ...

    def velocity(
        self, transformer: Any, x: torch.Tensor, t: torch.Tensor, text: Text, size: tuple[int, int]
    ) -> torch.Tensor:
        """Tokens (B, n, C) at times (B,) of pictures of `size` (width, height) -> the model's velocity (B, n, C)."""
        ...

    def asks(self, text: Text, away: Text | None, scale: float) -> dict[str, Any]:
        """What the pipeline is called with: towards `text`, and by `scale` away from another one where there is one."""
        ...


class Flux1:
    pipeline, transformer = "FluxPipeline", "FluxTransformer2DModel"
    encoders: tuple[str, ...] = ("text_encoder", "text_encoder_2")
    targets = (
        r"transformer_blocks\.\d+\.(attn\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)"
        r"|ff\.net\.0\.proj|ff\.net\.2|ff_context\.net\.0\.proj|ff_context\.net\.2)"
        r"|single_transformer_blocks\.\d+\.(attn\.(to_q|to_k|to_v)|proj_mlp|proj_out)"
    )

    def encode_text(self, pipe: Any, text: str, tokens: int) -> Text:
        """T5's sequence (1, tokens, D) and CLIP's pooled vector (1, P)."""
        device = pipe.text_encoder.device
        return tuple(
            pipe.encode_prompt(prompt=text, prompt_2=None, device=device, max_sequence_length=tokens)[:2]
        )

    def encode_picture(self, pipe: Any, pixels: torch.Tensor) -> torch.Tensor:
        from ml.local.flux import pack

        z = pipe.vae.encode(pixels.to(pipe.vae.dtype)).latent_dist.mode()
        return pack((z - pipe.vae.config.shift_factor) * pipe.vae.config.scaling_factor)

    def velocity(
        self, transformer: Any, x: torch.Tensor, t: torch.Tensor, text: Text, size: tuple[int, int]
    ) -> torch.Tensor:
        from ml.local.flux import image_ids

        sequence, pooled = text
        return transformer(
            hidden_states=x,
            timestep=t,
            encoder_hidden_states=sequence,
            pooled_projections=pooled,
            txt_ids=x.new_zeros(sequence.shape[1], 3),
            img_ids=image_ids(size[1] // 8, size[0] // 8, str(x.device)),
            return_dict=False,
        )[0]

    def asks(self, text: Text, away: Text | None, scale: float) -> dict[str, Any]:
        asked = {"prompt_embeds": text[0], "pooled_prompt_embeds": text[1], "guidance_scale": 0.0}
        if away is not None:
            asked |= {
                "negative_prompt_embeds": away[0],
                "negative_pooled_prompt_embeds": away[1],
                "true_cfg_scale": scale,
            }
        return asked


class Flux2:
    """FLUX.2 klein: a Qwen3 reads the text, positions are (time, row, column, place in the text)."""

    pipeline, transformer = "Flux2KleinPipeline", "Flux2Transformer2DModel"
    encoders: tuple[str, ...] = ("text_encoder",)
    targets = (
        r"transformer_blocks\.\d+\.(attn\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)"
        r"|ff\.linear_in|ff\.linear_out|ff_context\.linear_in|ff_context\.linear_out)"
        r"|single_transformer_blocks\.\d+\.attn\.(to_qkv_mlp_proj|to_out)"
    )

    def encode_text(self, pipe: Any, text: str, tokens: int) -> Text:
        """Three of Qwen3's layers side by side, (1, tokens, 3 D)."""
        return (
            pipe.encode_prompt(prompt=text, device=pipe.text_encoder.device, max_sequence_length=tokens)[0],
        )

    def encode_picture(self, pipe: Any, pixels: torch.Tensor) -> torch.Tensor:
        z = pipe.vae.encode(pixels.to(pipe.vae.dtype)).latent_dist.mode()
        z, norm = pipe._patchify_latents(z), pipe.vae.bn
        spread = (norm.running_var + pipe.vae.config.batch_norm_eps).sqrt()
        z = (z - norm.running_mean.view(1, -1, 1, 1).to(z)) / spread.view(1, -1, 1, 1).to(z)
        return pipe._pack_latents(z)

    def velocity(
        self, transformer: Any, x: torch.Tensor, t: torch.Tensor, text: Text, size: tuple[int, int]
    ) -> torch.Tensor:
        import torch

        def places(rows: int, columns: int, words: int) -> torch.Tensor:
            return torch.cartesian_prod(
                *(torch.arange(k, device=x.device) for k in (1, rows, columns, words))
            )[None]

        return transformer(
            hidden_states=x,
            timestep=t,
            encoder_hidden_states=text[0],
            guidance=None,
            return_dict=False,
            txt_ids=places(1, 1, text[0].shape[1]),
            img_ids=places(size[1] // 16, size[0] // 16, 1),
        )[0]

    def asks(self, text: Text, away: Text | None, scale: float) -> dict[str, Any]:
        if away is None:
            return {"prompt_embeds": text[0], "guidance_scale": 1.0}
        return {"prompt_embeds": text[0], "negative_prompt_embeds": away[0], "guidance_scale": scale}


FLUX1, FLUX2 = Flux1(), Flux2()
