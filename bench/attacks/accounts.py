"""Sign-up, log-in, tokens and e-mails."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

from bench.attacks import PASSWORD, Target, attack, expect

API = "/_allauth/app/v1"
WRONG, NEW = "not the password", "my very own password"


def person(name: str, *, proven: bool = True) -> Any:
    """A user with an address that nobody else has."""
    from allauth.account.models import EmailAddress

    from accounts.models import User

    user = User.objects.create_user(email=f"{name}-{uuid4().hex[:8]}@example.com", password=PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=proven)
    return user


def log_in(client: httpx2.Client, email: str, password: str = PASSWORD) -> httpx2.Response:
    return client.post(f"{API}/auth/login", json={"email": email, "password": password})


def sign_up(client: httpx2.Client, email: str, **headers: str) -> httpx2.Response:
    form = {"email": email, "password": PASSWORD}
    return client.post(f"{API}/auth/signup", json=form, headers=headers)


def form(client: httpx2.Client, path: str, **fields: str) -> httpx2.Response:
    """Sends a page's form, as a browser does."""
    page = client.get(path, follow_redirects=True)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    data = fields | {"csrfmiddlewaretoken": token[1] if token else ""}
    return client.post(str(page.url), data=data, headers={"Referer": str(page.url)})


def newest(target: Target, email: str, pattern: str = r"https?://\S+") -> str:
    """The link in the newest e-mail to an address. Mails are sent after the answer."""
    for _ in range(50):
        found = [link for mail in target.mails(email) for link in re.findall(pattern, mail)]
        if found:
            return str(found[-1])
        time.sleep(0.1)
    raise RuntimeError(f"no e-mail to {email}")


def me(client: httpx2.Client, token: str) -> int:
    return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code


@attack("H1", "five wrong passwords, then 10,000 other keys, then the right password")
def evicted(target: Target) -> str:
    from django.core.cache import cache

    user, thief = person("h1"), target.client("203.0.113.11")
    for _ in range(5):
        log_in(thief, user.email, WRONG)
    for n in range(10_000):
        cache.set(f"other-{n}", n, 600)
    expect(log_in(thief, user.email).status_code != 200, "a sixth guess was tried")
    live = sum(cache.get(f"other-{n}") == n for n in range(10_000))
    expect(live == 10_000, f"{10_000 - live} counters are gone")
    return "the sixth guess is refused; all 10,000 other counters live"


@attack("H1b", "wrong passwords from many addresses of one IPv6 network")
def one_network(target: Target) -> str:
    user = person("h1b")
    for n in range(5):
        log_in(target.client(f"2001:db8:0:1::{n}"), user.email, WRONG)
    sixth = log_in(target.client("2001:db8:0:1:ffff::1"), user.email)
    expect(sixth.status_code != 200, "a sixth guess was tried")
    elsewhere = log_in(target.client("2001:db8:0:2::1"), user.email)
    expect(elsewhere.status_code == 200, "the owner is refused in another network")
    return "addresses of one /64 are counted as one"


@attack("L5", "wrong passwords from 40 IP addresses lock the owner out; 32 parallel guesses")
def locked_out(target: Target) -> str:
    user, device = person("l5"), target.client("203.0.113.20")
    form(device, "/accounts/login/", login=user.email, password=PASSWORD)
    form(device, "/accounts/logout/")
    for n in range(40):
        log_in(target.client(f"198.51.100.{n}"), user.email, WRONG)
    for _ in range(6):
        log_in(target.client("203.0.113.20"), user.email, WRONG)
    expect(log_in(target.client("192.0.2.9"), user.email).status_code == 200, "the owner is locked out")
    said = form(device, "/accounts/login/", login=user.email, password=PASSWORD)
    expect(said.status_code == 302, "the owner is locked out on a known device")
    with ThreadPoolExecutor(32) as pool:
        guesses = pool.map(lambda _: log_in(target.client("203.0.113.21"), user.email, WRONG), range(32))
    tried = sum("password_mismatch" in guess.text for guess in guesses)
    expect(tried <= 5, f"{tried} parallel guesses were tried")
    return f"the owner gets in, also from the guesser's IP address; {tried} of 32 parallel guesses tried"


@attack("L5b", "unlimited guesses from devices that an own account with the owner's address makes known")
def lent(target: Target) -> str:
    user, own = person("l5b"), "the password of the thief"
    form(target.client("203.0.113.25"), "/accounts/signup/", email=user.email, password1=own)
    thieves = [target.client("203.0.113.26") for _ in range(3)]
    for thief in thieves:
        form(thief, "/accounts/login/", login=user.email, password=own)
        expect("device" in "".join(thief.cookies), "the preparation made no device known")
        form(thief, "/accounts/logout/")
    for thief in thieves[:2]:
        for _ in range(4):
            form(thief, "/accounts/login/", login=user.email, password=WRONG)
    said = form(thieves[2], "/accounts/login/", login=user.email, password=PASSWORD)
    expect(said.status_code != 302, "a ninth guess from one IP address was tried")
    return "guesses at the other account count for the IP address"


@attack("M8", "sign-up and reset tell whether an address is known, by answer or by time")
def enumerated(target: Target) -> str:
    shapes, seconds = [], []
    for known in (True, False) * 6:
        email = person("m8").email if known else f"m8-{uuid4().hex[:8]}@example.com"
        client = target.client(f"203.0.113.{30 + len(seconds)}")
        start = time.monotonic()
        said = sign_up(client, email)
        seconds.append(time.monotonic() - start)
        page = form(target.client(), "/accounts/signup/", email=email, password1=PASSWORD)
        asked = form(target.client(), "/accounts/password/reset/", email=email)
        body = said.json()
        shapes.append((said.status_code, sorted(body["meta"]), page.headers["Location"], asked.status_code))
    expect(all(shape == shapes[0] for shape in shapes), f"the answers differ: {shapes[:2]}")
    apart = abs(min(seconds[::2]) - min(seconds[1::2]))  # the least: other work only adds
    expect(apart < 0.05, f"{apart * 1000:.0f} ms apart")
    return f"the same answers, {apart * 1000:.0f} ms apart"


