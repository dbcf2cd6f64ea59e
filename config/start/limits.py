"""How often what may be done: the one table, for the pages, the API and the codes by SMS.

`LIMITS=restorations=20/h,codes.phone=3/h` in the environment changes rows: NAME or NAME.COLUMN, and a rate
like 20/h (s, m, h, d). Of a column with several rates the first is changed. 0/h closes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.start import env

RATE = re.compile(r"^\d+/[smhd]$")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Limit:
    """Each column is a rate, or several with commas; "" does not limit."""

    title: Any
    user: str = ""  # by one person, or from one network where nobody is logged in
    address: str = ""  # from one network, whoever is logged in there
    key: str = ""  # by one API key
    phone: str = ""  # to one phone number
    block: str = ""  # to a thousand numbers that differ in their last three digits

    def rates(self, column: str) -> list[tuple[int, int]]:
        """(how many, in how many seconds) of each rate in a column."""
        found = [rate.partition("/") for rate in getattr(self, column).split(",") if rate]
        return [(int(number), SECONDS[unit]) for number, _slash, unit in found]


ROWS = {
    "passkeys": Limit(_("Passkeys asked for"), "60/h"),
    "generations": Limit(_("Pictures, repairs and headshots asked for"), "120/h"),
    "demonstration": Limit(_("Free drafts of the demonstration person"), address="60/d"),
    "trainings": Limit(_("Trainings"), "30/h"),
    "restorations": Limit(_("Restorations"), "10/h", address="30/h"),
    "milder": Limit(_("Milder versions of restorations"), "60/h"),
    "twins": Limit(_("New twins"), "60/h"),
    "photos": Limit(_("Photos sent"), "300/h"),
    "pieces": Limit(_("Pieces of uploads"), "6000/h"),
    "selfies": Limit(_("Live selfies"), "60/h"),
    "challenges": Limit(_("Live selfies begun"), "30/h"),
    "selfie_links": Limit(_("Links to take a selfie on a phone"), "30/h"),
    "invited": Limit(_("Answers to an invitation to a twin"), "60/h"),
    "avatars": Limit(_("Avatars drawn anew"), "60/h"),
    "corrections": Limit(_("Corrections of an avatar"), "600/h"),
    "framing": Limit(_("Hints of the camera"), "60/m"),
    "drawings": Limit(_("Views of avatars"), "3000/h"),
    "presets": Limit(_("Presets saved"), "120/h"),
    "sessions": Limit(_("New sessions"), "120/h"),
    "sessions_repeat": Limit(_("Sessions made again"), "30/h"),
    "keep": Limit(_("Headshots kept"), "120/h"),
    "edits": Limit(_("Edits of pictures"), "240/h"),
    "bulk": Limit(_("Changes of many pictures at once"), "240/h"),
    "stacks": Limit(_("Changes of stacks"), "240/h"),
    "delete": Limit(_("Deletions"), "60/h"),
    "albums": Limit(_("New albums"), "120/h"),
    "faces": Limit(_("Searches by face"), "120/h"),
    "people": Limit(_("Changes of people's names"), "600/h"),
    "feedback": Limit(_("Ratings of pictures"), "600/h"),
    "shares": Limit(_("Links to pictures"), "120/h"),
    "shared_files": Limit(_("Pictures looked at behind links"), "1200/m"),
    "shared_cards": Limit(_("Previews of links"), "120/m"),
    "publish": Limit(_("Pictures submitted to the public gallery"), "60/h"),
    "public_files": Limit(_("Public pictures looked at"), "1200/m"),
    "likes": Limit(_("Likes"), "600/h"),
    "comments": Limit(_("Comments"), "60/h"),
    "lock": Limit(_("Pictures locked"), "240/h"),
    "locked": Limit(_("Tries to open the locked area"), "30/h"),
    "exports": Limit(_("Archives"), "20/h"),
    "erasure": Limit(_("Tries to erase the account"), "20/h"),
    "privacy_request": Limit(_("Requests about privacy"), "10/h", address="10/h"),
    "push_subscriptions": Limit(_("Devices for notifications"), "60/h"),
    "api_keys": Limit(_("Changes of API keys"), "30/h"),
    "webhooks": Limit(_("Changes of webhooks"), "60/h"),
    "webhooks_send": Limit(_("Tests and replays of webhooks"), "60/h"),
    "checkout": Limit(_("Purchases begun"), "30/h"),
    "reports": Limit(_("Reports"), "30/h"),
    "takedowns": Limit(_("Takedown notices"), "10/h"),
    "takedown_status": Limit(_("Questions how a takedown stands"), "60/h"),
    "appeals": Limit(_("Appeals"), "10/h"),
    "ages": Limit(_("Proofs of age"), "10/h"),
    "verify": Limit(_("Files checked"), "60/h"),
    "product-feedback": Limit(_("Feedback about the product"), "20/h", address="60/h"),
    "tickets": Limit(_("Conversations begun with us"), "10/h", address="30/h"),
    "enquiries": Limit(_("Messages to us without an account"), "5/h", address="10/h"),
    "ticket_messages": Limit(_("Messages to us"), "60/h"),
    "help_search": Limit(_("Searches of the help"), "60/m"),
    "help_votes": Limit(_("Answers about articles of the help"), "30/h", address="120/h"),
    "codes": Limit(_("Codes by SMS"), phone="5/h,10/d", address="10/h,30/d", block="20/h,60/d"),
    "code_mails": Limit(_("Codes by e-mail"), phone="5/h,10/d", address="10/h,30/d"),
    "code_guesses": Limit(_("Codes typed"), address="60/h"),
}


def table() -> Mapping[str, Limit]:
    found = ROWS | {"api-key": Limit(_("Calls by an API key"), key=env.text("API_KEY_RATE", "600/m"))}
    for name, rate in env.pairs("LIMITS", "=").items():
        group, _dot, column = name.partition(".")
        old = getattr(found.get(group), column or "user", "")
        if not old or not isinstance(old, str) or not RATE.match(rate):
            raise env.Misconfigured(
                f"LIMITS: “{name}={rate}” names no row and column of config/start/limits.py"
            )
        rates = ",".join([rate, *old.split(",")[1:]])
        found[group] = replace(found[group], **{column or "user": rates})
    return found
