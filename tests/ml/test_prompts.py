"""What a base reads of a prompt: markup is removed, and its end is told."""

from __future__ import annotations

import pytest

from ml.catalogue import BASES
from ml.prompts import compose, count_tokens, negative_read_until, read_until, without_markup

NANO, FLUX = BASES["nano"], BASES["flux-schnell"]
LONG = "smiling, in a park, " * 12 + "wearing a red dress and a hat, at sunset, with round glasses"


@pytest.mark.parametrize(
    "prompt, read",
    [
        ("(smiling:1.3), in a ((park)), wearing a [red dress]", "smiling, in a park, wearing a red dress"),
        ("{{smiling}}, (in a park)1.2, (red dress)++, hat--", "smiling, in a park, red dress, hat--"),
        ("smiling, <lora:film:0.8> in a park", "smiling, in a park"),
        ("（微笑：1.3），在公园里，【红裙】", "微笑，在公园里，红裙"),
        (r"a sign \(open\), ( smiling )", "a sign (open), smiling"),
        ("(smiling:-0.5), ((", "smiling"),
        ("n(u)de", "n u de"),  # no two halves of a word are joined behind the screening's back
        ("a clock (at 10:30), smiling : sunny", "a clock at 10:30, smiling: sunny"),
        ("smiling ,  in a park: 3:2, +2", "smiling ,  in a park: 3:2, +2"),  # without markup nothing changes
    ],
)
def test_markup_is_read_as_emphasis_and_never_painted(prompt: str, read: str) -> None:
    assert without_markup(prompt) == read
    assert without_markup(without_markup(prompt)) in (read, without_markup(read))
    assert compose(prompt, "noir", "woman", twin=True) == f"film noir of ohwx woman, {read}"


def test_tokens_are_counted_by_the_bases_tokenizer_with_its_end() -> None:
    assert count_tokens(NANO, "") == 1
    assert count_tokens(NANO, "SMILING") == count_tokens(NANO, "smiling") == 2
    assert count_tokens(NANO, LONG) > NANO.tokens


def test_the_wishes_at_the_end_of_a_long_prompt_are_known_to_be_unread() -> None:
    until = read_until(NANO, LONG, style="photorealistic", subject="woman", twin=True)
    assert until is not None
    assert LONG[:until].endswith("park,")
    assert until < LONG.index("red dress")
    assert read_until(NANO, LONG[:until], style="photorealistic", subject="woman", twin=True) is None
    assert read_until(FLUX, LONG, style="photorealistic", subject="woman", twin=True) is None


def test_markup_costs_no_tokens_and_chinese_ends_between_characters() -> None:
    asked = {"style": "photorealistic", "subject": "person", "twin": False}
    short = "smiling, " * 8
    assert read_until(NANO, short.replace("smiling", "((smiling:1.2))"), **asked) is None
    assert count_tokens(FLUX, "微笑" * 300) > FLUX.tokens
    until = read_until(FLUX, "微笑" * 300, **asked)
    assert until
    assert read_until(FLUX, "微笑" * 300, **asked) == until


def test_a_negative_prompt_is_read_until_its_end_or_not_at_all() -> None:
    assert negative_read_until(NANO, "blurred, dark") is None
    assert 0 < (negative_read_until(NANO, LONG) or 0) < len(LONG)
    assert negative_read_until(FLUX, "blurred") == 0
    assert negative_read_until(FLUX, " ") is None
