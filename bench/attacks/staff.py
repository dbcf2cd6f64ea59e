"""The admin: who gets in, and what staff with few rights can find out and do."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx2

from bench.attacks import PASSWORD, Target, attack, expect

numbers = count(1)
PAGE = "/admin/accounts/user/"


def staff(*rights: str, superuser: bool = False) -> Any:
    from django.contrib.auth.models import Permission

    from accounts.models import User

    make = User.objects.create_superuser if superuser else User.objects.create_user
    user = make(f"staff{next(numbers)}@example.com", PASSWORD)
    user.is_staff = True
    user.save()
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def send(client: httpx2.Client, page: str, **form: Any) -> httpx2.Response:
    """Posts a form with the CSRF token that the page sets."""
    client.get(page)
    client.headers["X-CSRFToken"] = client.cookies.get("csrftoken") or ""
    return client.post(page, data=form)


def with_factor(user: Any) -> str:
    """Gives the user an authenticator app. Returns its code of now."""
    from allauth.mfa.totp.internal import auth

    secret = auth.generate_totp_secret()
    auth.TOTP.activate(user, secret)
    return str(
        auth.format_hotp_value(auth.hotp_value(secret, next(iter(auth.yield_hotp_counters_from_time()))))
    )


def entered(target: Target, user: Any) -> httpx2.Client:
    """A browser of staff that logged in with password and code."""
    code, client = with_factor(user), target.client()
    send(client, "/accounts/login/", login=user.email, password=PASSWORD)
    send(client, "/accounts/2fa/authenticate/", code=code)
    client.get("/twins/")
    client.headers["X-CSRFToken"] = client.cookies.get("csrftoken") or ""
    return client


def opens(client: httpx2.Client) -> bool:
    return client.get(PAGE).status_code == 200


# ---------------------------------------------------------------- looking


@attack("H2", "a password's hash and a private prompt, letter by letter, by the filters of a list")
def filters(target: Target) -> str:
    client = entered(target, staff("accounts.view_user", "generation.view_job", "twins.view_training"))
    expect(opens(client), "(the attack is broken: staff do not get in)")
    for query in (
        "accounts/user/?password__startswith=pbkdf2",
        "accounts/user/?authenticator__data__icontains=a",
        "generation/job/?prompt__icontains=a",
        "generation/job/?user__password__startswith=a",
        "twins/training/?twin__jobs__prompt__regex=a",
        "accounts/user/?_to_field=password",
    ):
        status = client.get(f"/admin/{query}").status_code
        expect(status == 400, f"{query}: {status}")
    return "400 for every column that the list does not offer"


@attack("H2b", "somebody's e-mail address, letter by letter, by the search of jobs")
def search(target: Target) -> str:
    from accounts.models import User
    from generation.models import Job

    victim = User.objects.create_user("victim@example.com", PASSWORD, display_name="V")
    job = Job.objects.create(user=victim, prompt="x", seed=1)
    client = entered(target, staff("generation.view_job"))
    found = client.get("/admin/generation/job/", params={"q": "victim@"}).text
    expect(str(job.id) not in found, "a part of an address finds its owner's job")
    return "a search finds columns that the list does not show only whole"


# ---------------------------------------------------------------- acting


@attack("M7", "staff who may only look run a job again, and disable the superuser")
def rights(target: Target) -> str:
    from accounts.models import User
    from generation.models import Job

    victim = User.objects.create_user("payer@example.com", PASSWORD)
    job = Job.objects.create(user=victim, prompt="x", seed=1, status="failed")
    boss = staff(superuser=True)
    client = entered(target, staff("generation.view_job", "accounts.view_user", "accounts.change_user"))
    client.post("/admin/generation/job/", data={"action": "retry", "_selected_action": str(job.id)})
    expect(not Job.objects.filter(retry_of=job.id).exists(), "a job was run again with view_job alone")
    inline = {f"consents-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    form = {"display_name": "X", "language": "en"} | inline
    status = client.post(f"/admin/accounts/user/{boss.pk}/change/", data=form).status_code
    boss.refresh_from_db()
    expect(boss.is_active, "the superuser is disabled")
    return f"no second job; {status} for a change of the superuser"


# ---------------------------------------------------------------- getting in


@attack(
    "H3",
    "the admin with a stolen password: log-in page, the admin's own form, a session from before, the API",
)
def password_alone(target: Target) -> str:
    boss = staff(superuser=True)
    before = target.login(boss)
    expect(not opens(before), "without any second factor")
    with_factor(boss)
    expect(not opens(before), "by a session from before the factor")
    send(before, "/accounts/reauthenticate/", password=PASSWORD)
    expect(not opens(before), "by the password again")
    client = target.client()
    send(client, "/accounts/login/", login=boss.email, password=PASSWORD)
    expect(not opens(client), "by the password on the log-in page")
    send(client, "/admin/login/", username=boss.email, password=PASSWORD, next=PAGE)
    expect(not opens(client), "by the admin's own form")
    other = entered(target, staff("generation.view_job"))
    other.post("/admin/login/", data={"username": boss.email, "password": PASSWORD})
    expect(not opens(other), "by the admin's own form in a session of other staff")
    answer = target.client().post(
        "/_allauth/app/v1/auth/login", json={"email": boss.email, "password": PASSWORD}
    )
    taken = target.client()
    taken.cookies.set("sessionid", answer.json().get("meta", {}).get("session_token", "none"))
    expect(not opens(taken), "by the session of the API's log-in")
    return "each way ends at the question for a code"


@attack("H3b", "a session of staff that is still open after four hours of work")
def stale(target: Target) -> str:
    from django.contrib.sessions.backends.db import SessionStore

    client = entered(target, staff("accounts.view_user"))
    expect(opens(client), "(the attack is broken: staff do not get in)")
    session = SessionStore(client.cookies["sessionid"])
    for record in session["account_authentication_methods"]:
        record["at"] -= 4 * 3600 + 1
    session.modified = True
    session.save()
    answer = client.get(PAGE, follow_redirects=True)
    expect(answer.url.path != PAGE, "the page opens")
    expect(client.get("/twins/").status_code == 200, "(the whole session ended, not the stay in the admin)")
    return f"the admin asks for a code again, at {answer.url.path}"


@attack("H3d", "a stolen session and the password fetch new recovery codes, and a code opens the admin")
def new_codes(target: Target) -> str:
    boss = staff(superuser=True)
    client = target.login(boss)
    token = {"X-Session-Token": client.cookies["sessionid"]}
    with_factor(boss)
    send(client, "/accounts/reauthenticate/", password=PASSWORD)
    api = "/_allauth/app/v1"
    client.post(f"{api}/auth/reauthenticate", json={"password": PASSWORD}, headers=token)
    answer = client.post(f"{api}/account/authenticators/recovery-codes", headers=token)
    expect("unused_codes" not in answer.text, "the API hands codes out")
    page = send(client, "/accounts/2fa/recovery-codes/generate/")
    expect("/reauthenticate/" in page.headers.get("Location", ""), "the page hands codes out")
    return f"{answer.status_code} from the API; the page asks for a code"


@attack("H3c", "staff switch their second factor off")
def switch_off(target: Target) -> str:
    from allauth.mfa.models import Authenticator

    user = staff("accounts.view_user")
    client = entered(target, user)
    send(client, "/accounts/reauthenticate/", password=PASSWORD)
    send(client, "/accounts/2fa/totp/deactivate/")
    expect(Authenticator.objects.filter(user=user, type="totp").exists(), "the factor is gone")
    return "the factor stays; only the command line removes it"
