"""How an e-mail of the table is written: @REPLY@ is the signed address, @ID@ our Message-ID, @ALICE@ hers."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = "From: Alice <@ALICE@>\nTo: @REPLY@\nSubject: Re: It fails\nMessage-ID: <one@mail.example>\n"
PLAIN = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
HTML = PLAIN.replace("plain", "html")


@dataclass(frozen=True)
class Mail:
    """`verdict` of receiving.Verdict; `text` and `pictures` of the message, or of the held e-mail. `reason`:
    why it is held. `closed`: whether the conversation is closed before."""

    name: str
    raw: str | bytes
    text: str = ""
    verdict: str = "taken"
    pictures: int = 0
    left_out: int = 0
    reason: str = ""
    closed: bool = False


def plain(name: str, body: str, text: str = "It works now.\nThank you!") -> Mail:
    return Mail(name, HEAD + PLAIN + body, text)


def html(name: str, body: str, text: str = "It works now.\nThank you!") -> Mail:
    return Mail(name, HEAD + HTML + body, text)


def headed(name: str, header: str, verdict: str = "automatic", **more: str) -> Mail:
    """A plain answer with one more header."""
    return Mail(name, f"{header}\n{HEAD}{PLAIN}I am away until Monday.\n", verdict=verdict, **more)  # type: ignore[arg-type]
