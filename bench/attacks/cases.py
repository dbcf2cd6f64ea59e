"""Takedowns and lists of hashes: floods, guesses, and poison."""

from __future__ import annotations

from typing import Any

from bench.attacks import Target, attack, expect
from bench.attacks.staff import entered, staff
from bench.house import person

LINE = f"{'5a' * 32},Poison,2026-11-02"


def notice(client: Any, **said: str) -> Any:
    form = {"name": "Ana", "contact": "ana@example.com", "good_faith": "true"} | said
    return client.post("/api/v1/takedowns", data=form)


@attack("CA1", "a flood of takedowns of one picture, from one address and from many")
def flood(target: Target) -> str:
    from bench.load import pictures
    from moderation.cases.models import Case

    ident = pictures(person("ca1"))[0]
    where = f"https://x.example/gallery/{ident}/"
    one = target.client("203.0.113.70")
    codes = [notice(one, address=where, text=str(n)).status_code for n in range(12)]
    expect(codes[10:] == [429, 429], f"one address sent {codes}")
    for n in range(30):
        notice(target.client(f"198.51.100.{n + 1}"), address=where, contact=f"a{n}@example.com")
    cases = Case.objects.filter(subject_id=ident)
    expect(cases.count() == 1, f"{cases.count()} cases of one picture")
    return f"10 an hour for an address; one case with {cases.get().count} notices"


@attack("CA2", "finding out what is in private galleries, and what others asked")
def guesses(target: Target) -> str:
    from bench.load import pictures

    ident = pictures(person("ca2"))[0]
    client = target.client("203.0.113.71")
    there = notice(client, address=f"/gallery/{ident}/").json()
    nowhere = notice(client, address="/gallery/00000000-0000-4000-8000-000000000000/").json()
    expect(
        {**there, **dict.fromkeys(("case", "secret", "due_at"))}.keys() == nowhere.keys(), "answers differ"
    )
    expect((there["kind"], there["state"]) == (nowhere["kind"], nowhere["state"]), "the answers differ")
    where, stranger = f"/api/v1/takedowns/{there['case']}", target.client("203.0.113.72")
    asks = [{}, {"secret": "x"}, {"contact": "bob@example.com"}] + [{"secret": str(n)} for n in range(60)]
    codes = [stranger.get(where, params=ask).status_code for ask in asks]
    expect(set(codes) <= {404, 429} and 429 in codes, f"guesses are answered {set(codes)}")
    report = client.post("/api/v1/reports", json={"subject": {"kind": "item", "id": ident}, "reason": "hate"})
    expect(report.status_code == 404, "a private picture can be reported by who cannot see it")
    return "the same answer for what is here and what is not; 60 guesses of a secret an hour"


@attack("CA3", "poisoned lists of hashes: without the right, and with a broken line")
def poison(target: Target) -> str:
    from moderation.hashes.models import BlockedHash

    page = "/admin/moderation/blockedhash/"

    def send(user: Any, text: str) -> int:
        client = entered(target, user)
        client.get(page)
        client.headers["X-CSRFToken"] = client.cookies.get("csrftoken") or ""
        code: int = client.post(f"{page}import/", files={"list": ("l.txt", text)}).status_code
        return code

    expect(send(staff("moderation.view_blockedhash"), LINE) == 403, "staff without the right imported")
    rights = ("moderation.view_blockedhash", "moderation.change_hash_lists")
    send(staff(*rights), f"{LINE}\nbroken\n")
    expect(not BlockedHash.objects.filter(source="Poison").exists(), "a broken list was imported in part")
    return "403; all of a list or nothing"
