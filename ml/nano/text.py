"""The nano base's two text encoders and their tokenizers, in FLUX's classes: CLIP for the pooled vector, T5
for the sequence."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

TOKENS = (
    48  # T5 sequence length; the transformer attends to padding, so training and serving use the same length
)
CLIP_TOKENS = 48
CLIP_SIZE = 1500  # tokens: 512 characters and nearly every word of the captions
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def new_t5_tokenizer(corpus: Iterable[str]) -> Any:
    """A T5 tokenizer with a token for each word of the corpus; it spells other words in letters."""
    from tokenizers import normalizers
    from transformers import T5Tokenizer

    counts = Counter(word for text in corpus for word in text.replace(",", " ").split())
    total = sum(counts.values())
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(f"▁{w}", math.log((n + 1) / total)) for w, n in counts.most_common() if len(w) > 1]
    characters = LETTERS + "0123456789'-,.!?:;()&\"/"
    pieces += [("▁", -11.0)] + [(c, -12.0) for c in characters] + [(f"▁{c}", -11.5) for c in LETTERS]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=TOKENS)
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def new_clip_tokenizer(corpus: Iterable[str]) -> Any:
    """A CLIP tokenizer (byte-pair encoding), trained on the corpus."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    model = json.loads(train_byte_pairs(corpus, alphabet).to_str())["model"]
    vocab = dict(model["vocab"])
    for letter in alphabet:  # a single letter at the end of a word needs a token too
        vocab.setdefault(f"{letter}</w>", len(vocab))
    merges: Any = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=CLIP_TOKENS)


def train_byte_pairs(corpus: Iterable[str], alphabet: list[str]) -> Any:
    """A tokenizer with CLIP's normalisation, splitting and end-of-word mark."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    special = ["<|startoftext|>", "<|endoftext|>"]
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    bpe = Tokenizer(
        models.BPE(
            unk_token=special[1], end_of_word_suffix="</w>", continuing_subword_prefix="", fuse_unk=False
        )
    )
    bpe.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=CLIP_SIZE,
        special_tokens=special,
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    return bpe


def tokens(tokenizer: Any, texts: list[str], length: int) -> Any:
    """(B, length) token ids, padded."""
    return tokenizer(
        texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids


def new_t5(vocab: int, width: int, layers: int = 3) -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=vocab,
            d_model=width,
            d_kv=32,
            d_ff=2 * width,
            num_layers=layers,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            relative_attention_num_buckets=16,
            relative_attention_max_distance=48,
        )
    )


def new_clip(vocab: int, width: int, eos: int, pad: int, bos: int) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocab,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=CLIP_TOKENS,
            projection_dim=width,
            eos_token_id=eos,
            pad_token_id=pad,
            bos_token_id=bos,
        )
    )
