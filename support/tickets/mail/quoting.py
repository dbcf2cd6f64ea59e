"""Takes out of an answer by e-mail what its writer did not write: quotes, headers of quotes, signatures.

What is not recognised stays: a line too much is better than a word lost.
"""

from __future__ import annotations

import re

MARK = "##-"  # our e-mails begin with a line between two of these
WIDEST = 3  # lines that a mail program breaks the line above a quote into

# "On 29 November 2026, Ana wrote:" in the languages of mail programs. Each also needs a digit.
ABOVE_QUOTE = re.compile(
    r"On\b.{5,250}\bwrote\s?:"
    r"|Am\b.{5,250}\bschrieb\b.{0,120}:"
    r"|El\b.{5,250}\bescribió\s?:"
    r"|Le\b.{5,250}\ba écrit\s?:"
    r"|Il\b.{5,250}\bha scritto\s?:"
    r"|Em\b.{5,250}\bescreveu\s?:"
)
# Without a word to begin with: on one line alone.
ON_ONE_LINE = re.compile(r".{0,150}[于在於].{4,180}[写寫]道\s?[:：]|.{4,200}<[^<>@\s]+@[^<>@\s]+>\s?[:：]")
DIVIDER = re.compile(
    r"[-_]{2,}\s*(original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht"
    r"|mensaje original|mensaje reenviado|message d'origine|原始邮件|原始郵件|转发的邮件)\s*[-_]{2,}",
    re.IGNORECASE,
)
RULE = re.compile(r"_{20,}")  # Outlook draws it above the header of a quote
FIRST = re.compile(r"\*?(From|Von|De|发件人|寄件者)\s?\*?\s?[:：]\s?\*?\s?\S", re.IGNORECASE)
REST = re.compile(
    r"\*?(Sent|Date|To|Cc|Subject|Gesendet|Datum|An|Betreff|Enviado( el)?|Fecha|Para|Asunto"
    r"|发送时间|日期|时间|收件人|抄送|主题)\s?\*?\s?[:：]",
    re.IGNORECASE,
)
DEVICE = re.compile(
    r"(sent from my .{2,40}|sent from .{2,20} for .{2,30}|get outlook for .{2,30}"
    r"|sent with (proton|spark|mailbird).{0,40}"
    r"|von meinem .{2,40} gesendet|gesendet (von|mit) .{2,40}|outlook für .{2,30} (beziehen|herunterladen)"
    r"|enviado desde .{2,40}|obtener outlook para .{2,30}"
    r"|发自我的.{1,30}|发自.{1,30}|获取 ?outlook.{1,30}|从 ?.{1,30}发送)[.。]?(\s?<[^<>]*>)?",
    re.IGNORECASE,
)
AFTER_DEVICE = 2  # lines that may still belong to a signature


def own_words(text: str) -> str:
    lines = [line.rstrip() if line != "-- " else line for line in text.replace("\xa0", " ").splitlines()]
    lines = _before_rest(lines)
    lines = _without_quotes(lines)
    return "\n".join(_before_signature(lines)).strip()


def _before_rest(lines: list[str]) -> list[str]:
    """Up to where everything below is the earlier e-mail."""
    for i, line in enumerate(lines):
        plain = line.strip()
        header = _is_header(lines, i)
        ruled = bool(RULE.fullmatch(plain)) and any(_is_header(lines, i + n) for n in (1, 2))
        marked = MARK in plain and plain.count(MARK[:2]) > 1
        if header or ruled or marked or DIVIDER.fullmatch(plain):
            return lines[:i]
    return lines


def _is_header(lines: list[str], at: int) -> bool:
    """Whether the header of a quoted e-mail begins here: From, and two others below it."""
    if at >= len(lines) or not FIRST.match(lines[at].strip()):
        return False
    return sum(bool(REST.match(line.strip())) for line in lines[at + 1 : at + 7]) >= 2


def _without_quotes(lines: list[str]) -> list[str]:
    """Without quoted lines and the lines above them. Answers between quotes stay."""
    kept: list[str] = []
    i = 0
    while i < len(lines):
        width = _above_quote(lines, i)
        below = next((line for line in lines[i + width :] if line.strip()), "") if width else ""
        if width and below and not _quoted(below):
            break  # a program that marks no quote: all that follows is one
        if width:
            i += width
        else:
            if not _quoted(lines[i]):
                kept.append(lines[i])
            i += 1
    return kept


def _quoted(line: str) -> bool:
    return line.lstrip().startswith((">", "＞", "|>"))


def _above_quote(lines: list[str], at: int) -> int:
    """How many lines from here on are the line above a quote; 0 for none."""
    if _quoted(lines[at]):
        return 0
    joined = lines[at].strip()
    if ON_ONE_LINE.fullmatch(joined) and re.search(r"\d", joined):
        return 1
    for width in range(1, WIDEST + 1):
        if ABOVE_QUOTE.fullmatch(joined) and re.search(r"\d", joined):
            return width
        joined += " " + (lines[at + width].strip() if at + width < len(lines) else "")
    return 0


def _before_signature(lines: list[str]) -> list[str]:
    for i, line in enumerate(lines):
        if line in ("-- ", "--"):
            return lines[:i]
        after = sum(bool(each.strip()) for each in lines[i + 1 :])
        if DEVICE.fullmatch(line.strip()) and after <= AFTER_DEVICE:
            return lines[:i]
    return lines
