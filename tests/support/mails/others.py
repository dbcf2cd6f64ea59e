"""E-mails that are no simple answer: of programs, of strangers, forged, to what is closed."""

from __future__ import annotations

from tests.support.mails.shape import HEAD, PLAIN, Mail, headed

STRANGER = HEAD.replace("@ALICE@", "mallory@elsewhere.example")
UNSIGNED = HEAD.replace("@REPLY@", "support@example.com")
FORGED = HEAD.replace("@REPLY@", "support+@NUMBER@-00000000000000000000@example.com")
WORDS = PLAIN + "Please help.\n"

AUTOMATIC = (
    headed("auto-replied", "Auto-Submitted: auto-replied"),
    headed("auto-generated", "Auto-Submitted: auto-generated; owner-email=x@y.example"),
    headed("said not to be automatic", "Auto-Submitted: no", "taken", text="I am away until Monday."),
    headed("precedence", "Precedence: bulk"),
    headed("x-autoreply", "X-Autoreply: yes"),
    headed("exchange", "X-Auto-Response-Suppress: All"),
    headed("a list", "List-Id: <news.example.com>"),
    Mail(
        "out of office",
        HEAD.replace("Re: It fails", "Out of office: Re: It fails") + WORDS,
        verdict="automatic",
    ),
    Mail("away in German", HEAD.replace("Re: It fails", "Abwesenheitsnotiz: x") + WORDS, verdict="automatic"),
    Mail(
        "away in Spanish",
        HEAD.replace("Re: It fails", "Respuesta automática: x") + WORDS,
        verdict="automatic",
    ),
    Mail(
        "away in Chinese",
        HEAD.replace("Re: It fails", "=?utf-8?B?6Ieq5Yqo5Zue5aSNOiB4?=") + WORDS,
        verdict="automatic",
    ),
    Mail(
        "a bounce",
        HEAD.replace("@ALICE@", "MAILER-DAEMON@x.example")
        + 'Content-Type: multipart/report; boundary="r"\n\n'
        "--r\nContent-Type: text/plain\n\nNo such person.\n--r--\n",
        verdict="automatic",
    ),
    headed("a bounce without a sender", "Return-Path: <>"),
    Mail(
        "our own",
        HEAD.replace("Alice <@ALICE@>", "PhotoFlux <no-reply@example.com>") + WORDS,
        verdict="automatic",
    ),
)
HELD = (
    Mail("from another address", STRANGER + WORDS, "Please help.", "held", reason="sender"),
    Mail(
        "from two addresses",
        HEAD.replace("@ALICE@", "@ALICE@>, <m@x.example") + WORDS,
        "Please help.",
        "held",
        reason="sender",
    ),
    Mail("without a sender", HEAD.partition("\n")[2] + WORDS, "Please help.", "held", reason="sender"),
    Mail("a new one", UNSIGNED + WORDS, "Please help.", "held", reason="new"),
    Mail("a forged address", FORGED + WORDS, "Please help.", "held", reason="forged"),
    Mail(
        "a forged Message-ID",
        UNSIGNED + f"In-Reply-To: <t-@SIGNS@.{'0' * 32}.{'0' * 20}@example.com>\n" + WORDS,
        "Please help.",
        "held",
        reason="forged",
    ),
    Mail(
        "the number alone in the subject",
        UNSIGNED.replace("It fails", "It fails [T-@SIGNS@]") + WORDS,
        "Please help.",
        "held",
        reason="new",
    ),
    Mail("nothing of its own", HEAD + PLAIN + "> all\n> quoted\n", "", "held", reason="empty"),
)
FOUND = (
    Mail("by In-Reply-To alone", UNSIGNED + "In-Reply-To: @ID@\n" + WORDS, "Please help."),
    Mail("by References alone", UNSIGNED + "References: <a@b.example> @ID@\n" + WORDS, "Please help."),
    Mail("the address in capitals", HEAD.replace("@REPLY@", "@CAPITALS@") + WORDS, "Please help."),
    Mail("delivered by a list of addresses", UNSIGNED + "Cc: x@y.example, @REPLY@\n" + WORDS, "Please help."),
    Mail("to a closed conversation", HEAD + WORDS, "Please help.", "followed", closed=True),
    Mail(
        "without a Message-ID", HEAD.replace("Message-ID: <one@mail.example>\n", "") + WORDS, "Please help."
    ),
    Mail(
        "a broken subject",
        HEAD.replace("Re: It fails", "=?utf-8?B?!!!?= =?x?q?=zz?=") + WORDS,
        "Please help.",
    ),
    Mail("a broken address beside ours", UNSIGNED + 'Cc: "unended <x@, @REPLY@\n' + WORDS, "Please help."),
)
OTHERS = AUTOMATIC + HELD + FOUND
