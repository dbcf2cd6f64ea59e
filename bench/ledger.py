"""Measures whether the ledger stays fast as it grows: `python -m bench.ledger`.

Two databases, with 1,000 and with 1,000,000 entries, alternately run the same queries: a wallet's balance,
the first page of its movements, a hold and its settlement (rolled back). Each runs for a busy wallet (finally
100,000 entries in 60 lots) and for an ordinary one. Exits 1 when a balance or a page takes more than 1.5
times as long at 1,000,000 entries. Other times are only reported.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from bench.house import house
from bench.machine import machine

SIZES = (1_000, 1_000_000)
WALLETS, LOTS, BUSY, BUSY_LOTS = 1000, 12, 100_000, 60  # final numbers; the first wallet is the busy one
ROUNDS, WARM, MOST = 300, 50, 1.5
JUDGED = ("balance", "movements")
LEFT = 50  # credits in the last lot of each wallet

# Simulates years of use for each (wallet, entries, lots). A lot is a grant and jobs of one credit, held and
# captured. All lots but the last are spent. The wallets alternate. Triggers are off: sums become balances.
FILL = """
CREATE TEMP TABLE lots ON COMMIT DROP AS
    SELECT wallet, n, gen_random_uuid() AS lot, n = lots - 1 AS last,
        greatest((entries - lots) / 2 / lots, 1) AS jobs,
        CASE WHEN n = lots - 1 THEN %(now)s + interval '30 days'
            ELSE %(now)s - interval '30 days' * (lots - n) END AS expires_at
    FROM unnest(%(wallets)s::uuid[], %(entries)s::int[], %(lots)s::int[]) AS w (wallet, entries, lots),
        generate_series(0, lots - 1) AS n;
INSERT INTO billing_ledgeraccount (wallet, kind, lot, expires_at, balance)
    SELECT wallet, kind, lot, expires_at, CASE WHEN last AND kind = 'available' THEN %(left)s ELSE 0 END
    FROM lots, unnest(ARRAY['available', 'held']) AS kind ORDER BY n, wallet;
INSERT INTO billing_transfer (debit_id, credit_id, amount, kind, cause, lot, expires_at, wallet, created_at)
    SELECT CASE e.kind WHEN 'grant' THEN issued.id WHEN 'hold' THEN own.id ELSE held.id END,
        CASE e.kind WHEN 'grant' THEN own.id WHEN 'hold' THEN held.id ELSE earned.id END,
        CASE WHEN e.kind = 'grant' THEN jobs + CASE WHEN last THEN %(left)s ELSE 0 END ELSE 1 END,
        e.kind,
        CASE e.kind WHEN 'grant' THEN 'plan:' || l.lot ELSE 'image:' || md5(l.lot::text || j)::uuid END,
        l.lot, l.expires_at, l.wallet, %(now)s - interval '30 days'
    FROM lots AS l
    JOIN billing_ledgeraccount AS own ON (own.wallet, own.kind, own.lot) = (l.wallet, 'available', l.lot)
    JOIN billing_ledgeraccount AS held ON (held.wallet, held.kind, held.lot) = (l.wallet, 'held', l.lot)
    JOIN billing_ledgeraccount AS issued ON issued.wallet IS NULL AND issued.kind = 'issued'
    JOIN billing_ledgeraccount AS earned ON earned.wallet IS NULL AND earned.kind = 'earned',
    generate_series(0, l.jobs) AS j,
    unnest(CASE j WHEN 0 THEN ARRAY['grant'] ELSE ARRAY['hold', 'capture'] END) AS e (kind)
    ORDER BY (n + j::float / (l.jobs + 1)) / (max(n) OVER (PARTITION BY l.wallet) + 1),
        l.wallet, e.kind = 'capture';
UPDATE billing_ledgeraccount AS a
    SET balance = (SELECT coalesce(sum(amount), 0) FROM billing_transfer WHERE credit_id = a.id)
    - (SELECT coalesce(sum(amount), 0) FROM billing_transfer WHERE debit_id = a.id) WHERE wallet IS NULL