@attack("H5", "a spent refresh token, and tokens of a disabled person")
def replayed(target: Target) -> str:
    user, client = person("h5"), target.client()
    meta = log_in(client, user.email).json()["meta"]
    spent, app = meta["refresh_token"], target.client()
    pair = app.post(f"{API}/tokens/refresh", json={"refresh_token": spent}).json()["data"]
    said = [app.post(f"{API}/tokens/refresh", json={"refresh_token": spent}).status_code]
    said += [me(app, meta["access_token"]), me(app, pair["access_token"])]
    said += [app.post(f"{API}/tokens/refresh", json={"refresh_token": pair["refresh_token"]}).status_code]
    expect(said == [401] * 4, f"after the reuse: {said}")
    token = log_in(target.client(), user.email).json()["meta"]["access_token"]
    user.is_active = False
    user.save()
    expect(me(app, token) == 401, "a disabled person goes on")
    return "the whole family is 401, and so is a disabled person at once"


@attack("H6", "signing up with somebody's address before they do, and keeping a way in")
def hijacked(target: Target) -> str:
    victim, mine = (f"{name}-{uuid4().hex[:8]}@example.com" for name in ("victim", "thief"))
    token = sign_up(target.client("203.0.113.66"), victim).json()["meta"]["access_token"]
    auth = {"Authorization": f"Bearer {token}"}
    added = target.client().post(f"{API}/account/email", json={"email": mine}, headers=auth)
    expect(added.status_code == 401, "an address was added without the password")
    owner = target.client()
    form(owner, "/accounts/password/reset/", email=victim)
    link = urlsplit(newest(target, victim, r"http\S+/reset/key/\S+"))
    page = owner.get(link.path, follow_redirects=True)
    form(owner, str(page.url), password1=NEW, password2=NEW)
    ways = {
        "token": me(target.client(), token) == 200,
        "password": log_in(target.client("203.0.113.67"), victim).status_code == 200,
        "address": log_in(target.client("203.0.113.68"), mine).status_code == 200,
    }
    expect(not any(ways.values()), f"the thief still has: {[way for way, works in ways.items() if works]}")
    expect(log_in(target.client("203.0.113.69"), victim, NEW).status_code == 200, "the owner cannot log in")
    return "the owner's reset ended token, password and address; a new address needs the password again"


@attack("M6", "a stranger's words in e-mails, and e-mails to 200 unknown addresses")
def quoted(target: Target) -> str:
    client = target.client("203.0.113.81")
    email = f"m6-{uuid4().hex[:8]}@example.com"
    token = sign_up(client, email).json()["meta"]["access_token"]
    auth = {"Authorization": f"Bearer {token}"}
    for name in ("win at evil.example", "a\nSubject: b", "http://evil.example"):
        said = client.patch("/api/v1/me", json={"display_name": name}, headers=auth)
        expect(said.status_code == 422, f"the name {name!r} was taken")
    client.patch("/api/v1/me", json={"display_name": "Free Coins"}, headers=auth)
    client.put(f"{API}/account/email", json={"email": email}, headers=auth)
    newest(target, email)
    expect(not any("Free Coins" in mail for mail in target.mails(email)), "a mail quotes the name")
    unknown = [f"nobody{n}-{uuid4().hex[:6]}@example.com" for n in range(200)]
    for n, each in enumerate(unknown):
        asked = {"email": each}
        target.client(f"198.51.101.{n}").post(f"{API}/auth/password/request", json=asked)
    time.sleep(1)
    expect(not any(target.mails(each) for each in unknown), "mail went to an unknown address")
    return "names with links are refused, mails quote nobody, 200 unknown addresses got no mail"


@attack("M9", "links in e-mails to a host that the request names")
def misled(target: Target) -> str:
    from django.conf import settings

    email = f"m9-{uuid4().hex[:8]}@example.com"
    client = target.client("203.0.113.91")
    sign_up(client, email, Host="localhost", **{"X-Forwarded-Host": "evil.example"})
    client.post(f"{API}/auth/password/request", json={"email": email}, headers={"Host": "localhost"})
    link = newest(target, email, r"http\S+/reset/key/\S+")
    text = "\n".join(target.mails(email))
    expect(link.startswith(settings.ORIGIN), f"a link leads to {link}")
    expect("//localhost" not in text and "evil" not in text, "a mail names the request's host")
    return f"every link starts with {settings.ORIGIN}"


@attack("L6", "cookies that a script reads or another site sends")
def loose(target: Target) -> str:
    user, client = person("l6"), target.client()
    pages = [form(client, "/accounts/login/", login=user.email, password=PASSWORD)]
    pages += [form(client, "/", language="es"), client.get("/account/")]
    set_cookies = [line for page in pages for line in page.headers.get_list("set-cookie")]
    token = client.get("/account/").text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    for path, data in (("/language", {"language": "es"}), ("/theme", {"theme": "dark"})):
        said = client.post(path, data=data | {"csrfmiddlewaretoken": token})
        set_cookies += said.headers.get_list("set-cookie")
    for line in set_cookies:
        expect("HttpOnly" in line and "SameSite=Lax" in line, f"{line}")
    names = sorted({line.split("=")[0] for line in set_cookies})
    return f"HttpOnly and SameSite=Lax: {', '.join(names)}"
