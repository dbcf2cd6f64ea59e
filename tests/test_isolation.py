"""Users reach only their own objects. Tests every address and method as owner, as stranger and logged out.

The addresses come from the URL configuration. An address that is missing in the tables below fails a test.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import URLPattern
from rest_framework.views import APIView

from config import urls
from tests.factory import bill_of, code_of, decided_about, faces_in, for_programs, upload_of

pytestmark = pytest.mark.django_db

# Open to everybody, without an account.
OPEN = {
    *("feedback", "help"),
    *("auth/phone", "auth/phone/<uuid:ident>"),  # a code counts with its id: tests/accounts/phones
    "plans",
    "billing/packs",
    "styles",
    "verify",
    "packs/<slug:code>/pictures/<int:number>",
    "reports",
    "takedowns",
    "takedowns/<slug:number>",  # with a secret or the contact address: tests/moderation/test_takedowns.py
    "public/items",
    "items/<uuid:ident>/comments",  # of a published picture; writing needs an account (test_public.py)
}
# Addresses without an id: each user sees their own objects there.
OWN = {
    "me",
    *("me/export", "me/passkey", "me/limits", "me/phone", "me/codes"),
    *("me/standing", "me/standing/appeal", "me/age"),
    *("notifications", "notifications/read", "push-subscriptions"),
    *("consents", "consents/history"),
    *("api-keys", "webhooks", "exports"),
    *("billing", "billing/entries", "billing/invoices", "billing/checkout", "billing/portal"),
    "quote",
    "engines",
    "twins",
    "twins/demonstration",
    "photos",
    "generations",
    "restorations",
    "restorations/delete",
    "tickets",
    "packs",
    "sessions",
    "presets",
    "prompts/suggest",
    "items",
    "items/delete",
    "items/bulk",
    "items/stacks",
    "items/lock",
    *("locked", "locked/open", "locked/release", "locked/delete"),
    *(f"items/duplicates{end}" for end in ("", "/merge", "/apart")),
    "albums",
    "shares",
    "faces/search",
    "people",
    "people/changes",
}
# Addresses with an id -> the kind of object that the id names.
OF = {
    "consents/<slug:kind>": "consent",
    **dict.fromkeys(("api-keys/<uuid:ident>", "api-keys/<uuid:ident>/rotate"), "key"),
    "webhooks/<uuid:ident>": "webhook",
    **{f"webhooks/<uuid:ident>/{verb}": "webhook" for verb in ("deliveries", "replay", "test", "rotate")},
    "me/phone/<uuid:ident>": "code",
    "exports/<uuid:ident>": "export",
    "exports/<uuid:ident>/content": "export",
    "twins/<uuid:ident>": "twin",
    "twins/<uuid:ident>/photos": "twin",
    "twins/<uuid:ident>/photos/<uuid:photo>": "photo",
    "twins/<uuid:ident>/photos/<uuid:photo>/content": "photo",
    "twins/<uuid:ident>/photos/<uuid:photo>/thumbnail": "photo",
    "twins/<uuid:ident>/avatar": "twin",
    "twins/<uuid:ident>/avatar/picture": "twin",
    "twins/<uuid:ident>/trainings": "twin",
    "twins/<uuid:ident>/framing": "twin",
    "twins/<uuid:ident>/verification": "twin",
    "twins/<uuid:ident>/redo": "twin",
    "twins/<uuid:ident>/uploads": "twin",
    "uploads/<uuid:ident>": "upload",
    "trainings/<uuid:ident>": "training",
    "trainings/<uuid:ident>/cancel": "training",
    "trainings/<uuid:ident>/activate": "training",
    "trainings/<uuid:ident>/avatar": "training",
    "trainings/<uuid:ident>/weights": "training",
    "trainings/<uuid:ident>/samples/<int:number>": "training",
    "generations/<uuid:ident>": "job",
    "generations/<uuid:ident>/cancel": "job",
    "generations/<uuid:ident>/repeat": "job",
    "restorations/<uuid:ident>": "restoration",
    "restorations/<uuid:ident>/milder": "restoration",
    "restorations/<uuid:ident>/original": "restoration",
    "restorations/<uuid:ident>/thumbnail": "restoration",
    "generations/<uuid:ident>/sheet": "job",
    "generations/<uuid:ident>/keep": "job",
    "sessions/<uuid:ident>": "session",
    "presets/<uuid:ident>": "preset",
    "sessions/<uuid:ident>/repeat": "session",
    "items/<uuid:ident>/feedback": "item",
    "items/<uuid:ident>": "item",
    **{f"items/<uuid:ident>/{verb}": "item" for verb in ("edits", "repairs", "enlargements", "similar")},
    "items/<uuid:ident>/content": "item",
    "items/<uuid:ident>/thumbnail": "item",
    "items/<uuid:ident>/faces": "item",
    "people/<uuid:ident>": "person",
    "people/<uuid:ident>/faces": "person",
    "people/<uuid:ident>/merge": "person",
    "people/changes/<uuid:ident>/undo": "naming",
    "items/bulk/<uuid:ident>/undo": "edit",
    "items/<uuid:ident>/stack": "item",
    "locked/<uuid:ident>/content": "locked",
    "locked/<uuid:ident>/thumbnail": "locked",
    "items/<uuid:ident>/unstack": "item",
    **{f"items/<uuid:ident>/{verb}": "item" for verb in ("share", "publish", "withdraw", "like")},
    "shares/<uuid:ident>": "share",
    "comments/<uuid:ident>": "comment",
    "albums/<uuid:ident>": "album",
    "albums/<uuid:ident>/items": "album",
    "decisions/<uuid:ident>/appeal": "decision",
    **dict.fromkeys(("tickets/<uuid:ident>", "tickets/<uuid:ident>/messages"), "ticket"),
    "tickets/<uuid:ident>/attachments/<int:number>": "ticket",
    "tickets/<uuid:ident>/attachments/<int:number>/thumbnail": "ticket",
}
# Bodies that pass the form, so that the ownership check refuses and not the form.
BODIES: dict[str, dict[str, Any]] = {
    "me/phone/<uuid:ident>": {"code": "123456"},
    "twins/<uuid:ident>": {"name": "x"},
    "albums/<uuid:ident>": {"name": "x"},
    "decisions/<uuid:ident>/appeal": {"text": "It is allowed."},
    "people/<uuid:ident>": {"name": "x"},
    "generations/<uuid:ident>/keep": {"best": 1},
    "items/<uuid:ident>/feedback": {"not_me": True},
}


def routes() -> list[tuple[str, str]]:
    """(address, method) of every endpoint of the API."""
    out = []
    for pattern in urls.api:
        assert isinstance(pattern, URLPattern)
        view: type[APIView] = pattern.callback.view_class
        out += [
            (str(pattern.pattern), m) for m in ("get", "post", "put", "patch", "delete") if hasattr(view, m)
        ]
    return out


@pytest.fixture
def things(alice: Any, trained: Any, photos: list[Any]) -> dict[str, str]:
    """One object of every kind, owned by alice: kind -> id."""
    from accounts.models import Export
    from gallery.models import Album, Item
    from gallery.services import save_item
    from generation.models import Job
    from generation.presets.models import StudioPreset
    from generation.sessions.models import Session
    from tests.conftest import jpeg
    from tests.factory import on_the_shelf, shared_by, ticket_of
    from tests.restoring import restoration_of
    from tests.studio import paint

    draw(trained)
    job = Job.objects.create(user=alice, twin=trained, training=trained.active_training, prompt="x", seed=1)
    item = Item(user=alice, width=64, height=64, size=0, etag="", job=job.id)
    for name, value in save_item(alice.id, item.id, paint(b"", 1)).items():
        setattr(item, name, value)
    item.save()
    return {
        "restoration": str(restoration_of(alice, jpeg(3)).id),
        "invoice": bill_of(alice),
        **{"consent": "terms", "code": code_of(alice)},
        "export": str(Export.objects.create(user=alice, scope="items").id),
        "twin": str(trained.id),
        "upload": upload_of(trained),
        "photo": str(photos[0].id),
        "training": str(trained.active_training_id),
        "job": str(job.id),
        "order": str(Job.objects.create(user=alice, kind="headshots", shots=["x"], seed=1, prompt="x").id),
        "item": str(item.id),
        **on_the_shelf(alice),
        **shared_by(alice, item),
        "preset": str(StudioPreset.objects.create(user=alice, name="p").id),
        "session": str(Session.objects.create(user=alice, name="s").id),
        "album": str(Album.objects.create(user=alice, name="a").id),
        **{"decision": decided_about(alice), "ticket": ticket_of(alice)},
        **for_programs(alice),
    } | faces_in(item)


def draw(twin: Any) -> None:
    """Gives the twin and its active training an avatar."""
    from accounts.vault.vault import store
    from ml.avatar.avatar import Avatar as Drawn
    from ml.avatar.skin import PLAIN
    from twins.avatars.models import Avatar, encoded
    from twins.models import Training

    avatar = Avatar.objects.create(user=twin.user, twin=twin, shown=False, status="succeeded")
    avatar.keep(Drawn(PLAIN))
    store(twin.user_id).write(twin.active_training.avatar_file, encoded(Drawn(PLAIN)))
    Training.objects.filter(id=twin.active_training_id).update(has_avatar=True)


def address(route: str, things: dict[str, str]) -> str:
    kind = OF[route]
    ident = things["twin"] if kind == "photo" else things[kind]
    filled = (
        route.replace("<uuid:ident>", ident)
        .replace("<slug:kind>", ident)
        .replace("<uuid:photo>", things["photo"])
    )
    filled = filled.replace("<int:number>", "0")
    return f"/api/v1/{filled}"


def test_every_route_has_its_row() -> None:
    assert {route for route, _method in routes()} == OPEN | OWN | OF.keys()


def test_a_stranger_finds_nothing_of_alices(as_bob: Any, things: dict[str, str]) -> None:
    reached = []
    for route, method in routes():
        if route in OF:
            answer = getattr(as_bob, method)(address(route, things), BODIES.get(route, {}), format="json")
            if answer.status_code != 404 or answer.json()["code"] != "not_found":
                reached.append((method, route, answer.status_code))
    assert reached == []


def test_what_is_listed_is_ones_own(as_bob: Any, things: dict[str, str]) -> None:
    lists = "twins photos generations restorations items albums shares sessions presets billing/invoices"
    lists += " api-keys webhooks tickets"
    listed = {route: as_bob.get(f"/api/v1/{route}").json() for route in lists.split()}
    assert {route: page["results"] for route, page in listed.items()} == dict.fromkeys(listed, [])


def test_nobody_reaches_nothing(client: Any, things: dict[str, str]) -> None:
    reached = []
    for route, method in routes():
        if route not in OPEN:
            where = address(route, things) if route in OF else f"/api/v1/{route}"
            answer = getattr(client, method)(where, {}, content_type="application/json")
            if answer.status_code != 401 or answer.json()["code"] != "not_authenticated":
                reached.append((method, route, answer.status_code))
    assert reached == []


def test_the_owner_reaches_all_of_it(as_alice: Any, things: dict[str, str]) -> None:
    """Proves that the 404s above are refusals and not wrong addresses."""
    skipped = {"exports/<uuid:ident>/content"}  # not packed yet
    skipped |= {route for route in OF if route.startswith("locked/")}  # behind the password
    missed = []
    for route, method in routes():
        if route in OF and method == "get" and route not in skipped:
            answer = as_alice.get(address(route, things))
            if answer.status_code != 200:
                missed.append((route, answer.status_code))
    assert missed == []


# ---------------------------------------------------------------- pages


# The start of a page's address -> the kind of object that its id names; the first that fits counts.
PAGES_OF = {
    "twins/trainings/": "training",
    "twins/": "twin",
    "gallery/faces/": "face",
    "gallery/people/changes/": "naming",
    "gallery/people/": "person",
    "gallery/undo/": "edit",
    "gallery/albums/": "album",
    "gallery/shares/": "share",
    "gallery/": "item",
    "studio/pictures/": "item",
    "studio/presets/": "preset",
    "studio/": "job",
    "restore/": "restoration",
    "headshots/orders/": "order",
    "sessions/": "session",
    "account/developers/webhooks/": "webhook",
    "account/developers/": "key",
    "account/archives/": "export",
    "account/consents/": "consent",
    "account/billing/": "invoice",
    "decisions/": "decision",
    "support/": "ticket",
}


# Parts of addresses that are open to everybody: a pack, a takedown, a report of something public.
NOBODYS = ("<slug:code>", "<slug:number>", "<slug:kind>/<slug:ident>", "visitor/")


def page_routes() -> list[tuple[str, str]]:
    """(address, kind of object) of every page with an id."""
    import accounts.developers.urls
    import accounts.urls
    import billing.urls
    import gallery.urls
    import generation.packs.urls
    import generation.restorations.urls
    import generation.sessions.urls
    import generation.urls
    import moderation.cases.urls
    import support.tickets.urls
    import twins.urls

    places = {
        "twins/": twins.urls,
        "gallery/": gallery.urls,
        "studio/": generation.urls,
        "restore/": generation.restorations.urls,
        "headshots/": generation.packs.urls,
        "sessions/": generation.sessions.urls,
        "account/billing/": billing.urls,
        "account/": accounts.urls,
        "support/": support.tickets.urls,
        "": moderation.cases.urls,
        "account/developers/": accounts.developers.urls,
    }
    found = [start + str(p.pattern) for start, module in places.items() for p in module.urlpatterns]
    return [
        (route, next(kind for start, kind in PAGES_OF.items() if route.startswith(start)))
        for route in found
        if "<" in route and not any(part in route for part in NOBODYS)
    ]


def page_address(route: str, kind: str, things: dict[str, str]) -> str:
    filled = route.replace("<uuid:ident>", things[kind]).replace("<uuid:photo>", things["photo"])
    filled = filled.replace("<slug:ident>", things[kind]).replace("<uuid:item>", things["item"])
    return f"/{filled.replace('<slug:kind>', things[kind])}"


def test_a_stranger_opens_and_changes_no_page_of_alices(
    client: Any, bob: Any, things: dict[str, str]
) -> None:
    client.force_login(bob)
    reached = []
    for route, kind in page_routes():
        for method in ("get", "post"):
            answer = getattr(client, method)(
                page_address(route, kind, things), {"act": "withdraw", "version": "x"}
            )
            if answer.status_code not in (404, 405):
                reached.append((method, route, answer.status_code))
    assert reached == []


def test_nobody_opens_a_page_without_logging_in(client: Any, things: dict[str, str]) -> None:
    for route, kind in page_routes():
        for method in ("get", "post"):
            answer = getattr(client, method)(page_address(route, kind, things))
            assert answer.status_code == 302
            assert answer["Location"].startswith("/accounts/login/")


def test_alice_opens_every_page_of_hers(client: Any, alice: Any, things: dict[str, str]) -> None:
    client.force_login(alice)
    opened = [client.get(page_address(route, kind, things), follow=True) for route, kind in page_routes()]
    assert not any("login" in place for answer in opened for place, _status in answer.redirect_chain)
    assert {answer.status_code for answer in opened} <= {200, 405}
    assert sum(answer.status_code == 200 for answer in opened) >= 6


def may_be_kept(answer: Any) -> bool:
    """By a proxy; or by a browser that does not ask again, or that cannot."""
    told = {each.strip() for each in answer.headers.get("Cache-Control", "").split(",")}
    return "private" not in told or not ("no-store" in told or ("no-cache" in told and "ETag" in answer))


def test_no_answer_to_alice_is_kept_for_somebody_else(
    client: Any, alice: Any, things: dict[str, str]
) -> None:
    """Not those of other methods either, and not the admin's."""
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.force_login(alice)
    pages = [page_address(route, kind, things) for route, kind in page_routes()]
    own = [address(r, things) if r in OF else f"/api/v1/{r}" for r, _method in routes()]
    plain = [
        f"/{p.pattern}" for p in urls.urlpatterns if "<" not in str(p.pattern) and p.pattern != "language"
    ]
    every = [*pages, *own, *plain, "/_allauth/app/v1/auth/session", "/admin/accounts/user/", "/nothing/here"]
    kept = [where for where in every if may_be_kept(client.get(where))]
    kept += [where for where in own if may_be_kept(client.post(where, {}))]
    assert kept == []
