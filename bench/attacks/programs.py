"""Programs: keys of the API, webhooks into the inside, doors for machines; and accounts without rights."""

from __future__ import annotations

import time
from typing import Any

import httpx2

from bench.attacks import PASSWORD, Target, attack, expect
from bench.attacks.sharing import picture_of
from bench.attacks.staff import staff
from bench.house import person

# Addresses of the inside, as attackers write them.
INSIDE = (
    "https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://[::1]/",
    "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://0.0.0.0/",
    "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://100.100.100.200/",
    "https://metadata.google.internal@169.254.169.254/", "https://example.com:22/", "http://example.com/",
    "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL",
)  # fmt: skip
EVENTS = ["generation.succeeded"]
SENT = 60.0  # seconds that a delivery may take
Calls = dict[str, tuple[str, dict[str, Any]]]  # name -> (method and path, body)


def codes_of(client: httpx2.Client, calls: Calls) -> dict[str, tuple[int, str]]:
    """name -> (status, code) of each call: (method and path, body)."""
    said = {}
    for name, (call, body) in calls.items():
        method, path = call.split()
        answer = client.request(method, f"/api/v1/{path}", json=body)
        told = answer.json() if answer.content else {}
        said[name] = (answer.status_code, told.get("code", "") if isinstance(told, dict) else "")
    return said


@attack("KE1", "a key that may read: writes, makes another key, takes the account, opens pages and the admin")
def reading_key(target: Target) -> str:
    from accounts.developers.services import create_key

    user = person("ke1")
    item = picture_of(user)
    _row, key = create_key(user, name="stolen", scopes=["read"])
    thief = target.client("203.0.113.81", Authorization=f"Api-Key {key}")
    read = thief.get(f"/api/v1/items/{item.id}").status_code
    expect(read == 200, f"(the attack is broken: {read})")
    proof = {"password": PASSWORD}
    calls: Calls = {
        "a twin": ("POST twins", {"name": "Mine"}),
        "a picture": ("POST generations", {"prompt": "a park"}),
        "a deletion": (f"DELETE items/{item.id}", {}),
        "another key": ("POST api-keys", {"name": "mine", "scopes": ["train"], **proof}),
        "a webhook": ("POST webhooks", {"url": "https://example.com/", "events": EVENTS}),
        "a link for all": (f"POST items/{item.id}/share", {}),
        "a consent": ("DELETE consents/biometric_twin", {}),
        "a purchase": ("POST billing/checkout", {"plan": "pro"}),
        "the archive": ("POST me/export", proof),
        "the account": ("DELETE me", proof),
    }
    said = codes_of(thief, calls)
    expect({status for status, _code in said.values()} == {403}, f"answered: {said}")
    pages = {path: thief.get(path).status_code for path in ("/gallery/", "/account/", "/admin/")}
    expect(set(pages.values()) == {302}, f"pages: {pages}")
    return f"403 for {len(said)} calls; pages ask for a log-in"


@attack("WH1", "webhooks to the inside: loopback, private networks, metadata of clouds, other protocols")
def inside(target: Target) -> str:
    user = person("wh1")
    client, codes = target.login(user), []
    for number, url in enumerate(INSIDE):
        client.headers["X-Forwarded-For"] = f"203.0.113.{number + 100}"
        codes.append(client.post("/api/v1/webhooks", json={"url": url, "events": EVENTS}).status_code)
    expect(set(codes) == {422}, f"taken: {[url for url, code in zip(INSIDE, codes) if code != 422]}")
    # A name is an address only when it is resolved.
    hook = client.post("/api/v1/webhooks", json={"url": "https://localhost/", "events": EVENTS}).json()
    client.post(f"/api/v1/webhooks/{hook['id']}/test")
    told = _first_attempt(client, f"/api/v1/webhooks/{hook['id']}/deliveries")
    expect(told == "address_refused", f"a name of loopback: {told}")
    return f"none of {len(INSIDE)} addresses is taken; a name that leads inside: {told}"


def _first_attempt(client: httpx2.Client, path: str) -> str:
    end = time.monotonic() + SENT
    while time.monotonic() < end:
        for delivery in client.get(path).json()["results"]:
            for attempt in delivery["attempts"]:
                return str(attempt["error"] or attempt["status"])
        time.sleep(0.2)
    return f"nothing within {SENT:.0f} s"


@attack("AD1", "adult content where the operator did not allow it, by the box, by words, as a child")
def adult(target: Target) -> str:
    from billing import ledger

    user = person("ad1")
    client, before = target.login(user), ledger.balance(ledger.wallet_of(user))
    asks = (
        {"prompt": "a portrait in a park", "adult": True},
        {"prompt": "naked on a bed", "adult": True},
        {"prompt": "naked on a bed"},
        {"prompt": "15 year old, lingerie", "adult": True},
    )
    said = [client.post("/api/v1/generations", json=ask).json().get("code") for ask in asks]
    expect(set(said) <= {"adult_off", "prompt_refused"}, f"answered: {said}")
    age = client.post("/api/v1/me/age", data={"country": "ES"})
    expect(age.status_code in (403, 404, 422), f"a proof of age is taken: {age.status_code}")
    expect(ledger.balance(ledger.wallet_of(user)) == before, "it was charged")
    return f"{', '.join(said)}; nothing charged"


@attack("SU1", "a suspended account goes on with the session and the key that it had")
def suspended(target: Target) -> str:
    from accounts.developers.services import create_key
    from moderation.standing import suspending

    user = person("su1")
    item = picture_of(user)
    _row, key = create_key(user, name="k", scopes=["read", "generate", "train"])
    browser, program = target.login(user), target.client("203.0.113.84", Authorization=f"Api-Key {key}")
    suspending.suspend(user, actor=staff(), reason="abuse", text="It was told twice to stop.")
    calls: Calls = {
        "a picture": ("POST generations", {"prompt": "a park"}),
        "a link": (f"POST items/{item.id}/share", {}),
        "a publication": (f"POST items/{item.id}/publish", {"author": "Su Author"}),
        "another key": ("POST api-keys", {"name": "n", "scopes": ["read"], "password": PASSWORD}),
    }
    said = codes_of(browser, calls)
    expect(set(said.values()) == {(403, "account_suspended")}, f"by the session: {said}")
    said = codes_of(program, {"me": ("GET me", {}), "a picture": calls["a picture"]})
    expect(set(said.values()) == {(403, "account_suspended")}, f"by the key: {said}")
    expect(browser.get("/api/v1/me/standing").status_code == 200, "it cannot read why")
    return "403 account_suspended by session and key; it can read why"


@attack("ME1", "figures of the inside, and answers in a person's name, through the doors for machines")
def machines(target: Target) -> str:
    near = {"X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1", "Authorization": "Bearer"}
    metrics = [target.client("127.0.0.1").get("/metrics"), target.client(**near).get("/metrics")]
    mail = {"from": "victim@example.com", "to": "support@example.com", "text": "Delete all of it."}
    doors = [
        target.client(Authorization=told).post("/mail/inbound", json=mail)
        for told in ("", "Bearer", "Basic bWFpbDo=")
    ]
    codes = [answer.status_code for answer in [*metrics, *doors]]
    expect(set(codes) <= {401, 403, 404}, f"answered: {codes}")
    return f"{', '.join(map(str, codes))}"
