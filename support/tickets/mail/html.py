"""The words of an e-mail that is HTML, without what mail programs mark as quoted."""

from __future__ import annotations

from html.parser import HTMLParser

MOST = 1_000_000  # signs that are read
UNSEEN = {"head", "style", "script", "title", "blockquote", "template"}
BLOCKS = {"p", "div", "li", "tr", "ul", "ol", "table", "pre", "h1", "h2", "h3", "h4", "hr"}
VOID = {"br", "img", "hr", "meta", "link", "input", "wbr", "base", "col"}
# Classes of elements with the quote or the signature in them.
QUOTES = {
    "gmail_quote",
    "gmail_attr",
    "gmail_signature",
    "moz-cite-prefix",
    "moz-signature",
    "yahoo_quoted",
    "protonmail_quote",
    "protonmail_signature_block",
    "tutanota_quote",
    "qmbox",
}
# Ids of elements from which on everything is the quote.
ENDS = {"divrplyfwdmsg", "appendonsend", "isreplycontent", "olk_src_body_section"}
ENDS |= {"mail-editor-reference-message-container", "x_divrplyfwdmsg"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.skipped = ""  # the name of the element that is left out
        self.depth = 0  # of elements of this name inside it
        self.over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: (value or "").lower() for name, value in attrs}
        if self.over:
            return
        if self.skipped:
            self.depth += tag == self.skipped and tag not in VOID
        elif told.get("id") in ENDS:
            self.over = True
        elif tag in UNSEEN or QUOTES & set(told.get("class", "").split()):
            self.skipped, self.depth = ("", 0) if tag in VOID else (tag, 1)
            self.parts.append("\n")
        elif tag in BLOCKS or tag == "br":
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.skipped:
            self.depth -= tag == self.skipped
            if not self.depth:
                self.skipped = ""
        elif tag in BLOCKS:
            self._break(tag)

    def _break(self, tag: str) -> None:
        """A block begins on a line of its own; `br` always ends one."""
        if tag == "br" or (self.parts and not self.parts[-1].endswith("\n")):
            self.parts.append("\n")
        if tag == "p" and self.parts[-1:] == ["\n"] and self.parts[-2:-1] != ["\n"]:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self.over or self.skipped:
            return
        words = " ".join(data.split())
        if words:
            before = " " if data[:1].isspace() and self.parts and not self.parts[-1].endswith("\n") else ""
            self.parts.append(before + words + (" " if data[-1:].isspace() else ""))


def words_of(html: str) -> str:
    reader = _Reader()
    reader.feed(html[:MOST])
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.parts).splitlines()]
    return "\n".join(line for line, before in zip(lines, ["", *lines]) if line or before).strip()
