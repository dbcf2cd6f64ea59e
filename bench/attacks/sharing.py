"""Share links and the public gallery."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx2

from bench.attacks import Target, attack, expect
from bench.attacks.accounts import form, person

WORD = "open sesame"


def picture_of(user: Any) -> Any:
    """A picture large enough to be published, with its files."""
    import cv2
    import numpy as np

    from gallery.models import Item
    from gallery.services import save_item
    from ml import media

    noise = np.random.default_rng(7).integers(60, 200, (30, 40, 3), np.uint8)
    png = media.encode_png(np.asarray(cv2.resize(noise, (320, 240)), np.uint8))
    item = Item(user=user, width=320, height=240, prompt="a secret prompt", mark=7)
    for name, value in save_item(user.id, item.id, png).items():
        setattr(item, name, value)
    item.save()
    return item


def shared(target: Target, user: Any, **options: Any) -> tuple[Any, str, list[str]]:
    """(the link, its address, the addresses of everything behind it)"""
    from gallery.sharing import links

    link = links.share_items(user, [picture_of(user).id], **options)
    where = str(links.url_of(link)).removeprefix(target.url)
    where = where[where.index("/s/") :]
    number = link.chosen.get().id
    parts = ("card.jpg", f"{number}/content", f"{number}/content?download=1", f"{number}/thumbnail")
    return link, where, [f"{where}{part}" for part in parts]


def reached(client: httpx2.Client, addresses: list[str]) -> list[str]:
    return [each for each in addresses if client.get(each).status_code == 200]


@attack("SH1", "a link's files without its password, and its password guessed")
def unasked(target: Target) -> str:
    _link, where, files = shared(target, person("l5a"), password=WORD, download=True)
    visitor = target.client("203.0.113.51")
    expect(not reached(visitor, files), "a file without the password")
    page = visitor.get(where).text
    expect("secret prompt" not in page and "og:image" not in page, "the page tells of the pictures")
    guesses = [form(visitor, where, password=f"guess {n}").status_code for n in range(20)]
    expect(guesses.count(422) <= 5, f"{guesses.count(422)} guesses were tried")
    other = target.client("203.0.113.52")
    expect(form(other, where, password=WORD).status_code == 302, "guesses of one address lock out another")
    return "no file and no card; 5 guesses of 20 tried; another address gets in"


@attack("SH2", "links that are altered, have run out, and were ended")
def altered(target: Target) -> str:
    from django.utils import timezone

    user, visitor = person("l5b"), target.client("203.0.113.53")
    link, where, files = shared(target, user, download=True)
    expect(len(reached(visitor, files)) == len(files), "the link does not open at all")
    token = where.split("/")[2]
    for wrong in (token[:-1], token + "A", token.swapcase(), token[::-1], "A" * len(token)):
        found = reached(visitor, [each.replace(token, wrong) for each in (where, *files)])
        expect(not found, f"an altered token opened {found}")
    type(link).objects.filter(id=link.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    expect(not reached(visitor, [where, *files]), "a link that has run out opens")
    link, where, files = shared(target, user)
    target.login(user).delete(f"/api/v1/shares/{link.id}")
    expect(not reached(visitor, [where, *files]), "an ended link opens")
    return "404 for the page, the card and each file"


def published(user: Any) -> Any:
    from gallery.sharing import publishing

    row = publishing.submit(user, picture_of(user), author=f"Author {user.pk.hex[:8]}")
    return publishing.approve(row, actor=None)


@attack("SH3", "comments with scripts, links, and 10,000 signs")
def comments(target: Target) -> str:
    row, writer = published(person("l6a")), target.login(person("l6a-writer"))
    where = f"/api/v1/items/{row.id}/comments"
    body = {"text": '<img src=x onerror=alert(1)> <a href="//evil.example">x</a>', "author": "Bo Writer"}
    expect(writer.post(where, json=body).status_code == 201, "the comment is not kept")
    page = target.client().get(f"/explore/{row.id}/").text
    expect("<img src=x" not in page and 'href="//evil' not in page, "the comment is HTML on the page")
    long = writer.post(where, json={"text": "x" * 10_000})
    expect((long.status_code, long.json()["code"]) == (422, "invalid"), "10,000 signs are taken")
    return "shown as text; 10,000 signs are refused"


@attack("SH4", "a cache that shows a picture after it was withdrawn")
def withdrawn(target: Target) -> str:
    user = person("l6b")
    row, visitor = published(user), target.client("203.0.113.61")
    parts = [f"/explore/{row.id}/{part}" for part in ("", "picture", "thumbnail")]
    kept = [visitor.get(part).headers["Cache-Control"] for part in parts]
    ages = [int(age) for told in kept for age in re.findall(r"max-age=(\d+)", told)]
    expect(max(ages) < 60 and all("must-revalidate" in told for told in kept[1:]), f"kept: {kept}")
    target.login(user).post(f"/api/v1/items/{row.id}/withdraw")
    etags = [visitor.get(part, headers={"If-None-Match": "*"}).status_code for part in parts]
    expect(etags == [404] * 3, f"still there: {etags}")
    return f"404 at once; nobody may keep it longer than {max(ages)} s"
