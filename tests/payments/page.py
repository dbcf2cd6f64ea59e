"""FakeStripe as an HTTP server: its API, and the pages of Checkout and the portal, which send webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qs
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .account import LIVE, Obj
from .stripe import FakeStripe, signed


@contextmanager
def serve(fake: FakeStripe, secret: str = "whsec_test", notify_url: str | None = None) -> Iterator[str]:
    """The server's address. While it runs, the addresses of sessions are on it.

    Events are sent to `notify_url`, which a test may change later in fake.notify. Events that are not
    accepted go to fake.undelivered.
    """
    fake.notify = notify_url or ""

    class Bound(Handler):
        stripe = fake
        key = secret

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    fake.pages = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake.pages
    finally:
        fake.pages = ""
        server.shutdown()
        server.server_close()
        thread.join()


class Direct(HTTPRedirectHandler):
    """Follows no redirect: for Stripe a 3xx answer to a webhook is a failure."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


def poster(url: str, secret: str) -> Callable[[Obj], bool]:
    """A function that sends one event as Stripe does; it returns True for a 2xx answer."""
    opener = build_opener(Direct)

    def post(event: Obj) -> bool:
        body, signature = signed(event, secret)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            with opener.open(Request(url, data=body, headers=headers, method="POST"), timeout=20) as said:
                return 200 <= said.status < 300
        except (URLError, OSError):
            return False

    return post


class Handler(BaseHTTPRequestHandler):
    stripe: FakeStripe
    key: str

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.route("GET")

    def do_POST(self) -> None:
        self.route("POST")

    def do_DELETE(self) -> None:
        self.route("DELETE")

    def route(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/v1/"):
            self.api(method, body)
            return
        form = {k: v[0] for k, v in parse_qs(body.decode()).items()}
        *folder, id = self.path.partition("?")[0].strip("/").split("/")
        found = {"c/pay": (checkout, press), "p/session": (portal, choose)}.get("/".join(folder))
        with self.stripe.lock:
            session = self.stripe.objects.get(id)
            if not found or not session:
                self.send(404, page("Not found", "<p>There is no such page.</p>"))
                return
            try:
                to = found[1](self.stripe, session, form) if method == "POST" else ""
            except ValueError as e:
                self.send(409, page("Not possible", f"<p>{escape(str(e))}</p>"))
                return
        if method == "POST" and self.stripe.notify:
            self.stripe.flush(poster(self.stripe.notify, self.key))
        with self.stripe.lock:
            self.send(303, "", to) if to else self.send(200, found[0](self.stripe, session))

    def api(self, method: str, body: bytes) -> None:
        try:
            status, headers, said = self.stripe.answer(method, self.path, dict(self.headers.items()), body)
        except NotImplementedError as e:
            status, headers, said = 501, {}, json.dumps({"error": {"type": "api_error", "message": str(e)}})
        self.send(status, said, headers=headers)

    def send(self, status: int, text: str, to: str = "", headers: dict[str, str] | None = None) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in (headers or {"Content-Type": "text/html; charset=utf-8"}).items():
            self.send_header(name, value)
        if to:
            self.send_header("Location", to)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def page(title: str, inner: str) -> str:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    return (
        f'<!doctype html><html lang="en"><head>{head}<title>{escape(title)}</title></head>'
        f"<body><main><h1>{escape(title)}</h1>{inner}</main></body></html>"
    )


def button(text: str, **fields: str) -> str:
    hidden = "".join(f'<input type="hidden" name="{k}" value="{escape(v)}">' for k, v in fields.items())
    return f'<form method="post">{hidden}<button>{escape(text)}</button></form>'


def money(amount: int, currency: str) -> str:
    return f"{amount / 100:.2f} {currency.upper()}"


def every(price: Obj) -> str:
    recurring = price["recurring"]
    return f" per {recurring['interval']}" if recurring else ""


def checkout(fake: FakeStripe, session: Obj) -> str:
    if session["status"] != "open":
        return page("Checkout", f"<p>This session is {session['status']}.</p>")
    line = fake.carts[session["id"]]["line"]
    cost = money(line["amount_total"], line["currency"]) + every(line["price"])
    row = f"<li>{line['quantity']} × {escape(line['description'])}: {cost}</li>"
    total = f"<p>Total: <strong>{money(session['amount_total'], session['currency'])}</strong></p>"
    back = f'<p><a href="{escape(session["cancel_url"])}">Back</a></p>' if session["cancel_url"] else ""
    declined = '<p role="alert">Your card was declined.</p>' if session["id"] in fake.declined else ""
    return page(
        "Checkout",
        f"{declined}<ul>{row}</ul>{total}"
        f"{button('Pay', action='pay')}{button('Decline', action='decline')}{back}",
    )


def press(fake: FakeStripe, session: Obj, form: dict[str, str]) -> str:
    """Pay or decline; returns the next address, "" to stay on the page after a declined card."""
    fake.pay(session["id"], works=form.get("action") != "decline")
    if session["status"] != "complete":
        return ""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def portal(fake: FakeStripe, session: Obj) -> str:
    """The page: each live subscription with the actions that the configuration or the flow allows."""
    parts = [
        section(fake, session, sub)
        for sub in fake.all("subscription", customer=session["customer"])
        if sub["status"] in LIVE
    ]
    back = f'<p><a href="{escape(session["return_url"])}">Back</a></p>' if session["return_url"] else ""
    return page("Your subscriptions", "".join(parts) + back)


def section(fake: FakeStripe, session: Obj, sub: Obj) -> str:
    flow, features = session["flow"] or {"type": ""}, fake.objects[session["configuration"]]["features"]
    only = flow.get(flow["type"]) or {}
    if only.get("subscription", sub["id"]) != sub["id"]:
        return ""
    price = sub["items"]["data"][0]["price"]
    parts = [f"<h2>{escape(label(fake, price))}</h2>"]
    if (
        features["subscription_update"]["enabled"]
        and flow["type"] != "subscription_cancel"
        and not sub["cancel_at"]
    ):
        wanted = [item["price"] for item in only.get("items", [])]
        offered = [id for offer in fake.offers[session["configuration"]] for id in offer["prices"]]
        for id in wanted or [id for id in offered if id != price["id"] or sub["schedule"]]:
            parts.append(
                button(
                    f"Change to {label(fake, fake.objects[id])}",
                    action="change",
                    subscription=sub["id"],
                    price=id,
                )
            )
    if features["subscription_cancel"]["enabled"] and flow["type"] in ("", "subscription_cancel"):
        if sub["cancel_at"]:
            parts.append(button("Keep subscription", action="keep", subscription=sub["id"]))
        else:
            parts.append(button("Cancel subscription", action="cancel", subscription=sub["id"]))
    return f"<section>{''.join(parts)}</section>"


def label(fake: FakeStripe, price: Obj) -> str:
    name = fake.objects[price["product"]]["name"]
    return f"{name}, {money(price['unit_amount'], price['currency'])}{every(price)}"


def choose(fake: FakeStripe, session: Obj, form: dict[str, str]) -> str:
    """Perform the chosen action; a flow returns to its after_completion address."""
    id = form.get("subscription", "")
    sub = fake.objects.get(id)
    if not sub or sub["customer"] != session["customer"]:
        raise ValueError("There is no such subscription.")
    match form.get("action"):
        case "change":
            fake.change(id, form["price"])
        case "cancel" | "keep" as action:
            fake.cancel_at_period_end(id, action == "cancel")
        case action:
            raise ValueError(f"There is no {action}.")
    after = (session["flow"] or {}).get("after_completion") or {}
    return (after.get("redirect") or {}).get("return_url", "")