"""


def fill(wallets: list[uuid.UUID], entries: list[int], lots: list[int]) -> None:
    from django.db import connection, transaction
    from django.utils import timezone

    of = {"now": timezone.now(), "wallets": wallets, "entries": entries, "lots": lots, "left": LEFT}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in FILL.split(";\n"):
            cursor.execute(statement, {k: v for k, v in of.items() if f"%({k})s" in statement})


def settle_down() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE billing_transfer, billing_ledgeraccount, billing_wallet")
        cursor.execute("CHECKPOINT")  # otherwise the measurement includes the writes of filling


def database(name: str) -> Any:
    """A connection outside the pool."""
    from django.db import connection
    from django.db.backends.postgresql.base import DatabaseWrapper

    options = {k: v for k, v in connection.settings_dict["OPTIONS"].items() if k != "pool"}
    return DatabaseWrapper(connection.settings_dict | {"NAME": name, "OPTIONS": options}, "default")


def copy_as(name: str) -> Any:
    """Copies the current database and returns a connection to the copy."""
    from django.db import connection

    connection.close()  # a template database must have no connections
    elsewhere = database("template1")
    with elsewhere.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE {name} TEMPLATE "{connection.settings_dict["NAME"]}"')
    elsewhere.close()
    return database(name)


def questions(wallet: Any) -> dict[str, Callable[[], object]]:
    from django.db import transaction

    from billing import ledger
    from billing.models import Transfer

    def hold_and_settle() -> None:
        cause = f"bench:{uuid.uuid4()}"
        with transaction.atomic():
            ledger.hold(wallet, 2, cause=cause)
            ledger.settle(cause, captured=1)
            transaction.set_rollback(True)  # keeps the number of entries

    return {
        "balance": lambda: ledger.balance(wallet),
        "movements": lambda: list(Transfer.objects.filter(wallet=wallet.id).order_by("-id")[:30]),
        "hold and settle": hold_and_settle,
    }


def milliseconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - start)


def measure(places: list[Any], asked: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Median milliseconds of each query at each of `places`, alternating."""
    from django.db import connections

    took: dict[tuple[str, int], list[float]] = {(name, i): [] for name in asked for i in range(len(places))}
    for _ in range(WARM + ROUNDS):
        for i, place in enumerate(places):
            connections["default"] = place
            for name, act in asked.items():
                took[name, i].append(milliseconds(act))
    return {name: [statistics.median(took[name, i][WARM:]) for i in range(len(places))] for name in asked}


def main() -> int:
    with house():
        return run()


def run() -> int:
    from django.db import connection, connections

    from accounts.models import User
    from billing import ledger

    known = [
        ledger.wallet_of(User.objects.create_user(email=f"{name}@example.com", password="a long password"))
        for name in ("busy", "ordinary")
    ]
    for kind in ("issued", "earned"):
        ledger._platform(kind)
    few = [w.id for w in known] + [uuid.uuid4() for _ in range(8)]
    connection.close()
    connection.close_pool()
    connections["default"] = big = database(connection.settings_dict["NAME"])
    fill(few, [SIZES[0] // len(few)] * len(few), [2] * len(few))
    small = copy_as("small")
    ids = few + [uuid.uuid4() for _ in range(WALLETS - len(few))]
    more = (SIZES[1] - BUSY) // (WALLETS - 1) + 2 * LOTS
    fill(ids, [BUSY] + [more] * (WALLETS - 1), [BUSY_LOTS - 2] + [LOTS] * (WALLETS - 1))
    places = [small, big]
    for place in places:
        connections["default"] = place
        settle_down()
    gc.collect()
    found = {who: measure(places, questions(wallet)) for who, wallet in zip(("busy", "ordinary"), known)}
    found["all"] = {"audit": [audited(place) for place in places]}
    return report(found, [entries(place, known[0]) for place in places])


def audited(place: Any) -> float:
    """Milliseconds of an audit. Raises SystemExit when the ledger is inconsistent: the times mean nothing."""
    from django.db import connections

    from billing import audit

    connections["default"] = place
    wrong: list[str] = []
    took = milliseconds(lambda: wrong.extend(audit.problems(runs=False)))
    if wrong:
        raise SystemExit("\n".join(wrong[:10]))
    return took


def entries(place: Any, busy: Any) -> tuple[int, int]:
    from django.db import connections

    from billing.models import Transfer

    connections["default"] = place
    return Transfer.objects.count(), Transfer.objects.filter(wallet=busy.id).count()


def report(found: dict[str, dict[str, list[float]]], counted: list[tuple[int, int]]) -> int:
    print(machine())
    print(f"{'milliseconds at entries':28}" + "".join(f"{n:>12,}" for n, _busy in counted) + f"{'ratio':>8}")
    print(f"{'of them of the busy wallet':28}" + "".join(f"{busy:>12,}" for _n, busy in counted))
    failed = False
    for who, rows in found.items():
        for name, (small, big) in rows.items():
            over = name in JUDGED and big / small > MOST
            print(
                f"{who + ': ' + name:28}{small:12.2f}{big:12.2f}{big / small:8.2f}"
                + (f"  above {MOST}" if over else "")
            )
            failed = failed or over
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
