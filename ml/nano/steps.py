"""The stages of a build, with their parameters from the preset. A stage saves its result in the work
directory."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ml.catalogue import base_of
from ml.local.loading import load_pipeline
from ml.nano import data, text
from ml.nano.critic import Critic, train_critic
from ml.nano.decoder_training import train_own_decoder
from ml.nano.embedder_training import draw_heads, train_embedder
from ml.nano.export import load_flow_model, load_vae, save_net
from ml.nano.flow import train_flow
from ml.nano.latents import Latents
from ml.nano.model import FlowModel, new_flow_model
from ml.nano.pairs import OWN, load_pairs, make_pairs
from ml.nano.presets import Preset
from ml.nano.reader_training import train_reader
from ml.nano.stage import Clock
from ml.nano.text_training import train_text
from ml.nano.vae_training import train_decoder, train_vae
from ml.nets.decoder import ReadingNet, cells_of, save
from ml.nets.embedder import Embedder
from ml.nets.reader import ReaderNet


def new_tokenizers() -> tuple[Any, Any]:
    """T5's and CLIP's tokenizers, trained on the first 6,000 captions."""
    corpus = [data.words(i, 0) for i in range(6000)]
    return text.new_t5_tokenizer(corpus), text.new_clip_tokenizer(corpus)


@dataclass(frozen=True)
class Steps:
    """Each training stage returns None (or False) when the clock stopped it before the end."""

    work: Path
    out: Path  # where the base is exported to
    nets: Path  # where the weights of the run-time nets go
    preset: Preset
    clock: Clock
    device: str
    start: Path | None = None  # an exported base to continue from

    @property
    def pictures(self) -> Path:
        return self.work / "pictures"

    def draw(self) -> bool:
        return data.draw_all(self.pictures, self.preset.pictures, self.preset.pixels, self.clock)

    def tokenizers(self) -> tuple[Any, Any]:
        """T5's and CLIP's tokenizers: those of `start`, else new ones.

        They are saved, because training them again would number the words differently.
        """
        from transformers import CLIPTokenizer, T5Tokenizer

        kept = self.work / "tokenizers"
        if not kept.exists():
            aside = self.work / "tokenizers.tmp"
            self._write_tokenizers(aside / "tokenizer_2", aside / "tokenizer")
            aside.rename(kept)
        t5 = T5Tokenizer.from_pretrained(kept / "tokenizer_2")
        return t5, CLIPTokenizer.from_pretrained(kept / "tokenizer")

    def _write_tokenizers(self, *folders: Path) -> None:
        if self.start:
            for folder in folders:
                shutil.copytree(self.start / folder.name, folder)
            return
        for tokenizer, folder in zip(new_tokenizers(), folders, strict=True):
            tokenizer.save_pretrained(folder)

    def model(self, pair: tuple[Any, Any]) -> FlowModel:
        model = new_flow_model(self.preset.shape, *pair)
        if self.start:
            load_flow_model(model, self.start)
        return model

    def vae(self) -> Any:
        if self.start:
            return load_vae(self.start)
        p = self.preset
        return train_vae(
            self.work,
            self.clock,
            last=p.vae_pictures,
            steps=p.vae.steps,
            whole=0.25,
            batch=p.vae.batch,
            device=self.device,
        )

    def critic(self, latents: Latents) -> Critic | None:
        p = self.preset.critic
        return train_critic(self.work, latents, self.clock, steps=p.steps, batch=p.batch, device=self.device)

    def text(self, model: FlowModel, pair: tuple[Any, Any]) -> bool:
        p = self.preset
        return train_text(
            self.work,
            model,
            pair,
            p.learnt,
            self.clock,
            steps=p.text.steps,
            batch=p.text.batch,
            device=self.device,
        )

    def flow(
        self,
        model: FlowModel,
        pair: tuple[Any, Any],
        latents: Latents,
        by: Critic,
        *,
        until: Clock,
        fit: bool,
    ) -> FlowModel | None:
        p = self.preset
        return train_flow(
            self.work,
            latents,
            model,
            pair,
            until,
            steps=p.flow.steps,
            batch=p.flow.batch,
            device=self.device,
            compiled=p.compiled,
            fit=fit,
            by=by,
        )

    def readers(self) -> torch.nn.Module | None:
        """Trains the embedder and the reader, and saves them. Returns the embedder."""
        embedder = self.embedder()
        if embedder is None:
            return None
        save_net(embedder, self.nets / "faces.safetensors")
        reader = self.reader()
        if reader is None:
            return None
        save_net(reader, self.nets / "reader.safetensors")
        return embedder

    def embedder(self) -> torch.nn.Module | None:
        p = self.preset
        return train_embedder(
            self.work / "faces.pt",
            Embedder(),
            draw_heads(self.work / "heads.npy", range(p.people), p.heads, seed=1),
            self.clock,
            steps=p.embedder.steps,
            people=p.embedder.batch,
            device=self.device,
            seed=1,
        )

    def reader(self) -> torch.nn.Module | None:
        p = self.preset
        return train_reader(
            self.work / "reader.pt",
            self.pictures,
            ReaderNet(),
            self.clock,
            first=0,
            last=p.learnt,
            steps=p.reader.steps,
            batch=p.reader.batch,
            device=self.device,
            seed=1,
        )

    def decoder(self, vae: Any, embedder: torch.nn.Module) -> Any:
        """Trains the evened-out VAE's decoder further on faces; returns the VAE."""
        p = self.preset
        return train_decoder(
            vae,
            embedder,
            self.work,
            self.clock,
            last=min(p.vae_pictures, p.learnt),
            steps=p.decoder.steps,
            batch=p.decoder.batch,
            device=self.device,
        )

    def own_decoder(self) -> bool:
        """Trains the decoder of the base in `out`, and saves it there."""
        p, folder = self.preset, self.work / "pairs"
        base = base_of("nano", self.out)
        pipe = load_pipeline(base, self.device)
        for numbers in (range(p.drawn), range(OWN, OWN + p.own)):
            if not make_pairs(folder, pipe, base, numbers, self.clock):
                return False
        trained = train_own_decoder(
            self.work / "own-decoder.pt",
            ReadingNet(cells_of(base.sizes)),
            load_pairs(folder),
            self.clock,
            steps=p.own_decoder.steps,
            batch=p.own_decoder.batch,
            device=self.device,
        )
        if trained:
            save(trained, self.out)
        return trained is not None
