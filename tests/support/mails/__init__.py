"""E-mails as mail programs write them, with what shall become of each. All are our own."""

from __future__ import annotations

from tests.support.mails.others import OTHERS
from tests.support.mails.replies import REPLIES

MAILS = REPLIES + OTHERS
