"""The movements of the built-in engine, and which of them a text plainly names: English, Spanish, Chinese.

A text names movements only where nothing else is in it: "she smiles and nods" does, "she smiles and gets up"
and "she does not smile" do not. What an engine cannot make is refused and never left out. Pure."""

from __future__ import annotations

import re
import unicodedata

MOTIONS = ("blink", "smile", "turn", "nod", "walk_the_light")  # walk_the_light: the light goes round the face

WHOSE, FACE = "(?:her|his|their|my|the|your)", "(?:face|head)"
# By movement: words of English and Spanish (without accents), and Chinese, which has no spaces between words.
LATIN = {
    "walk_the_light": rf"moving light|(?:the )?light (?:moves|moving|goes|walks|wanders|travels|circles)"
    rf"(?: (?:around|round|over|across))?(?: {WHOSE} {FACE})?"
    r"|luz en movimiento|(?:la )?luz (?:se mueve|gira|recorre|rodea|pasa)"
    r"(?: (?:por|sobre|alrededor de|alrededor))?(?: (?:la|el|su|mi) (?:cara|rostro|cabeza))?",
    "blink": rf"blink(?:s|ed|ing)?(?: {WHOSE} eyes)?|parpade(?:a|an|o|e|ar|ando)",
    "smile": r"(?:a )?smil(?:e|es|ed|ing)|grin(?:s|ning)?|sonri(?:e|en|o|a|endo)|sonreir|(?:una )?sonrisa",
    "turn": rf"turn(?:s|ed|ing)? {WHOSE} head|head turns?"
    r"|(?:gir|volte)(?:a|an|o|e|ar|ando) (?:la|su|mi) cabeza|(?:vuelve|volver) (?:la|su|mi) cabeza",
    "nod": rf"nod(?:s|ded|ding)?(?: {WHOSE} head)?|(?:asiente|asiento|asentir|asintiendo)(?: con la cabeza)?",
}
HAN = {
    "walk_the_light": "(?:光线?|灯光)(?:在|绕着?|围绕着?|沿着?)?[她他我]?的?(?:脸|面部|头)?[部上]?"
    "(?:移动|转动|游走|扫过)",
    "blink": "眨(?:[了一]?眨)?(?:一下)?眼睛?",
    "smile": "微笑|微微一笑|笑一笑|露出[微笑]+容?",
    "turn": "(?:慢慢)?(?:转过?|扭)头|转动头部|头部转动",
    "nod": "点[了一]?点?头",
}
# What says nothing about the movement beside it. A head that turns does so to both sides.
FILLERS = (
    "she he they i it person woman man my twin is are and then while also a an the her his their who with "
    "slowly gently softly slightly briefly warmly happily kindly little at into towards camera viewer to "
    "left right side ella el la persona mujer hombre mi gemelo gemela y e luego despues mientras tambien que "
    "se "
    "suavemente despacio lentamente ligeramente un poco a hacia camara izquierda derecha lado con"
)
HAN_FILLERS = (
    "然后|接着|并且?|同时|对着镜头|[向往][左右]|慢慢|缓缓|轻轻|微微|一下|一边|[她他我人和又再地了着也的]"
)

PATTERNS = [(motion, re.compile(rf"\b(?:{LATIN[motion]})\b|{HAN[motion]}")) for motion in LATIN]
SILENT = re.compile(rf"\b(?:{FILLERS.replace(' ', '|')})\b|{HAN_FILLERS}|[\W_]")


def named_in(text: str) -> tuple[str, ...]:
    """The movements, in the order of MOTIONS; () where the text names none, or says anything else too."""
    rest, found = _plain(text), set()
    for motion, pattern in PATTERNS:
        rest, times = pattern.subn(" ", rest)
        found |= {motion} if times else set()
    return () if SILENT.sub("", rest) else tuple(motion for motion in MOTIONS if motion in found)


def _plain(text: str) -> str:
    """In small letters without accents, with one space between words."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())
