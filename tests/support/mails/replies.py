"""Answers whose own words must be found: quotes, signatures, HTML, encodings."""

from __future__ import annotations

from base64 import b64encode

from tests.conftest import jpeg
from tests.support.mails.shape import HEAD, HTML, PLAIN, Mail, html, plain

OWN = "It works now.\nThank you!\n\n"
OURS = "##- Write your answer above this line -##\n\nPlease try it again.\n\n– – –\nYour conversation"
QUOTED = "".join(f"> {line}\n" for line in OURS.splitlines())
ALTERNATIVE = 'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="b"\n\n'
MIXED = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="m"\n\n'
PICTURE = b64encode(jpeg(5, (200, 200))).decode()


def attached(data: str, name: str = "screen.jpg", kind: str = "image/jpeg", how: str = "attachment") -> str:
    return (
        f'--m\nContent-Type: {kind}; name="{name}"\nContent-Transfer-Encoding: base64\n'
        f'Content-Disposition: {how}; filename="{name}"\n\n{data}\n'
    )


QUOTES = (
    plain("nothing quoted", OWN),
    plain("gmail", f"{OWN}On Sun, Nov 29, 2026 at 3:04 PM PhotoFlux <support@x.example> wrote:\n\n{QUOTED}"),
    plain(
        "gmail, broken over two lines",
        f"{OWN}On Sun, 29 Nov 2026 at 15:04, PhotoFlux <support+t23456789-0123456789abcdef0123@x.example>\n"
        f"wrote:\n\n{QUOTED}",
    ),
    plain(
        "gmail in German",
        f"{OWN}Am So., 29. Nov. 2026 um 15:04 Uhr schrieb PhotoFlux <s@x.example>:\n{QUOTED}",
    ),
    plain(
        "gmail in Spanish",
        f"{OWN}El dom, 29 nov 2026 a las 15:04, PhotoFlux (<s@x.example>) escribió:\n\n{QUOTED}",
    ),
    plain("gmail in Chinese", f"{OWN}PhotoFlux <s@x.example> 于2026年11月29日周日 15:04写道：\n\n{QUOTED}"),
    plain(
        "gmail in French", f"{OWN}Le dim. 29 nov. 2026 à 15:04, PhotoFlux <s@x.example> a écrit :\n{QUOTED}"
    ),
    plain("apple mail", f"{OWN}> On 29. Nov 2026, at 15:04, PhotoFlux <s@x.example> wrote:\n> \n{QUOTED}"),
    plain(
        "apple mail in Spanish",
        f"{OWN}El 29 nov 2026, a las 15:04, PhotoFlux <s@x.example> escribió:\n\n{QUOTED}",
    ),
    plain("thunderbird", f"{OWN}On 29.11.26 15:04, PhotoFlux wrote:\n{QUOTED}"),
    plain("thunderbird in German", f"{OWN}Am 29.11.26 um 15:04 schrieb PhotoFlux:\n{QUOTED}"),
    plain(
        "outlook",
        f"{OWN}________________________________\nFrom: PhotoFlux <s@x.example>\nSent: Sunday, 29 November\n"
        f"To: Alice\nSubject: Re: It fails\n\n{OURS}",
    ),
    plain(
        "outlook in German, without a rule",
        f"{OWN}Von: PhotoFlux <s@x.example>\nGesendet: Sonntag, 29. November 2026 15:04\nAn: Alice\n"
        f"Betreff: Re: It fails\n\n{OURS}",
    ),
    plain(
        "outlook in Spanish",
        f"{OWN}De: PhotoFlux <s@x.example>\nEnviado el: domingo, 29 de noviembre de 2026\nPara: Alice\n"
        f"Asunto: Re: It fails\n\nPlease try it again.",
    ),
    plain(
        "outlook in Chinese",
        f"{OWN}发件人: PhotoFlux <s@x.example>\n发送时间: 2026年11月29日\n收件人: Alice\n主题: Re\n\n再试",
    ),
    plain("outlook of old", f"{OWN}-----Original Message-----\nFrom: PhotoFlux\n\nPlease try it again."),
    plain("qq mail", f"{OWN}------------------ 原始邮件 ------------------\n发件人: PhotoFlux\n\n再试"),
    plain("163 mail", f"{OWN}在 2026-11-29 15:04:00，PhotoFlux <s@x.example> 写道：\n{QUOTED}"),
    plain(
        "yahoo, which marks no quote",
        f"{OWN}On Sunday, November 29, 2026, PhotoFlux <s@x.example> wrote:\n\nTry.",
    ),
    plain("above our line alone", OWN + OURS),
    plain(
        "answers between the quotes",
        "On 29.11.26 15:04, PhotoFlux wrote:\n> Which browser?\nFirefox.\n> Which page?\nThe studio.\n",
        "Firefox.\nThe studio.",
    ),
    plain("below the quote", f"On 29.11.26 15:04, PhotoFlux wrote:\n> Please try it again.\n\n{OWN}"),
    plain(
        "words that look like a quote's head",
        "On the page I wrote:\na name, twice.",
        "On the page I wrote:\na name, twice.",
    ),
    plain("from: in the words", "From: the studio\nit fails.", "From: the studio\nit fails."),
)
SIGNED = (
    plain("a signature", f"{OWN}-- \nAlice Example\n+1 555 0100"),
    plain(
        "an iPhone", f"{OWN}Sent from my iPhone\n\n> On 29 Nov 2026, at 15:04, PhotoFlux wrote:\n>\n{QUOTED}"
    ),
    plain(
        "a phone in German",
        f"{OWN}Von meinem iPhone gesendet\n\nAm 29.11.2026 um 15:04 schrieb PhotoFlux:\n{QUOTED}",
    ),
    plain("a phone in Chinese", f"{OWN}发自我的 iPhone\n"),
    plain("outlook for a phone", f"{OWN}Get Outlook for Android<https://aka.example/x>\n"),
)
AS_HTML = (
    html("html of gmail", '<div dir="ltr">It works now.<br>Thank you!</div><br><div class="gmail_quote">'
         '<div class="gmail_attr">On Sun wrote:</div><blockquote>Please try</blockquote></div>'),
    html("html of outlook", "<html><head><style>p{margin:0}</style></head><body><div>It works now.</div>"
         '<div>Thank you!</div><div id="appendonsend"></div><div id="divRplyFwdMsg"><b>From:</b> x</div>'),
    html("html of apple mail", "<body>It works now.<div>Thank you!</div><div><br><blockquote type=cite>"
         "<div>On 29 Nov</div><blockquote>deep</blockquote></blockquote></div></body>"),
    html("html of thunderbird", '<p>It works now.<br>Thank you!</p><div class="moz-cite-prefix">Am 29.11.26 '
         "schrieb x:</div><blockquote>Please</blockquote>"),
    html("html with a script", "<script>alert(1)</script>It works &lt;now&gt;.<br>Thank&nbsp;you!",
         "It works <now>.\nThank you!"),
)  # fmt: skip
ENCODED = (
    Mail(
        "plain and html",
        f"{HEAD}{ALTERNATIVE}--b\n{PLAIN.partition(chr(10))[2]}It works now.\nThank you!\n--b\n"
        f"{HTML.partition(chr(10))[2]}<b>other</b>\n--b--\n",
        "It works now.\nThank you!",
    ),
    Mail(
        "an empty plain part",
        f"{HEAD}{ALTERNATIVE}--b\n{PLAIN.partition(chr(10))[2]} \n--b\n"
        f"{HTML.partition(chr(10))[2]}It works.\n--b--\n",
        "It works.",
    ),
    Mail(
        "quoted-printable in latin-1",
        HEAD + "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
        "El a=F1o pasado fall=F3=\n tambi=E9n.\n",
        "El año pasado falló también.",
    ),
    Mail(
        "gb2312 in base64",
        HEAD
        + "Content-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: base64\n\n"
        + b64encode("可以了，谢谢。".encode("gb18030")).decode(),
        "可以了，谢谢。",
    ),
    Mail(
        "format=flowed",
        HEAD
        + "Content-Type: text/plain; charset=utf-8; format=flowed\n\nIt works \nnow.\nThanks!\n-- \nAlice",
        "It works now.\nThanks!",
    ),
    Mail(
        "an unknown charset", HEAD + "Content-Type: text/plain; charset=klingon\n\nIt works.\n", "It works."
    ),
    Mail("control characters", HEAD + PLAIN + "It\x00 wor\x1bks.\x07\n", "It works."),
    Mail("no header of content", HEAD + "\nIt works.\n", "It works."),
)
PICTURES = (
    Mail(
        "a picture",
        f"{HEAD}{MIXED}--m\n{PLAIN.partition(chr(10))[2]}See here.\n{attached(PICTURE)}--m--\n",
        "See here.",
        pictures=1,
    ),
    Mail("a picture alone", f"{HEAD}{MIXED}{attached(PICTURE)}--m--\n", "", pictures=1),
    Mail(
        "a broken picture and a logo",
        f"{HEAD}{MIXED}--m\n{PLAIN.partition(chr(10))[2]}See here.\n{attached('bm8=')}"
        f"{attached('bm8=', 'image001.png', 'image/png', 'inline')}--m--\n",
        "See here.",
        left_out=1,
    ),
    Mail(
        "thirty pictures",
        f"{HEAD}{MIXED}{''.join(attached(PICTURE, f'{n}.jpg') for n in range(30))}--m--\n",
        pictures=5,
        left_out=25,
    ),
    Mail(
        "another e-mail attached",
        f"{HEAD}{MIXED}--m\n{PLAIN.partition(chr(10))[2]}See here.\n--m\nContent-Type: message/rfc822\n\n"
        f"From: x@y.example\n\nNot mine.\n--m--\n",
        "See here.",
    ),
)
REPLIES = QUOTES + SIGNED + AS_HTML + ENCODED + PICTURES
