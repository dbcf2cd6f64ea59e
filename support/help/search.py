"""Search of the articles, which are all in memory.

English and Spanish by PostgreSQL's full text: it knows their stems and stop words. The texts travel with the
query (60 KB), so no table has to follow the files. Chinese has no spaces between words: it is sought by pairs
of neighbouring signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from support.help.library import Article, articles

MOST = 20  # results
BEGIN, END = "\ue000", "\ue001"  # private signs around what is found, until the text is escaped
CONFIGS = {"en": "english", "es": "spanish"}
HEADLINE = (
    f'StartSel={BEGIN}, StopSel={END}, MaxFragments=2, MaxWords=26, MinWords=10, FragmentDelimiter=" … "'
)
SIGNS = "«»“”‘’¿¡…–·"  # letters to PostgreSQL where the database's locale is C
# plainto_tsquery asks for every word. What has them all comes first, then what has some.
SQL = """
SELECT n, ts_headline(config, body, any_word, %(headline)s)
FROM (
    SELECT n, config, body, every_word,
        replace(every_word::text, '&', '|')::tsquery AS any_word,
        setweight(to_tsvector(config, translate(title, %(signs)s, %(blanks)s)), 'A')
            || setweight(to_tsvector(config, translate(about, %(signs)s, %(blanks)s)), 'B')
            || to_tsvector(config, translate(body, %(signs)s, %(blanks)s)) AS vector
    FROM (
        SELECT n, config::regconfig, title, about, body,
            plainto_tsquery(config::regconfig, %(words)s) AS every_word
        FROM unnest(
            %(ns)s::int[], %(configs)s::text[], %(titles)s::text[], %(abouts)s::text[], %(bodies)s::text[]
        ) AS given (n, config, title, about, body)
    ) AS asked
) AS weighed
WHERE vector @@ any_word
ORDER BY vector @@ every_word DESC, ts_rank(vector, any_word) DESC, n
LIMIT %(most)s
"""
HAN = re.compile("[㐀-鿿]+")
WORD = re.compile(r"[a-z0-9]+")
AROUND = 40  # signs of a Chinese excerpt before and after what is found


@dataclass(frozen=True)
class Hit:
    article: Article
    excerpt: SafeString


def search(words: str, language: str) -> list[Hit]:
    """The best first. `words` may be anything that PostgreSQL takes as text."""
    known = articles(language)
    chinese = [article for article in known if article.language not in CONFIGS]
    others = [article for article in known if article.language in CONFIGS]
    return (_by_pairs(words, chinese) + _by_stems(words, others))[:MOST]


# ---------------------------------------------------------------- English and Spanish


def _by_stems(words: str, known: Sequence[Article]) -> list[Hit]:
    if not known:
        return []
    given = {
        "ns": list(range(len(known))),
        "configs": [CONFIGS[article.language] for article in known],
        "titles": [article.title for article in known],
        "abouts": [f"{a.summary} {' '.join(heading.title for heading in a.headings)}" for a in known],
        "bodies": [article.text for article in known],
    }
    blanks = " " * len(SIGNS)
    plain = words.translate(str.maketrans(SIGNS, blanks))
    asked = {"words": plain, "signs": SIGNS, "blanks": blanks, "headline": HEADLINE, "most": MOST}
    with connection.cursor() as cursor:
        cursor.execute(SQL, given | asked)
        return [Hit(known[n], _marked(excerpt)) for n, excerpt in cursor.fetchall()]


def _marked(text: str) -> SafeString:
    safe = escape(text).replace(BEGIN, "<mark>").replace(END, "</mark>")
    return mark_safe(safe)  # noqa: S308  escaped above


# ---------------------------------------------------------------- Chinese


def pairs(text: str) -> list[str]:
    """Neighbouring signs of Chinese, two by two, and whole words in Latin letters."""
    found = [run if len(run) == 1 else run[i : i + 2] for run in HAN.findall(text) for i in _steps(run)]
    return list(dict.fromkeys(found + WORD.findall(text.lower())))


def _steps(run: str) -> range:
    return range(max(1, len(run) - 1))


def _by_pairs(words: str, known: Iterable[Article]) -> list[Hit]:
    sought = pairs(words)
    scored = [(_score(sought, article), article) for article in known]
    best = sorted((each for each in scored if each[0] > (0.5, 0)), key=lambda each: each[0], reverse=True)
    return [Hit(article, _excerpt(sought, article.text)) for _score_, article in best]


def _score(sought: Sequence[str], article: Article) -> tuple[float, int]:
    """(share of the pairs that are there, how often: the title counts most, the text three times at most)"""
    about = article.summary + " ".join(heading.title for heading in article.headings)
    title, about, body = article.title.lower(), about.lower(), article.text.lower()
    each = [8 * (pair in title) + 4 * (pair in about) + min(3, body.count(pair)) for pair in sought]
    return sum(n > 0 for n in each) / max(1, len(each)), sum(each)


def _excerpt(sought: Sequence[str], text: str) -> SafeString:
    """The text around the place with the most of what is sought."""
    places = [match.start() for pair in sought for match in re.finditer(re.escape(pair), text.lower())]
    if not places:
        return SafeString(escape(Truncator(text).chars(2 * AROUND)))
    best = max(places, key=lambda place: (sum(abs(other - place) < AROUND for other in places), -place))
    begin, end = max(0, best - AROUND), min(len(text), best + AROUND)
    part = _highlighted(sought, text[begin:end])
    return _marked(f"{'…' if begin else ''}{part}{'…' if end < len(text) else ''}")


def _highlighted(sought: Sequence[str], text: str) -> str:
    """Signs of overlapping pairs are marked as one."""
    lower = text.lower()
    hit = {i for p in sought for m in re.finditer(re.escape(p), lower) for i in range(m.start(), m.end())}
    signs = [(i in hit, i - 1 in hit, sign) for i, sign in enumerate(text)]
    begun = "".join(
        (BEGIN if now > before else END if before > now else "") + sign for now, before, sign in signs
    )
    return begun + (END if len(text) - 1 in hit else "")
