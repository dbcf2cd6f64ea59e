"""Runs an erasure that is killed before its first statement, then before its statement 1 + STRIDE, and so on,
until one run reaches the end.

`python -m tests.accounts.mortal_erasure ID STRIDE` prints how often it was killed. The parent process has no
database connection.
"""

from __future__ import annotations

import sys

import django

from tests.mortal import die_at, in_child, load_tasks


def main(ident: str, stride: str) -> int:
    django.setup()
    load_tasks()
    from accounts.tasks import erase

    killed = 0
    while in_child(lambda at=1 + killed * int(stride): (die_at(at), erase(ident))):
        killed += 1
    print(killed)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
