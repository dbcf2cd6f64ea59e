"""The sentences and parts of sentences that the studio offers."""

from __future__ import annotations

import pytest
from django.utils import translation

from generation.suggestions import PARTS, WHOLE
from generation.views import EXAMPLES
from ml.catalogue import BASES
from ml.drawn.asked import asked
from ml.languages import in_english
from ml.prompts import unknown_words

OFFERED = (*WHOLE, *PARTS, *(text for text, _style in EXAMPLES))


@pytest.mark.parametrize("language", ["es", "zh-hans"])
def test_they_mean_the_same_to_the_built_in_engine_in_all_languages(language: str) -> None:
    for text in OFFERED:
        with translation.override(language):
            said = in_english(str(text))
        with translation.override("en"):
            english = str(text)
        assert in_english(english) == english
        assert asked(said).items() >= asked(english).items(), said
        assert unknown_words(BASES["nano"], said) == (), said
