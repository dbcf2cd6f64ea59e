"""Every sentence for users is translated, and the compiled catalogues match their sources.

To update: `manage.py makemessages -l es -l zh_Hans --no-location --ignore tests --ignore bench --ignore ml`,
translate, then `manage.py compilemessages`. Both commands need Debian's package gettext.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import django
import pytest
from babel.messages.extract import extract_python
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation import gettext, ngettext, override
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = {"tests", "bench", "ml", "var", "docker"}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
LANGUAGES = ("es", "zh_Hans")
# We say tú. These forms belong to usted; "su" alone may be a third person's.
USTED = re.compile(
    r"\b(usted(es)?|haga|introdu[zc]+a|introdúzca\w+|ingrese|verifique|compruebe|asegúrese|elija|seleccione"
    r"|escoja|escriba|inténtelo|póngase|revise|utilice|contáctenos|envíe|corrija|solicite|regístrese|inicie"
    r"|pulse|marque|le (hemos|enviaremos)|(?<!se )(ha|haya) (olvidado|indicado|iniciado|cerrado|confirmado)"
    r"|olvidó|está (usted|seguro)|desea|no puede (añadir|eliminar|activar|desconectar)"
    r"|su (cuenta|contraseña|correo|email|dirección|plan|código|navegador|nombre de|teléfono|aplicación)"
    r"|sus códigos)\b",
    re.IGNORECASE,
)
HAN = "\u3400-\u9fff，。；：？！（）、"
# ASCII punctuation beside a Chinese character, or a space inside Chinese text.
HALF_WIDTH = re.compile(rf"[{HAN}] ?[,;:?!()]|[,;:?!()] ?[{HAN}]|[{HAN}]\.|[{HAN}“”] [{HAN}“”]|您")
# Django's and allauth's sentences on our pages. Django's pages for developers are never shown.
SHOWN = re.compile(r"^(\.\./)*(allauth/)?(templates/)?(account|mfa|usersessions|core)/")
NOT_SHOWN = re.compile("HTTPS|Referer|referrer|cookie|DEBUG|^yes,no,maybe$")


@cache
def marked() -> frozenset[tuple[str, str]]:
    """Every sentence in the sources that is marked for translation, after its context, "" for none."""
    return frozenset(_marked())


@cache
def said() -> frozenset[str]:
    return frozenset(sentence for _context, sentence in marked())


def _marked() -> Iterator[tuple[str, str]]:
    tops = [p for p in ROOT.iterdir() if p.is_dir() and p.name not in NOT_OURS and p.name[0] != "."]
    for path in sorted(p for top in tops for p in top.rglob("*.*") if p.suffix in (".py", ".html", ".txt")):
        text = path.read_text()
        if path.suffix != ".py":
            text = templatize(text)
        for _line, name, words, _notes in extract_python(io.BytesIO(text.encode()), KEYWORDS, [], {}):
            context, first = "", words[0] if isinstance(words, tuple) else words
            if name.startswith("pgettext"):
                context, first = words[0], words[1]
            if first:
                yield context, first


@cache
def catalogue(language: str, kind: str) -> Any:
    with (ROOT / f"locale/{language}/LC_MESSAGES/django.{kind}").open("rb") as f:
        return read_po(f, locale=Path(language).name) if kind == "po" else read_mo(f)


def sentences(catalogue: Any) -> set[tuple[str, Any]]:
    return {
        (m.id, m.string) if isinstance(m.id, str) else (m.id[0], tuple(m.string)) for m in catalogue if m.id
    }


def test_the_languages_are_those_of_the_settings() -> None:
    assert {code for code, _name in settings.LANGUAGES} == {
        "en",
        *(c.lower().replace("_", "-") for c in LANGUAGES),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    found = {(m.context or "", m.id if isinstance(m.id, str) else m.id[0]) for m in catalogue(language, "po")}
    assert found - {("", "")} == marked()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_missing_guessed_or_has_other_places(language: str) -> None:
    for message in catalogue(language, "po"):
        if message.id:
            source = [message.id] if isinstance(message.id, str) else message.id
            texts = [message.string] if isinstance(message.string, str) else message.string
            assert not message.fuzzy
            assert all(texts), message.id
            places = {frozenset(PLACE.findall(t)) for t in texts}
            assert places <= {frozenset(PLACE.findall(s)) for s in source}, message.id


def test_no_template_shows_a_sentence_that_has_a_plural_without_its_number() -> None:
    """A language with one form only, like Chinese, would show its place for the number."""
    plural = {message.id[0] for message in catalogue("zh_Hans", "po") if isinstance(message.id, tuple)}
    used = {
        text
        for file in ROOT.glob("templates/**/*.html")
        for _quote, text in re.findall(r"""\{% translate (["'])(.*?)\1""", file.read_text())
    }
    assert plural
    assert not plural & used


@pytest.mark.parametrize(
    "language", [*LANGUAGES, *(f"borrowed/{language}" for language in ("en", *LANGUAGES))]
)
def test_the_compiled_file_is_fresh(language: str) -> None:
    assert sentences(catalogue(language, "mo")) == sentences(catalogue(language, "po"))


def borrowed(language: str) -> Iterator[str]:
    """What Django and allauth say on our pages in this language, after our changes."""
    root = Path(django.__file__).parent.parent
    for package in ("allauth", "django/conf", "django/contrib/auth"):
        with (root / package / f"locale/{language}/LC_MESSAGES/django.po").open("rb") as f:
            messages = [m for m in read_po(f, locale=language) if m.id]
        for message in messages:
            first = message.id if isinstance(message.id, str) else message.id[0]
            if message.locations and not any(SHOWN.match(path) for path, _line in message.locations):
                continue
            if NOT_SHOWN.search(first):
                continue
            plurals = [] if first == message.id else [ngettext(first, message.id[1], n) for n in (1, 2)]
            yield from plurals or [gettext(first)]


def all_said(language: str) -> list[str]:
    ours = [text for _id, string in sentences(catalogue(language, "po")) for text in _texts(string)]
    with override(language.lower().replace("_", "-")):
        return ours + list(borrowed(language))


def _texts(string: Any) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else string


def test_spanish_says_tu_and_never_usted() -> None:
    assert [text for text in all_said("es") if USTED.search(text)] == []


def test_chinese_has_full_width_punctuation_and_one_word_for_you() -> None:
    assert [text for text in all_said("zh_Hans") if HALF_WIDTH.search(text)] == []


# One name for one thing: (its name in English, in Spanish, in Chinese). A sentence that names it in English
# names it so in the others.
TERMS = (
    (r"\btwins?\b", r"gemel", "分身"),
    (r"\bcredits?\b", r"crédito", "点"),
    (r"\bheadshots?\b", r"retrato|fotos? de perfil", "头像"),
    (r"\bavatars?\b", r"avatar", "虚拟形象"),
    (r"\bwebhooks?\b", r"[Ww]ebhook", "Webhook"),
    (r"\bpasskeys?\b", r"llaves? de acceso", "通行密钥"),
    (r"\bpublic gallery\b", r"galería pública", "公共图库"),
    (r"\bpacks? of credits\b", r"paquetes? de créditos", "点数包"),
    (r"\bsessions?\b", r"sesi", "系列|访问"),
    (r"\bdemonstration person\b", r"persona de demostración", "示例人物"),
    (r"\blive selfies?\b(?! is live)", r"selfis? en vivo", "实时自拍"),
    (r"\brepaired\b|\brepair a part\b", r"repara", "修补"),
    (r"\bpresets? (of the studio|by)\b|\bthe preset\b", r"preajuste|opci", "预设|选项"),
)
# Words for the same things that crept in once.
STRAYS = {
    "es": re.compile(
        r"selfie|fichero|apelaci|justificante|motor incluido|retoca|\bEliminar\b", re.IGNORECASE
    ),
    "zh_Hans": re.compile("创作组|职业照|证件照|第二因素|公开图库|电子邮件地址|发票|没有收费|未收取任何费用"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_thing_has_one_name(language: str) -> None:
    found = sentences(catalogue(language, "po"))
    wrong = [text for _id, string in found for text in _texts(string) if STRAYS[language].search(text)]
    for english, *names in TERMS:
        asked, name = (re.compile(w, re.IGNORECASE) for w in (english, names[LANGUAGES.index(language)]))
        named = [(source, string) for source, string in found if asked.search(PLACE.sub("", source))]
        wrong += [source for source, string in named if not name.search(" ".join(_texts(string)))]
    assert wrong == []


# allauth's words for what we call otherwise, and its headings in title case. {email} is a place, and names of
# fields begin small.
OTHERS_WORDS = {
    "en": re.compile(
        r"^[A-Z].*?(\b[Ss]ign(ed)?[ -](in|out)\b|(?<![{(])\b[Ee]mails?\b|[Ss]ecurity key|[a-z] [A-Z][a-z]+$)"
    ),
    "es": re.compile(
        "[Pp]asskey|[Ll]lave maestra|[Cc]laves? de seguridad|[a-zñ] (Contraseña|Verificación|Correo|Código)"
    ),
    "zh_Hans": re.compile("passkey|安全密钥|主密钥", re.IGNORECASE),
}


@pytest.mark.parametrize("language", OTHERS_WORDS)
def test_what_is_borrowed_has_our_words(language: str) -> None:
    with override(language.lower().replace("_", "-")):
        texts = [re.sub(r"%\(\w+\)s|<.*?>", "", text) for text in borrowed(language)]
    assert [text for text in texts if OTHERS_WORDS[language].search(text)] == []


@pytest.mark.parametrize("text", ["Introduzca su contraseña.", "¿Está seguro?", "Revise su cuenta."])
def test_usted_is_recognised(text: str) -> None:
    assert USTED.search(text)


@pytest.mark.parametrize("text", ["请再试;未扣除", "你好, 世界", "选择:图片", "(九张)", "吗?", "您的密码"])
def test_half_width_punctuation_is_recognised(text: str) -> None:
    assert HALF_WIDTH.search(text)
