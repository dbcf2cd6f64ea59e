"""Spanish and Chinese prompts in the words of a base that knows English words alone. Pure.

The built-in base learnt some three hundred words; of another language it reads the letters, which mean
nothing to it. So the phrases that say something it can draw are put into its words; the rest stays as it is.

    "con una sudadera roja, sin gafas" -> "wearing a red hoodie, without glasses"
    "微笑，穿红色连帽衫" -> "smiling, wearing a red hoodie"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

# Colours: of clothes and walls, of hair, of eyes.
ES = {
    "red": "roj[oa]s?",
    "blue": "azul(?:es)?",
    "green": "verdes?",
    "yellow": "amarill[oa]s?",
    "orange": "naranjas?",
    "purple": "morad[oa]s?|violetas?|púrpuras?",
    "pink": "rosas?",
    "white": "blanc[oa]s?",
    "black": "negr[oa]s?",
    "grey": "gris(?:es)?",
    "brown": "castañ[oa]s?|marr[oó]n(?:es)?",
    "blonde": "rubi[oa]s?",
    "dark": "oscur[oa]s?",
    "hazel": "avellana",
}
ES_HAIR = {"red": "pelirroj[oa]|roj[oa]", "grey": "canos[oa]|gris"}
ZH = {
    "red": "红",
    "blue": "蓝",
    "green": "绿",
    "yellow": "黄",
    "orange": "橙|橘",
    "purple": "紫",
    "pink": "粉红?",
    "white": "白",
    "black": "黑",
    "grey": "灰",
    "brown": "棕|褐",
    "blonde": "金",
}
WORN_ES = "(?:(?:con|de|lleva(?:ndo)?|vist(?:e|iendo)|vestid[oa] (?:con|de)) )?(?:un[oa]?s? |el |los )?"
WORN_ZH = "(?:身?穿着?|戴着?|有着?)?(?:一[件套条顶副头])?"

# English -> how it is said. "{}" stands for a colour, which may be missing; "~" for a word of wearing.
SPANISH = {
    "wearing a {}t-shirt": "~camiseta{}",
    "wearing a {}suit and tie": "~traje{}(?: (?:y|con) corbata)?",
    "wearing a {}hoodie": "~sudadera(?: con capucha)?{}",
    "wearing a {}turtleneck": "~(?:jersey|su[eé]ter)(?: de (?:cuello alto|punto|lana))?{}|~cuello alto",
    "wearing a {}striped shirt": "~camis(?:a|eta) (?:a|de) rayas{}",
    "wearing a {}shirt": "~camisa{}",
    "wearing a {}leather jacket": "~(?:chaqueta|cazadora)(?: de (?:cuero|piel))?{}",
    "wearing a {}dress": "~vestido{}",
    "wearing a {}cap": "~gorra{}",
    "wearing a {}beanie": "~gorro(?: de (?:lana|punto))?{}",
    "wearing a {}hat": "~sombrero(?: de paja)?{}",
    "no hat": "sin (?:sombrero|gorra|gorro)",
    "wearing square glasses": "~(?:gafas|lentes) cuadrad[oa]s",
    "wearing round glasses": "~(?:gafas|lentes)(?: redond[oa]s)?",
    "without glasses": "(?:sin|no llevan?) (?:gafas|lentes)",
    "smiling": "sonriendo|sonriente|sonríe|(?:con )?(?:una )?sonrisa",
    "laughing": r"riéndose|riendo|a carcajadas|(?:se )?ríe",
    "neutral expression": r"(?:con )?(?:una )?expresión (?:neutra|neutral|seria)|seri[oa]",
    "surprised": "con (?:cara de )?sorpresa|sorprendid[oa]",
    "in a park": "en (?:un|el) parque",
    "in the forest": "en (?:un|el) bosque",
    "in a green garden": "en (?:un|el) jardín",
    "on a beach": "en (?:una|la) playa",
    "by the sea": "(?:junto|frente) al mar",
    "in an office": "en (?:una|la) oficina",
    "in a library": "en (?:una|la) biblioteca",
    "in the city at night": "en (?:una|la) ciudad(?: (?:de|por la) noche)?",
    "in the mountains": "en (?:la|las|una|unas) montañas?",
    "at sunset": "al atardecer|(?:en )?(?:una|la) puesta de sol",
    "{}background": "(?:con )?(?:un )?fondo{}(?: de estudio)?",
    "soft light": "(?:con )?luz suave",
    "daylight": "(?:con )?luz (?:de día|natural)",
    "warm light": "(?:con )?luz cálida",
    "cool light": "(?:con )?luz fría",
    "side light": "(?:con )?luz (?:lateral|de lado)",
    "backlight": "(?:a )?contraluz",
}
SPANISH_HAIR = {
    "long {}hair": "~(?:pelo|cabello) largo(?: y)?{}",
    "short {}hair": "~(?:pelo|cabello) corto(?: y)?{}",
    "curly {}hair": "~(?:pelo|cabello) rizado(?: y)?{}",
    "wavy {}hair": "~(?:pelo|cabello) ondulado(?: y)?{}",
    "{}hair tied back": "~(?:pelo|cabello){} recogido|~coleta{}",
    "{}hair in a bun": "~moño{}",
    "{}bob with a fringe": "~(?:media )?melena{} con flequillo",
    "{}bob": "~media melena{}",
    "{}hair": "~(?:pelo|cabello)(?: teñido de)?{}",
    "blonde hair": "rubi[oa]",
    "red hair": "pelirroj[oa]",
    "bald": "calv[oa]|sin pelo",
    "full beard": "~barba{}",
    "stubble": "~barba de (?:varios|pocos|tres) días",
    "moustache": "~bigote",
    "goatee": "~perilla",
    "clean-shaven": "sin barba|(?:bien )?afeitado",
    "{}eyes": "~ojos{}",
}
CHINESE = {
    "wearing a {}t-shirt": "~{}T ?恤衫?",
    "wearing a {}suit and tie": "~{}西[装服](?:打?领带)?",
    "wearing a {}hoodie": "~{}(?:连帽衫|卫衣)",
    "wearing a {}turtleneck": "~{}(?:高领衫|高领毛衣|针织毛衣|针织衫|毛衣)",
    "wearing a {}striped shirt": "~{}条纹(?:衬衫|衫|T恤)",
    "wearing a {}shirt": "~{}衬衫",
    "wearing a {}leather jacket": "~{}(?:皮夹克|皮衣|夹克)",
    "wearing a {}dress": "~{}(?:连衣裙|裙子)",
    "wearing a {}cap": "~{}(?:棒球帽|鸭舌帽)",
    "wearing a {}beanie": "~{}(?:毛线帽|针织帽)",
    "wearing a {}hat": "~{}(?:帽子|草帽|礼帽)",
    "no hat": "(?:不|没有?)戴帽子",
    "wearing square glasses": "~方框?眼镜",
    "wearing round glasses": "~(?:圆框?)?眼镜",
    "without glasses": "(?:不|没有?)戴眼镜",
    "smiling": "(?:面带)?微笑着?",
    "laughing": "大笑着?|笑着",
    "neutral expression": "自然表情|表情自然|严肃|面无表情",
    "surprised": "惊讶|吃惊",
    "in a park": "在?公园里?",
    "in the forest": "在?森林里?",
    "in a green garden": "在?花园里?",
    "on a beach": "在?[海沙]滩上?",
    "by the sea": "在?海边",
    "in an office": "在?办公室里?",
    "in a library": "在?图书馆里?",
    "in the city at night": "夜晚的城市|城市夜景|在?城市里?",
    "in the mountains": "在?(?:雪山|群山|山)[中里上]?",
    "at sunset": "日落(?:时分?)?|夕阳下?",
    "{}background": "{}(?:影棚)?背景",
    "soft light": "柔和的?光线?|柔光",
    "daylight": "日光|自然光",
    "warm light": "温暖的?光线?|暖光",
    "cool light": "冷色?光",
    "side light": "侧光",
    "backlight": "逆光",
    "long {}hair": "~{}长发",
    "short {}hair": "~{}短发",
    "curly {}hair": "~{}卷发",
    "wavy {}hair": "~{}波浪发",
    "{}hair tied back": "~{}马尾辫?",
    "{}hair in a bun": "~{}丸子头",
    "{}bob with a fringe": "~{}刘海",
    "{}hair": "~{}头?发|头发染成{}|染成{}头?发",
    "bald": "光头",
    "full beard": "~(?:大|络腮)?胡[子须]?",
    "stubble": "~胡茬",
    "moustache": "~(?:小|八字)胡子?",
    "goatee": "~山羊胡子?",
    "clean-shaven": "没有胡[子须]|不留胡[子须]",
    "{}eyes": "~{}眼睛",
}
# Words that mean nothing to a drawing: dropped where nothing else is left between two phrases.
SILENT = re.compile(
    rf"(?:\b(?:una?|el|la|y|e|de|con|en|mujer|hombre|persona|chic[oa]|retrato|foto|mi|gemel[oa]|{'|'.join(ES.values())})\b"
    r"|[一个张位名的和在里上着有女男人士孩性照片]|\s)*"
)


def in_english(prompt: str) -> str:
    """The prompt, unchanged where it says nothing in Spanish or Chinese that is known here."""
    text = prompt.lower()
    chosen: list[tuple[re.Match[str], str]] = []
    for match, english in sorted(matches(text), key=lambda row: row[0].start() - row[0].end()):
        if all(match.end() <= other.start() or other.end() <= match.start() for other, _ in chosen):
            chosen.append((match, english.replace("{}", colour_in(match))))
    return joined(text, sorted(chosen, key=lambda row: row[0].start())) if chosen else prompt


def matches(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """All phrases in a text, with what they mean. Of two that overlap the longer one is meant."""
    for pattern, english in phrases():
        for match in pattern.finditer(text):
            yield match, english


def joined(text: str, chosen: list[tuple[re.Match[str], str]]) -> str:
    """The phrases in English and what lies between them, with commas."""
    parts, at = [], 0
    for match, english in chosen:
        parts += [*left(text[at : match.start()]), english]
        at = match.end()
    return ", ".join([*parts, *left(text[at:])])


def left(between: str) -> list[str]:
    """What a text between two phrases says."""
    return [each.strip() for each in re.split("[,，、。;；]", between) if not SILENT.fullmatch(each)]


def colour_in(match: re.Match[str]) -> str:
    """The colour that a phrase names, with a space behind it; "" without one."""
    return next((f"{name} " for name, said in match.groupdict().items() if said), "")


@lru_cache
def phrases() -> list[tuple[re.Pattern[str], str]]:
    """Patterns and what they mean."""
    return [*spanish(SPANISH, ES), *spanish(SPANISH_HAIR, ES | ES_HAIR), *chinese()]


def spanish(table: Mapping[str, str], colours: Mapping[str, str]) -> Iterator[tuple[re.Pattern[str], str]]:
    colour = rf"(?: (?:de color )?{either(colours)})?"
    for english, said in table.items():
        for one in split(said):
            yield re.compile(rf"\b{one.replace('~', WORN_ES).replace('{}', colour)}\b"), english


def chinese() -> Iterator[tuple[re.Pattern[str], str]]:
    colour = rf"(?:{either(ZH)}色?的?\s?)?"
    for english, said in CHINESE.items():
        for one in split(said):
            yield re.compile(one.lower().replace("~", WORN_ZH).replace("{}", colour)), english


def split(said: str) -> list[str]:
    """At each "|" outside of brackets."""
    return re.findall(r"(?:[^|()]|\((?:[^()]|\([^()]*\))*\))+", said)


def either(colours: Mapping[str, str]) -> str:
    return "(?:" + "|".join(f"(?P<{name}>{said})" for name, said in colours.items()) + ")"
