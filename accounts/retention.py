"""How long what is kept, why, and who deletes it: one table for the pages, for staff and for the code.

It lies below the models, which take their times from it. What a task deletes, the app that owns it registers
in `config.registry.retention`; `accounts.retain` (retaining.py) carries it out and notes when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from config.runs.idempotency import KEPT as KEYS

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

HOURLY, DAILY = _("an hourly task"), _("a daily task")
AT_ONCE, OWNER, OPERATOR = _("the step that used it, at once"), _("you"), _("the operator")


@dataclass(frozen=True)
class Rule:
    """`kept` is a time, or else a sentence. `every` says how often a task looks; None: no task deletes it."""

    code: str
    what: Any
    kept: timedelta | Any
    why: Any
    by: Any = HOURLY

    @property
    def every(self) -> timedelta | None:
        return HOUR if self.by is HOURLY else DAY if self.by is DAILY else None

    @property
    def time(self) -> str:
        """As the pages say it."""
        return in_words(self.kept) if isinstance(self.kept, timedelta) else str(self.kept)


def in_words(time: timedelta) -> str:
    """Whole days, hours or minutes."""
    minutes = int(time.total_seconds()) // 60
    if minutes >= 24 * 60:
        return ngettext("%(n)d day", "%(n)d days", minutes // 1440) % {"n": minutes // 1440}
    if minutes >= 60:
        return ngettext("%(n)d hour", "%(n)d hours", minutes // 60) % {"n": minutes // 60}
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def _after(text: Any, time: timedelta) -> Any:
    """`text` with the time in words, put together when it is read."""
    return lazy(lambda: str(text) % {"time": in_words(time)}, str)()


TRAINED = 30 * DAY  # after the last training, where the owner chose it
RECEIPT = 7 * DAY  # the address of an erased account, even if no receipt could be sent

YOURS = (
    Rule(
        "uploads",
        _("The file that you upload"),
        _("until it has been checked, usually seconds"),
        _("Only the check needs it. What stays is a clean copy without place, time and camera."),
        AT_ONCE,
    ),
    Rule(
        "broken_uploads",
        _("What arrived of a photo before its upload broke off"),
        DAY,
        _("So that the upload can go on where it stopped."),
    ),
    Rule(
        "refused_photos",
        _("The name of a refused photo, and why it was refused"),
        DAY,
        _("So that you can read why, and choose another one. The photo itself goes at once."),
    ),
    Rule(
        "photos",
        _("The photos of your twins, as clean copies, and the measurements of the face in them"),
        _("until you delete them or the twin; the measurements also end with your consent"),
        _("Twins are trained from them, and results are compared with them."),
        OWNER,
    ),
    Rule(
        "trained_photos",
        _("These photos, if you chose in your account that they go after the training"),
        _after(_("%(time)s after their last training"), TRAINED),
        _("It is your choice: a trained twin makes pictures without them."),
    ),
    Rule(
        "selfies",
        _("The pictures of a live selfie"),
        DAY,
        _("They prove that a living person with this face agrees. The result of the check stays."),
    ),
    Rule(
        "age_documents",
        _("A document that proves your age"),
        7 * DAY,
        _("A person looks at it. It is deleted with the decision, and at the latest after this time."),
    ),
    Rule(
        "twins",
        _("Trained models of your appearance"),
        _("until you delete the twin, or withdraw the consent"),
        _("Your pictures are made with them."),
        OWNER,
    ),
    Rule(
        "pictures",
        _("Your pictures, albums, words and ratings"),
        _("until you delete them"),
        _("They are what you came for."),
        OWNER,
    ),
    Rule(
        "published",
        _("Pictures that you published, likes and comments"),
        _("until you withdraw them; gone from every copy within a minute"),
        _("You wanted everybody to see them."),
        OWNER,
    ),
    Rule(
        "plan_pictures",
        _("Pictures in a plan with a time limit"),
        _("as long as the plan says"),
        _("The plan says so before you choose it."),
        DAILY,
    ),
    Rule(
        "changes",
        _("What pictures were like before a change of many at once"),
        timedelta(minutes=30),
        _("So that you can undo it."),
    ),
    Rule("names", _("Changes of people's names"), 30 * DAY, _("So that you can undo them.")),
    Rule(
        "searches",
        _("A picture that you search with"),
        timedelta(minutes=10),
        _("Only the search needs it. It usually goes with the answer."),
    ),
    Rule(
        "notices",
        _("What we told you: notifications in the app"),
        90 * DAY,
        _("So that you can read again what happened."),
    ),
    Rule(
        "tickets",
        _("Your conversations with us, with the pictures that you attached, once they are closed"),
        365 * DAY,
        _("So that you and we can read again what was said."),
        DAILY,
    ),
    Rule(
        "held_mails",
        _("E-mails to us that belong to no conversation"),
        30 * DAY,
        _("So that a person can look at them."),
        DAILY,
    ),
    Rule(
        "enquiries",
        _("A message to us without an account that nobody confirmed by the link in the e-mail"),
        7 * DAY,
        _("So that there is time to open the link."),
        DAILY,
    ),
    Rule(
        "archives",
        _("An archive of your data"),
        7 * DAY,
        _("So that you have time to download it. It holds everything, so it does not stay longer."),
    ),
)
ACCOUNT = (
    Rule(
        "sessions",
        _("Log-ins: address, browser and time"),
        timedelta(seconds=settings.SESSION_COOKIE_AGE),
        _("So that you stay logged in, see where, and can end it."),
    ),
    Rule(
        "counts",
        _("Counts of wrong passwords and of requests"),
        DAY,
        _("So that nobody can guess passwords or flood the site."),
    ),
    Rule(
        "codes",
        _("Phone numbers that a code was sent to, with the time"),
        DAY,
        _("So that nobody floods a number with codes, or guesses one."),
    ),
    Rule(
        "keys",
        _("The keys of repeated requests"),
        KEYS,
        _("So that a request that was sent twice is done once."),
    ),
    Rule(
        "api_keys",
        _("An API key that another one replaced"),
        DAY,
        _("So that both work while you put the new one in its place."),
    ),
    Rule(
        "deliveries",
        _("What your webhooks were sent, with each try"),
        30 * DAY,
        _("So that you see what went wrong, and can send it again."),
    ),
    Rule(
        "consents",
        _("What you agreed to, and what you withdrew"),
        _("as long as the account"),
        _("It proves what you agreed to, and when."),
        OWNER,
    ),
    Rule(
        "standing",
        _("Your strikes, and suspensions of your account"),
        _("as long as the account"),
        _("So that what repeats can be seen. A strike stops counting long before."),
        OWNER,
    ),
    Rule(
        "receipts",
        _("The e-mail address of an erased account"),
        _after(_("until the receipt is sent, at most %(time)s"), RECEIPT),
        _("So that you get the receipt."),
        AT_ONCE,
    ),
    Rule(
        "requests",
        _("A request about privacy that nobody confirmed by the link in the e-mail"),
        7 * DAY,
        _("So that there is time to open the link."),
    ),
    Rule(
        "answered_requests",
        _("Requests about privacy, with address and answer"),
        730 * DAY,
        _("The law asks for a record of requests and answers for two years."),
    ),
)
OURS = (
    Rule(
        "orphans",
        _("Files that nothing refers to any more, after a crash"),
        DAY,
        _("A younger file may belong to work that is not finished yet."),
        DAILY,
    ),
    Rule(
        "staff_log",
        _("The log of the staff's pages"),
        90 * DAY,
        _("To find mistakes. The decisions themselves are in the record below."),
    ),
    Rule(
        "decisions",
        _("The record of the staff's decisions and looks"),
        _("it stays; once the account is erased, it names nobody"),
        _("So that abuse can be found and proved."),
        OPERATOR,
    ),
    Rule(
        "case_contacts",
        _("Name, e-mail address and words of who reported a picture or asked for its removal, once decided"),
        180 * DAY,
        _("So that we can tell the outcome and look at an appeal. The number and the decision stay."),
        DAILY,
    ),
    Rule(
        "blocked",
        _("The fingerprint of a picture that was taken down, without the picture"),
        _("it stays"),
        _("So that the picture cannot come back."),
        OPERATOR,
    ),
    Rule("logs", _("Log files of the servers"), 90 * DAY, _("To find faults and attacks."), OPERATOR),
    Rule(
        "payments",
        _("Payments, invoices and credits"),
        _("as long as tax law asks; once the account is erased, under a number that names nobody"),
        _("Tax law asks for it."),
        OPERATOR,
    ),
    Rule(
        "backups",
        _("Backups, encrypted"),
        30 * DAY,
        _("To restore the service. Accounts that were erased are erased again before it starts."),
        OPERATOR,
    ),
)
GROUPS = ((_("What is yours"), YOURS), (_("Your account"), ACCOUNT), (_("The service"), OURS))
RULES = {rule.code: rule for _title, rules in GROUPS for rule in rules}


def kept(code: str) -> timedelta:
    """The time of a rule that has one."""
    time = RULES[code].kept
    assert isinstance(time, timedelta), code
    return time


def carried_out() -> list[Rule]:
    """Those that a task carries out."""
    return [rule for rule in RULES.values() if rule.every]
