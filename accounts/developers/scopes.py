"""What an API key may do: the scope that each route and method of the API needs.

Whoever adds a route adds its row; a test fails until it is there. None: no key is let in, whatever its
scopes. That is so for consents and proofs of who somebody is, for the account itself, for keys and secrets,
for the locked area, for purchases, and for what is said or shown in public.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    READ = "read", _("read: see twins, pictures and albums, and download them")
    GENERATE = "generate", _("generate: make, change and delete pictures, albums and sessions")
    TRAIN = "train", _("train: make, change and delete twins, their photos and trainings")
    BILLING_READ = "billing.read", _("billing.read: see the plan, the credits and the invoices")


READ, GENERATE, TRAIN, BILLING = Scope.READ, Scope.GENERATE, Scope.TRAIN, Scope.BILLING_READ
Row = Mapping[str, Scope | None]  # by method

SEES: Row = {"GET": READ}
MAKES: Row = {"POST": GENERATE}
TRAINS: Row = {"POST": TRAIN}
PAYS: Row = {"GET": BILLING}

TABLE: Mapping[str, Row] = {
    "me": {"GET": READ, "PATCH": None, "DELETE": None},
    "me/export": {"POST": None},
    "me/passkey": {"POST": None},
    "consents": {"GET": None, "POST": None},
    "consents/history": {"GET": None},
    "consents/<slug:kind>": {"DELETE": None},
    "api-keys": {"GET": None, "POST": None},
    "api-keys/<uuid:ident>": {"DELETE": None},
    "api-keys/<uuid:ident>/rotate": {"POST": None},
    "webhooks": {"GET": READ, "POST": None},
    "webhooks/<uuid:ident>": {"GET": READ, "PATCH": None, "DELETE": None},
    "webhooks/<uuid:ident>/deliveries": SEES,
    "webhooks/<uuid:ident>/replay": {"POST": None},
    "webhooks/<uuid:ident>/test": {"POST": None},
    "webhooks/<uuid:ident>/rotate": {"POST": None},
    "notifications": SEES,
    "notifications/read": {"POST": None},
    "push-subscriptions": {"GET": None, "POST": None, "DELETE": None},
    "exports": {"POST": READ},
    "exports/<uuid:ident>": SEES,
    "exports/<uuid:ident>/content": SEES,
    "plans": SEES,
    "billing": PAYS,
    "billing/entries": PAYS,
    "billing/packs": SEES,
    "billing/invoices": PAYS,
    "billing/checkout": {"POST": None},
    "billing/portal": {"POST": None},
    "quote": {"POST": READ},
    "engines": SEES,
    "twins": {"GET": READ, "POST": TRAIN},
    "twins/<uuid:ident>": {"GET": READ, "PATCH": TRAIN, "DELETE": TRAIN},
    "twins/<uuid:ident>/photos": {"GET": READ, "POST": TRAIN},
    "twins/<uuid:ident>/photos/<uuid:photo>": {"GET": READ, "DELETE": TRAIN},
    "twins/<uuid:ident>/photos/<uuid:photo>/content": SEES,
    "twins/<uuid:ident>/photos/<uuid:photo>/thumbnail": SEES,
    "twins/<uuid:ident>/verification": {"GET": READ, "POST": None},
    "twins/<uuid:ident>/avatar": {"GET": READ, "POST": TRAIN, "PATCH": TRAIN},
    "twins/<uuid:ident>/avatar/picture": SEES,
    "twins/<uuid:ident>/trainings": {"GET": READ, "POST": TRAIN},
    "twins/<uuid:ident>/redo": {"GET": READ, "POST": TRAIN},
    "twins/<uuid:ident>/uploads": {"GET": READ, "POST": TRAIN},
    "uploads/<uuid:ident>": {"GET": READ, "PATCH": TRAIN, "DELETE": TRAIN},
    "photos": SEES,
    "trainings/<uuid:ident>": {"GET": READ, "DELETE": TRAIN},
    "trainings/<uuid:ident>/cancel": TRAINS,
    "trainings/<uuid:ident>/activate": TRAINS,
    "trainings/<uuid:ident>/samples/<int:number>": SEES,
    "trainings/<uuid:ident>/weights": {"GET": TRAIN},
    "trainings/<uuid:ident>/avatar": SEES,
    "generations": {"GET": READ, "POST": GENERATE},
    "generations/<uuid:ident>": SEES,
    "generations/<uuid:ident>/cancel": MAKES,
    "generations/<uuid:ident>/repeat": MAKES,
    "generations/<uuid:ident>/sheet": SEES,
    "generations/<uuid:ident>/keep": MAKES,
    "restorations": {"GET": READ, "POST": GENERATE},
    "restorations/delete": MAKES,
    "restorations/<uuid:ident>": {"GET": READ, "PATCH": GENERATE, "DELETE": GENERATE},
    "restorations/<uuid:ident>/milder": MAKES,
    "restorations/<uuid:ident>/original": SEES,
    "restorations/<uuid:ident>/thumbnail": SEES,
    "packs": SEES,
    "packs/<slug:code>/pictures/<int:number>": SEES,
    "sessions": {"GET": READ, "POST": GENERATE},
    "sessions/<uuid:ident>": {"GET": READ, "PATCH": GENERATE, "DELETE": GENERATE},
    "sessions/<uuid:ident>/repeat": MAKES,
    "styles": SEES,
    "prompts/suggest": SEES,
    "items": SEES,
    "items/delete": MAKES,
    "items/bulk": MAKES,
    "items/bulk/<uuid:ident>/undo": MAKES,
    "items/stacks": MAKES,
    "items/duplicates": SEES,
    "items/duplicates/merge": MAKES,
    "items/duplicates/apart": MAKES,
    "items/lock": {"POST": None},
    "items/<uuid:ident>": {"GET": READ, "PATCH": GENERATE, "DELETE": GENERATE},
    "items/<uuid:ident>/stack": {"GET": READ, "POST": GENERATE, "DELETE": GENERATE},
    "items/<uuid:ident>/unstack": MAKES,
    "items/<uuid:ident>/edits": MAKES,
    "items/<uuid:ident>/repairs": MAKES,
    "items/<uuid:ident>/enlargements": MAKES,
    "items/<uuid:ident>/similar": MAKES,
    "items/<uuid:ident>/feedback": {"GET": READ, "POST": GENERATE},
    "items/<uuid:ident>/content": SEES,
    "items/<uuid:ident>/thumbnail": SEES,
    "items/<uuid:ident>/faces": SEES,
    "items/<uuid:ident>/share": MAKES,
    "shares": {"GET": READ, "POST": GENERATE},
    "shares/<uuid:ident>": {"DELETE": GENERATE},
    "public/items": SEES,
    "items/<uuid:ident>/publish": {"POST": None},
    "items/<uuid:ident>/withdraw": {"POST": None},
    "items/<uuid:ident>/like": {"POST": None, "DELETE": None},
    "items/<uuid:ident>/comments": {"GET": READ, "POST": None},
    "comments/<uuid:ident>": {"DELETE": None},
    "locked": {"GET": None},
    "locked/open": {"POST": None, "DELETE": None},
    "locked/release": {"POST": None},
    "locked/delete": {"POST": None},
    "locked/<uuid:ident>/content": {"GET": None},
    "locked/<uuid:ident>/thumbnail": {"GET": None},
    "faces/search": {"POST": READ},
    "people": {"GET": READ, "POST": GENERATE},
    "people/changes": SEES,
    "people/changes/<uuid:ident>/undo": MAKES,
    "people/<uuid:ident>": {"GET": READ, "PATCH": GENERATE, "DELETE": GENERATE},
    "people/<uuid:ident>/faces": {"GET": READ, "POST": GENERATE},
    "people/<uuid:ident>/merge": MAKES,
    "albums": {"GET": READ, "POST": GENERATE},
    "albums/<uuid:ident>": {"GET": READ, "PATCH": GENERATE, "DELETE": GENERATE},
    "albums/<uuid:ident>/items": MAKES,
    "feedback": {"POST": READ},
    "verify": {"POST": READ},
    "reports": {"POST": READ},
    "takedowns": {"POST": READ},
    "takedowns/<slug:number>": SEES,
    "decisions/<uuid:ident>/appeal": {"POST": None},
}
