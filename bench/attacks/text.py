"""Bad text, and bytes that changed in storage: an answer with a code, never an error of the server."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from bench.attacks import PASSWORD, Target, attack, expect
from bench.attacks.staff import entered, send, staff

BAD = {
    "NUL": "a\0b",
    "10,000 characters": "x" * 10_000,
    "emoji": "👩\u200d🦰",
    "%": "%",
    "a word": "abc",
    "50 hyphens": "-" * 50,
}


@attack("L1", "bad text as an id, as a search and in the forms of the admin")
def admin(target: Target) -> str:
    from django.contrib.admin import site

    client, asked = entered(target, staff(superuser=True)), 0
    for model in site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for name, bad in BAD.items():
            if name.startswith("10,000"):
                continue  # the web server refuses such an address
            for path in (f"{base}{quote(bad, safe='')}/change/", f"{base}?q={quote(bad, safe='')}"):
                status = client.get(path).status_code
                expect(status < 500, f"{name}: {status} at {path}")
                asked += 1
    client.headers["X-CSRFToken"] = client.cookies.get("csrftoken") or ""
    for name, bad in BAD.items():
        form = {"action": "grant", "_selected_action": bad, "amount": bad, "reason": bad, "key": bad}
        status = client.post("/admin/billing/wallet/", data=form).status_code
        expect(status < 500, f"{name}: {status} in an action")
        asked += 1
    return f"{asked} requests, no status of 500 or more"


@attack("L2", "bad text in the gallery's search, a name, tags and the theme's form")
def pages(target: Target) -> str:
    from accounts.models import User

    client = target.login(User.objects.create_user("texter@example.com", PASSWORD))
    for name, bad in BAD.items():
        answers = {
            "search": client.get("/api/v1/items", params={"q": bad[:200]}),
            "page": client.get("/gallery/", params={"q": bad[:200]}),
            "twin": client.post("/api/v1/twins", json={"name": bad}),
            "profile": send(client, "/account/", display_name=bad, language="en"),
            "theme": send(client, "/theme", next=bad, theme="dark"),
            "log-in": send(target.client(), "/accounts/login/", login=bad, password=bad),
        }
        for place, answer in answers.items():
            expect(answer.status_code < 500, f"{name}: {answer.status_code} in {place}")
    return "no status of 500 or more"


@attack("L3", "a byte of a sealed picture changed in storage")
def tampered(target: Target) -> str:
    from django.core.files.storage import default_storage

    from accounts.models import User
    from accounts.vault.vault import store
    from gallery.models import Item

    user = User.objects.create_user("owner@example.com", PASSWORD)
    item = Item.objects.create(user=user, width=8, height=8, size=3, etag="x")
    for name in (item.content, item.thumbnail):
        store(user.pk).write(name, b"abc")
        path = Path(default_storage.path(f"users/{user.pk.hex}/{name}"))
        data = bytearray(path.read_bytes())
        data[20] ^= 1
        path.write_bytes(bytes(data))
    client = target.login(user)
    for what in ("content", "thumbnail"):
        answer = client.get(f"/api/v1/items/{item.id}/{what}")
        expect(answer.status_code == 410 and answer.json()["code"] == "file_damaged", f"{answer.status_code}")
    return "410 file_damaged, also for the thumbnail"


@attack("L3b", "one address in two spellings, a password in two compositions, a name that nobody sees")
def spellings(target: Target) -> str:
    from accounts.models import User

    spelt = ("ana@b\u00fccher.example", "ana@xn--bcher-kva.example")
    typed = ("caf\u00e9 au lait 7", "cafe\u0301 au lait 7")
    User.objects.create_user(spelt[0], typed[0])
    for email, password in zip(spelt, typed):
        client = target.client()
        answer = send(client, "/accounts/login/", login=email, password=password)
        expect(answer.status_code == 302, f"{email!r} with {password!r} does not log in")
    send(target.client(), "/accounts/signup/", email=spelt[1], password1="another long password")
    proven = User.objects.filter(email__in=spelt).count()
    expect(proven == 1, f"{proven} accounts of one address")
    owner = target.login(User.objects.create_user("unseen@example.com", PASSWORD))
    for name in ("\u200b\u2060", "Ana \u202etxt", "\u3164", "A\x07"):
        status = owner.post("/api/v1/twins", json={"name": name}).status_code
        expect(status == 422, f"the name {name!r}: {status}")
    return "one account, both log in; names that hide something are refused"
