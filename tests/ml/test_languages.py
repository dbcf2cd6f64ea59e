"""Spanish and Chinese prompts in the words of the built-in base."""

from __future__ import annotations

import pytest

from ml.catalogue import BASES
from ml.languages import in_english
from ml.prompts import in_words_of
from ml.vocabulary import SAY

NANO, FLUX = BASES["nano"], BASES["flux-schnell"]


def test_english_stays_as_it_is() -> None:
    for said in (said for field in SAY.values() for phrases in field.values() for said in phrases):
        assert in_english(said.format("red")) == said.format("red")
    assert in_english("A Hat in Rosa's office, (no) 50 %") == "A Hat in Rosa's office, (no) 50 %"


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("Con una SUDADERA roja, sin gafas", "wearing a red hoodie, without glasses"),
        ("una mujer con el pelo largo y rubio, ojos azules", "long blonde hair, blue eyes"),
        ("hombre calvo con barba de tres días en la playa", "bald, stubble, on a beach"),
        ("traje azul y corbata roja, fondo blanco", "wearing a blue suit and tie, white background"),
        ("montando a caballo en la playa", "montando a caballo, on a beach"),
        ("un caballo", "un caballo"),
        ("一位金色长发的女士在公园里微笑", "long blonde hair, in a park, smiling"),
        ("戴着红色的帽子，骑马", "wearing a red hat, 骑马"),
        ("不戴眼镜，穿黄色 T 恤", "without glasses, wearing a yellow t-shirt"),
        ("染成粉色的头发；光头", "pink hair, bald"),
    ],
    ids=["denied", "hair", "beard", "suit", "more", "unknown", "zh hair", "zh more", "zh denied", "dyed"],
)
def test_phrases_are_put_into_english_and_the_rest_stays(prompt: str, read: str) -> None:
    assert in_english(prompt) == read
    assert in_words_of(NANO, prompt) == read
    assert in_words_of(FLUX, prompt) == prompt


def test_a_long_prompt_is_read_quickly() -> None:
    assert in_english("con una " * 120 + "gorra") == "wearing a cap"
