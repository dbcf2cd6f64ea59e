"""What may be asked for and what may be shown: `screen` for prompts, `screen_picture` for pictures.

Prompts are compared with lists of terms after the usual disguises are taken off (`disguises_removed`).
Pictures are judged by a program of its own, `ml.nudity`, which lives on beside this process.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np

from ml.errors import MLError

MAX_PROMPT = 1_000  # characters

Terms = tuple[str, ...]


def terms(text: str) -> Terms:
    """Terms out of a list written with commas.

    `word*` takes any ending; `a ... b` allows three words between, but no preposition ("remove wrinkles from
    clothes"); all else is whole words. Chinese, which has no spaces, matches anywhere, `...` four characters.
    """
    return tuple(term.strip() for term in text.split(",") if term.strip())


SEXUAL = terms("""
    nude, nudes, nudity, nudist*, naked, topless, seminude, sex, sexual act*, sexual intercourse, sexual pos*, sexual scene,
    sexually explicit, porn*, hentai, xxx, nsfw, erotic*, orgasm*, masturbat*, blowjob*, blow job*, handjob*, fellatio, cunnilingus,
    cum, cumshot*, creampie*, deepthroat*, gangbang*, orgy, orgies, threesome*, bdsm, bondage, fetish*, dildo*, vibrator*, penis*,
    big dick, dick pic*, hard cock, big cock, vagina*, vulva*, genital*, anus, anal, nipple*, areola*, pussy, tits, titties, boobs,
    boob, bare breast*, exposed breast*, breasts exposed, bare butt*, bare ass, fuck*, horny, lewd, milf*, camgirl*, striptease,
    without clothes, without ... clothes on, no clothes, not wearing anything, wearing nothing, birthday suit, onlyfans,
    desnud*, sexo, sexo oral, acto sexual, pornograf*, erotism*, masturb*, tetas, coño, polla, verga, follar, follando, pene, penes,
    pezon*, mamada*, encuerad*, en cueros, en pelotas, sin ropa, orgia*,
    裸体, 裸體, 全裸, 半裸, 裸照, 裸女, 裸男, 裸身, 赤裸, 裸露, 裸奔, 裸聊, 色情, 情色, 淫, 性爱, 性愛, 做爱, 做愛, 性交, 口交, 肛交, 自慰,
    手淫, 阴道, 阴茎, 阴部, 生殖器, 乳头, 露胸, 露点, 露乳, 巨乳, 不穿衣服, 没穿衣服, 没有穿衣服, 一丝不挂, 一絲不掛, 春宫, 无码
""")  # noqa: E501
SUGGESTIVE = terms("""
    sexy, sensual*, seductive*, provocative pose, lingerie, underwear, panties, thong, bra, bikini*, see through, cleavage, stripper*,
    strip club*, brothel*, call girl*, sugar baby, seductor*, lenceria, ropa interior, bragas, tanga, sujetador, burdel,
    prostitut*, puta*, nalgas, 性感, 情趣, 诱惑, 挑逗, 内衣, 内裤, 比基尼, 丁字裤, 妓, 夜总会, 脱衣舞
""")  # noqa: E501
CHILD = terms("""
    child, children, childlike, kid, kids, toddler*, infant*, baby, babies, preteen*, teen, teens, teenage*, tween*, underage*,
    minor, minors, juvenile*, schoolgirl*, schoolboy*, school girl*, school boy*, school kid*, school uniform, little girl*,
    little boy*, young girl*, young boy*, kindergarten*, preschool*, elementary school, middle school, high school, loli, lolis,
    lolita*, lolicon, shota*, jailbait, under 18, prepubescent, pubescent, my daughter, my son,
    niño, niña, niños, niñas, nino, nina, ninos, ninas, bebe, bebes, menor de edad, menores, adolescente*, colegiala*, colegial,
    escolar, infantil, chiquilla*, chiquillo*, preadolescente*,
    儿童, 兒童, 孩子, 小孩, 孩童, 幼女, 幼童, 幼儿, 婴儿, 宝宝, 萝莉, 蘿莉, 正太, 未成年, 少女, 少年, 小学生, 中学生, 初中生, 高中生, 女童,
    男童, 小女孩, 小男孩, 女学生, 学生妹, 校服
""")  # noqa: E501
# Also said of adults, so refused beside explicit terms only, not beside "sexy".
YOUTH = terms("girl, girls, boy, boys, 1girl, 1boy, muchacha*, muchacho*, 女孩, 男孩, 小妹妹, 小姑娘")
UNDRESS = terms("""
    undress*, unclothe*, disrobe*, nudify*, deepnude*, clothes off, strip her, strip him, strip them, strip naked, stripping her,
    stripping him, stripped of ... clothes, remov* ... clothes, remov* ... clothing, remov* ... dress,
    remov* ... shirt, remov* ... bra, remov* ... bikini, remov* ... underwear, take off ... clothes, taking off ... clothes,
    take off ... clothing, take off ... dress, take off ... shirt, take off ... bra, taking off ... dress, taking off ... shirt,
    taking off ... bra, take ... clothes off, see through ... clothes, rip off ... clothes,
    desvest*, desvist*, desnudar*, desnuda la, desnudala*, desnudalo*, quit* ... ropa, quit* ... vestido, quit* ... camisa,
    quit* ... sujetador, sacale ... ropa, eliminar ... ropa, arranc* ... ropa,
    脱衣, 脱光, 脱掉...衣, 脱掉...裤, 脱掉...裙, 脱掉...内, 脱掉所有, 脱下...衣, 脱下...裤, 脱下...裙, 扒光, 扒掉, 去掉...衣, 去除...衣, 移除...衣, 除去...衣, 一键脱, 宽衣解带
""")  # noqa: E501
VIOLENCE = terms("""
    gore, gory, behead*, decapitat*, dismember*, mutilat*, disembowel*, torture*, torturing, murder*, massacre*, strangl*, lynching,
    lynched, raping, rape, raped, rapist*, molest*, corpse*, dead body, dead bodies, severed head*, severed hand*, severed limb*, slit ... throat, bloodbath,
    covered in blood, blood splatter*, gunshot wound*, stab her, stab him, stabbed, stabbing, stabs, kill her, kill him, kill them,
    kill someone, kill people, killing her, killing him, killing people, shoot her in, shoot him in, shooting people, mass shooting*,
    school shooting*, firing squad*, beating her, beat her up, beat him up, beating a woman, domestic violence, snuff film,
    decapit*, degoll*, descuartiz*, mutilad*, tortur*, asesin*, apuñal*, apunal*, estrangul*, violacion, violar, violador*, violada,
    cadaver*, matar a, matando a, masacre*, cubierto de sangre, cubierta de sangre, baño de sangre, ahorcad*, linchar, linchamiento,
    血腥, 斩首, 斬首, 砍头, 肢解, 虐杀, 虐待, 屠杀, 屠殺, 酷刑, 杀人, 殺人, 杀死, 强奸, 強姦, 强暴, 轮奸, 尸体, 屍體, 谋杀, 分尸, 枪杀
""")  # noqa: E501
HATE = terms("""
    nigger*, nigga*, faggot*, kike*, gook*, wetback*, raghead*, sandnigger*, tranny, trannies, subhuman*, nazi, nazis, nazism, swastika*,
    sieg heil, heil hitler, third reich, kkk, ku klux klan, white power, white supremac*, gas the jews, ethnic cleansing, blackface,
    sudaca*, maricon*, supremacia blanca, negro de mierda, negra de mierda, moro de mierda, judio de mierda, esvastica*, limpieza etnica,
    纳粹, 納粹, 黑鬼, 支那猪, 支那人, 希特勒, 种族清洗, 白人至上
""")  # noqa: E501
SELF_HARM = terms("""
    suicide, suicidal, suicides, self harm*, selfharm*, self injur*, cutting ... wrist*, cut ... wrist*, slit ... wrist*, hang myself,
    hanging myself, hanging himself, hanging herself, hang himself, hang herself, kill myself, killing myself, kills himself,
    kills herself, overdose, overdosing, suicid*, autolesion*, cortarse las venas, cortarme las venas, ahorcarse, ahorcarme, matarme,
    quitarse la vida, 自杀, 自殺, 自残, 自殘, 割腕, 上吊自
""")  # noqa: E501
# A short start; staff edit the real list. Whole names only, for "swift" and "trump" are words.
PEOPLE = terms("""
    donald trump, melania trump, ivanka trump, joe biden, kamala harris, barack obama, michelle obama, hillary clinton, bill clinton,
    george bush, jd vance, elon musk, jeff bezos, mark zuckerberg, bill gates, vladimir putin, volodymyr zelensky, volodymyr zelenskyy,
    xi jinping, kim jong un, narendra modi, emmanuel macron, angela merkel, olaf scholz, keir starmer, boris johnson, rishi sunak,
    giorgia meloni, viktor orban, recep tayyip erdogan, benjamin netanyahu, pedro sanchez, javier milei, nicolas maduro, lula da silva,
    jair bolsonaro, andres manuel lopez obrador, claudia sheinbaum, gustavo petro, nayib bukele, pope francis, papa francisco,
    pope leo, king charles, queen elizabeth, prince harry, prince william, kate middleton, meghan markle, greta thunberg,
    taylor swift, beyonce, rihanna, ariana grande, billie eilish, selena gomez, justin bieber, lady gaga, katy perry, kim kardashian,
    kylie jenner, kendall jenner, kanye west, dua lipa, miley cyrus, britney spears, shakira, jennifer lopez, bad bunny, rosalia vila,
    scarlett johansson, jennifer lawrence, jennifer aniston, angelina jolie, brad pitt, tom cruise, leonardo dicaprio, emma watson,
    emma stone, natalie portman, margot robbie, gal gadot, megan fox, sydney sweeney, zendaya, timothee chalamet, tom hanks, tom holland,
    johnny depp, keanu reeves, will smith, robert downey jr, ryan reynolds, chris hemsworth, dwayne johnson, morgan freeman,
    penelope cruz, antonio banderas, javier bardem, oprah winfrey, cristiano ronaldo, lionel messi, lebron james, serena williams,
    习近平, 習近平, 毛泽东, 特朗普, 拜登, 奥巴马, 普京, 泽连斯基, 马斯克, 泰勒斯威夫特, 刘德华, 周杰伦, 范冰冰, 杨幂, 刘亦菲,
    章子怡, 赵丽颖, 迪丽热巴
""")  # noqa: E501
# Taken out first: everyday phrases with a listed word in them. Keep them narrow: what they take out is not
# seen by any other list: 女性交 here would have hidden 少女性交.
INNOCENT = terms("""
    nude lipstick*, nude makeup, nude heels, nude shoes, nude nail*, nude colored, nude coloured, nude tones, nude shade*,
    naked eye, same sex, opposite sex, sex and the city, sex education, sex pistols, pussy willow*, pussy riot, pussy bow, blue tits,
    great tits, coal tits, cum laude, gore tex, al gore, murder mystery, murder on the orient express,
    murder of crows, suicide squad, corpse bride, rape seed, rapeseed, al rape, baby blue, baby pink, baby bump, baby shower,
    baby s breath, babydoll, king charles spaniel*, matar a un ruiseñor, mismo sexo, bello sexo, quitar la ropa de cama, a ojo desnudo,
    pies desnudos, pie desnudo, hombros desnudos, brazos desnudos, arbol* desnudo*, rostro desnudo, cara desnuda,
    性交流, 性交友, 性交往, 性交谈, 性交际, 性交通, 性交替, 性爱好, 性爱美, 性爱护, 性爱心, 性爱吃, 做爱心, 做爱吃, 做爱好, 路口交, 门口交,
    出口交易, 进口交易, 窗口交, 接口交, 红色情, 白色情, 黑色情, 蓝色情, 粉色情, 绿色情, 金色情, 紫色情, 彩色情, 暖色情, 角色情, 特色情, 景色情,
    夜色情, 林阴道, 裸露的岩, 裸露的砖, 裸露岩, 脱掉外衣, 脱掉大衣, 脱掉毛衣, 脱下外衣, 脱下大衣, 脱下毛衣
""")  # noqa: E501


@dataclass(frozen=True)
class Rules:
    """The lists that a prompt is held against. Staff edit them: `replace(DEFAULT_RULES, people=...)`.

    `allow_sexual` lifts the sexual list alone: minors, undressing and known people stay refused.
    """

    sexual: Terms = SEXUAL
    suggestive: Terms = SUGGESTIVE  # fine by themselves, never beside a child
    child: Terms = CHILD
    youth: Terms = YOUTH
    undress: Terms = UNDRESS
    violence: Terms = VIOLENCE
    hate: Terms = HATE
    self_harm: Terms = SELF_HARM
    people: Terms = PEOPLE
    innocent: Terms = INNOCENT
    allow_sexual: bool = False


DEFAULT_RULES = Rules()


@dataclass(frozen=True)
class Verdict:
    """`code` is "" when allowed; `category` names the list that matched and `term` the words that did."""

    allowed: bool
    code: str = ""
    category: str = ""
    term: str = ""
    message: str = ""


MESSAGES = {
    "empty": "Nothing was asked for. Describe the picture in a few words.",
    "too_long": f"This prompt is too long. Shorten it to {MAX_PROMPT:,} characters.",
    "minor": "Children never appear in adult pictures here. Remove what is sexual or the mention of a child.",
    "known_person": "Pictures of well-known people are not made here. Remove the name and describe yourself.",
    "undress": "Nobody is undressed here. Describe what the person wears instead.",
    "sexual": "Sexual content and nudity are not allowed here. Describe the picture without them.",
    "violence": "Violence against people is not allowed here. Describe the picture without it.",
    "hate": "Hateful words and symbols are not allowed here. Describe the picture without them.",
    "self_harm": "Pictures of self-harm are not made here. If you feel like hurting yourself, please talk to somebody you trust or call a helpline.",  # noqa: E501
}  # fmt: skip
# The order in which a prompt that breaks several rules is answered, with the code of each list.
CODES = {
    "people": "known_person", "undress": "undress", "sexual": "sexual",
    "self_harm": "self_harm", "violence": "violence", "hate": "hate",
}  # fmt: skip


def screen(text: str, rules: Rules = DEFAULT_RULES) -> Verdict:
    """May this prompt be drawn? English, Spanish and simplified Chinese; pure, a few milliseconds."""
    if len(text) > MAX_PROMPT:
        return _refused("too_long")
    forms = list(disguises_removed(text))
    if not forms[0].strip():
        return _refused("empty")
    patterns = _compile(rules)
    forms = [patterns["innocent"].sub("\n", form) for form in forms]
    found = {name: match[0].strip() for name, pattern in patterns.items() if (match := _first(pattern, forms))}
    if minor := _minor(found):
        return _refused("minor", *minor)
    for name, code in CODES.items():
        if name in found and not (name == "sexual" and rules.allow_sexual):
            return _refused(code, name, found[name])
    return Verdict(True)


def refuse_prompt(prompt: str, negative: str = "", rules: Rules = DEFAULT_RULES) -> None:
    """MLError `prompt_refused` unless both may be used; what is not wanted steers a picture too, so it is screened alike."""
    for text in (prompt, negative) if negative.strip() else (prompt,):
        verdict = screen(text, rules)
        if not verdict.allowed:
            raise MLError("prompt_refused", verdict.message)


def _refused(code: str, category: str = "", term: str = "") -> Verdict:
    return Verdict(False, code, category, term, MESSAGES[code])


def _first(pattern: re.Pattern[str], forms: list[str]) -> re.Match[str] | None:
    return next((match for form in forms if (match := pattern.search(form))), None)


def _minor(found: dict[str, str]) -> tuple[str, str] | None:
    """A child beside anything sexual or suggestive; girl or boy beside anything explicit."""
    explicit = found.get("sexual") or found.get("undress")
    adult = explicit or found.get("suggestive")
    if "child" in found and adult:
        return "child", f"{found['child']} + {adult}"
    if "youth" in found and explicit:
        return "youth", f"{found['youth']} + {explicit}"
    return None


# --- taking disguises off -----------------------------------------------------------------------------------

CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx")  # a small ν looks like v
LOOKALIKES = str.maketrans(
    "абвгеикмнопрстухѕіјһԁԛԝѵү" + "αβγεηικνορτυχωσμ" + "ıłøđɑɡ×ʀᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘᴛᴜᴠᴡʏᴢ",
    "abbreukmhonpctyxsijhdqwvy" + "abyenikvoptuxwou" + "ilodagxrabcdeghijklmnoptuvwyz",
) | {first + at: chr(97 + at) for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6) for at in range(26)}
LEET = str.maketrans("034578@$!|", "oeastbasil")
BLANKS = dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0"))  # letters by category, invisible by sight
CJK = "\u3400-\u9fff\uf900-\ufaff"


def disguises_removed(text: str) -> Iterator[str]:
    """Forms of the text to search, the plainest first; in each, words stand one space apart."""
    folded = _fold(text)
    for form in dict.fromkeys((folded, _unleet(folded, "i"), _unleet(folded, "l"))):
        yield _words(form)
        yield _words(_join_letters(form))


def _fold(text: str) -> str:
    """Lower-case letters without accents, look-alikes as Latin; ñ stays, or año would become a body part."""
    text = unicodedata.normalize("NFKC", text).translate(CAPITALS).casefold().translate(BLANKS)
    text = unicodedata.normalize("NFKD", text)
    kept = []
    for at, char in enumerate(text):
        category = unicodedata.category(char)
        if category == "Mn" and not (char == "\u0303" and text[at - 1] == "n"):
            continue
        if category == "Cf" or (category == "Cc" and not char.isspace()):
            continue
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept)).translate(LOOKALIKES)


def _unleet(text: str, one: str) -> str:
    """Digits and signs inside words as the letters they imitate; 1 is i or l. Bare numbers stay."""
    table = LEET | {ord("1"): one}

    def swap(word: re.Match[str]) -> str:
        body = word[0].rstrip("!|")
        return body.translate(table) if any(char.isalpha() for char in body) else word[0]

    return re.sub(r"[\w@$!|]+", swap, text)


def _join_letters(text: str) -> str:
    """n.u.d.e, nu-de and n u d e as nude; a double space still parts words."""
    text = re.sub(r"(?<=\w)(?:[^\w\s]|_)+(?=\w)", "", text)
    return re.sub(r"(?<!\w)\w(?:\s\w(?!\w)){2,}", lambda run: "".join(run[0].split()), text)


def _words(text: str) -> str:
    text = re.sub(rf"(?<=[{CJK}])[\W_]+(?=[{CJK}])", "", text)
    text = re.sub(rf"(?<=[{CJK}])(?=[^\W{CJK}])|(?<=[^\W{CJK}])(?=[{CJK}])", " ", text)  # 一个nude女孩
    return re.sub(r"[\W_]+", " ", text)


# --- terms as patterns --------------------------------------------------------------------------------------

# Ages under 18: "15 yo", "aged 9", "twelve year old", "15 años", "十五岁".
NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
NUMEROS = "un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete"
AGES = (
    r"\b(?:1[0-7]|[1-9]) ?(?:y ?o|yrs? old|years? old|a[nñ]os?|anitos)\b",
    r"\b(?:aged?|edad de) (?:1[0-7]|[1-9])\b",
    r"(?<!twenty )(?<!thirty )(?<!forty )(?<!fifty )(?<!sixty )"
    rf"\b(?:{NUMBERS.replace(' ', '|')}) years? old\b",
    rf"(?<! y )\b(?:{NUMEROS.replace(' ', '|')}) a[nñ]os\b",
    r"(?<!\d)(?:1[0-7]|[1-9]) ?[岁歲]",
    r"(?<![二三四五六七八九十百])(?:十[一二三四五六七]?|[一二三四五六七八九])[岁歲]",
)


@lru_cache(maxsize=8)
def _compile(rules: Rules) -> dict[str, re.Pattern[str]]:
    """One pattern for each list."""
    patterns = {}
    for name, value in vars(rules).items():
        if isinstance(value, tuple):
            found = [_alternatives(value, is_name=name == "people"), *(AGES if name == "child" else ())]
            patterns[name] = re.compile("|".join(found))
    return patterns


def _alternatives(value: Terms, *, is_name: bool) -> str:
    """The terms of a list by their first letter, so that most places in a text are passed over at once."""
    by_letter: dict[str, list[str]] = {}
    for term in map(_fold, value):
        by_letter.setdefault(term[0], []).append(_pattern(term, is_name))
    by_letter = {"[nñ]" if letter == "n" else re.escape(letter): found for letter, found in by_letter.items()}
    groups = [f"(?={letter})(?:{'|'.join(found)})" for letter, found in by_letter.items()]
    return "|".join(groups) or r"(?!)"  # an empty list matches nothing


def _pattern(term: str, is_name: bool) -> str:
    """A folded term as a regular expression over the forms of `disguises_removed`."""
    if re.search(f"[{CJK}]", term):
        return r"[^\n]{0,4}?".join(re.escape(_words(part)) for part in term.split("..."))
    between = "(?: (?:[a-xz] )?|)" if is_name else " ?"  # "donald j trump", "donaldtrump", not "ana y"
    gap = r" (?:(?!from |off |on |in |with |de |del )\w+ ){0,3}?"
    parts = [between.join(map(_word, re.findall(r"\w+\*?", part))) for part in term.split("...")]
    return rf"\b{gap.join(parts)}\b"


def _word(word: str) -> str:
    """Letters may be drawn out (nuuude); a letter merely doubled is another word (pene, penne)."""
    stem = word.rstrip("*")
    out = ""
    for run in re.finditer(r"(.)\1*", stem):
        letter, count = run[1], len(run[0])
        letter = "[nñ]" if letter == "n" and len(stem) > 3 else letter
        out += f"{letter}(?:{letter}{{2,}})?" if count == 1 else f"{letter}{{{count},}}"
    return out + (r"\w*" if word.endswith("*") else "")


# --- pictures -----------------------------------------------------------------------------------------------

PICTURE_SECONDS = 20.0  # for one picture, the program's start included
HEADER = struct.Struct(">II")  # height, width; then H*W*3 bytes of RGB
LENGTH = struct.Struct(">I")  # of the answer, JSON: engine, label, score, unsafe
MAX_ANSWER = 10_000


@dataclass(frozen=True)
class PictureVerdict:
    """`score` 0..1: how sure the engine is of `label`, the worst thing that it saw ("" for nothing)."""

    safe: bool
    score: float
    label: str
    engine: str


def detector_command(classifier: str | None = None) -> list[str]:
    """The program: nudenet's detector, or the transformers image classifier in the directory `classifier`."""
    command = [sys.executable, "-m", "ml.nudity"]
    return [*command, "--classifier", classifier] if classifier else command


class Detector:
    """The program beside us: started by the first picture, kept, started once more if it died."""

    def __init__(self, command: list[str], *, seconds: float = PICTURE_SECONDS):
        self.command = command
        self.seconds = seconds
        self.lock = threading.Lock()
        self.program: subprocess.Popen[bytes] | None = None

    def judge(self, picture: np.ndarray) -> PictureVerdict:
        """The program's verdict on (H, W, 3) uint8 RGB. Raises OSError or ValueError on any trouble."""
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise ValueError("a picture is (H, W, 3) uint8 RGB")
        message = HEADER.pack(*picture.shape[:2]) + picture.tobytes()
        end = time.monotonic() + self.seconds
        with self.lock:
            try:
                return self._ask(message, end)
            except (
                OSError,
                ValueError,
            ):  # it died, now or since the last picture: once more, in the time left
                self._stop()
            try:
                return self._ask(message, end)
            except BaseException:
                self._stop()
                raise

    def close(self) -> None:
        with self.lock:
            self._stop()

    def _ask(self, message: bytes, end: float) -> PictureVerdict:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the program took too long")
        program = self.program = self.program or self._start()
        assert program.stdin
        assert program.stdout
        clock = threading.Timer(left, program.kill)  # ends a read or write that would wait for ever
        clock.start()
        try:
            program.stdin.write(message)
            program.stdin.flush()
            (length,) = LENGTH.unpack(_read(program.stdout, LENGTH.size))
            said = json.loads(_read(program.stdout, min(length, MAX_ANSWER)))
            return PictureVerdict(not said["unsafe"], float(said["score"]), said["label"], said["engine"])
        except (KeyError, TypeError) as error:
            raise ValueError("the program answered something else") from error
        finally:
            clock.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        root = Path(__file__).parent.parent  # where `-m ml.nudity` is found
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        # A session of its own: Ctrl-C is for the parent, which closes it.
        return subprocess.Popen(
            self.command, stdin=pipe, stdout=pipe, cwd=root, env=environment, start_new_session=True
        )

    def _stop(self) -> None:
        program, self.program = self.program, None
        if not program:
            return
        program.kill()
        with contextlib.suppress(OSError):  # closing flushes what a dead program never read
            program.communicate()


def _read(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise OSError("the program ended")
    return data


_detector = Detector(detector_command())


def use_detector(detector: Detector) -> None:
    """Judge with this one from now on: `use_detector(Detector(detector_command("/models/nsfw")))`."""
    global _detector
    _detector, old = detector, _detector
    old.close()


def screen_picture(picture: np.ndarray, *, allow_nudity: bool = False) -> PictureVerdict:
    """May this picture, (H, W, 3) uint8 RGB, be shown? Fails closed: any trouble is unsafe, "unavailable"."""
    try:
        verdict = _detector.judge(picture)
    except Exception:
        return PictureVerdict(False, 1.0, "unavailable", "none")
    return replace(verdict, safe=verdict.safe or allow_nudity)


def _after_fork() -> None:
    """A forked worker (Celery) starts a program of its own: two talking to one would mix up pictures."""
    global _detector
    _detector = Detector(_detector.command, seconds=_detector.seconds)


atexit.register(lambda: _detector.close())
os.register_at_fork(after_in_child=_after_fork)
