"""Requests with bad text in every place where a client can put text: see test_bad_text.py."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

from django.contrib.admin import site
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from django.utils.regex_helper import normalize

BAD = {
    "nul": "a\0b",
    "long": "x" * 10_000,
    "emoji": "👩\u200d🦰",
    "percent": "%",
    "surrogate": "\ud800",
    "word": "smile",
    "hyphens": "-" * 50,
    "operators": '"a or -(:*&|!',
    "digits": "9" * 30,
}


@dataclass(frozen=True)
class Ask:
    """A request. `what` names the bad text and its place."""

    what: str
    path: str
    method: str = "get"
    form: dict[str, Any] = field(default_factory=dict)
    body: Any = None  # JSON
    headers: dict[str, str] = field(default_factory=dict)

    def of(self, client: Any) -> Any:
        if self.body is not None:
            return client.generic(
                self.method.upper(),
                self.path,
                json.dumps(self.body),
                "application/json",
                headers=self.headers,
            )
        if self.method == "post":
            data = urlencode(self.form, doseq=True, errors="surrogatepass")
            return client.post(self.path, data, "application/x-www-form-urlencoded")
        return client.generic(self.method.upper(), self.path, headers=self.headers)


def in_path(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


def query(**fields: str) -> str:
    return urlencode(fields, errors="surrogatepass")


# ---------------------------------------------------------------- the admin

OF_LISTS = ("q", "o", "p", "all", "e", "_to_field", "_popup", "_changelist_filters", "action")


def admin_asks() -> Iterator[Ask]:
    for model, page in sorted(site._registry.items(), key=lambda pair: str(pair[1])):
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        filters = [f"{name}{end}" for name in map(str, page.list_filter) for end in ("", "__exact")]
        columns = [f.name for f in model._meta.fields]
        for name, bad in BAD.items():
            for key in (*OF_LISTS, *filters):
                yield Ask(f"{name} in {key}", f"{base}?{query(**{key: bad})}")
            for act in ("change", "delete", "history"):
                yield Ask(f"{name} as id", f"{base}{in_path(bad)}/{act}/")
            yield Ask(f"{name} as id", f"{base}{in_path(bad)}/")
            yield Ask(f"{name} in all fields", f"{base}add/", "post", dict.fromkeys(columns, bad))
            chosen = {"action": "delete_selected", "_selected_action": bad}
            actions = [action for action in page.actions or () if isinstance(action, str)]
            for action in ("delete_selected", *actions):
                yield Ask(f"{name} chosen", base, "post", {**chosen, "action": action})
            amount = {"action": "grant", "_selected_action": [bad], "amount": bad, "reason": bad, "key": bad}
            yield Ask(f"{name} in an action", base, "post", amount)
    yield from _admin_wide()


def _admin_wide() -> Iterator[Ask]:
    names = ("term", "app_label", "model_name", "field_name")
    for name, bad in BAD.items():
        for key in names:
            right = {"app_label": "accounts", "model_name": "user", "field_name": "groups", "term": "a"}
            yield Ask(f"{name} in {key}", f"/admin/autocomplete/?{query(**{**right, key: bad})}")
        for key in ("from", "to", "table", "format"):
            csv = {"format": "csv", "table": "revenue"}
            yield Ask(f"{name} in {key}", f"/admin/billing/invoice/figures/?{query(**{**csv, key: bad})}")
        yield Ask(f"{name} as ids", f"/admin/r/{in_path(bad)}/{in_path(bad)}/")
        yield Ask(f"{name} as an app", f"/admin/{in_path(bad)}/")
        yield Ask(f"{name} in next", f"/admin/login/?{query(next=bad)}")


# ---------------------------------------------------------------- pages


def page_routes(things: dict[str, str], bad: str) -> list[str]:
    """Every address outside the admin and the API, with ids of `things`, and `bad` where any text fits."""
    return [f"/{path}" for path in _routes(get_resolver(), "", things, bad) if "admin" not in path]


def _routes(resolver: URLResolver, start: str, things: dict[str, str], bad: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        path = start + _filled(pattern, things, bad)
        if isinstance(pattern, URLResolver):
            if not path.startswith(("api/", "_allauth", "admin")):
                yield from _routes(pattern, path, things, bad)
        elif not path.startswith(("api/v1", "hooks")):
            yield path


def _filled(pattern: URLPattern | URLResolver, things: dict[str, str], bad: str) -> str:
    found: Any = pattern.pattern
    if isinstance(found, RegexPattern):
        text, names = normalize(found.regex.pattern)[0]
        return str(text % dict.fromkeys(names, in_path(bad)))

    def value(match: re.Match[str]) -> str:
        kind, name = match.groups()
        if kind == "int":
            return "0"
        return things.get(name, "terms" if kind == "slug" else in_path(bad))

    return re.sub(r"<(?:(\w+):)?(\w+)>", value, str(found))


class Forms(HTMLParser):
    """The forms of a page: (action, method, fields with the values that the page gives them)."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.found = path, []  # type: ignore[var-annotated]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_ = dict(attrs)
        if tag == "form":
            self.found.append((is_.get("action") or self.path, is_.get("method") or "get", {}))
        elif tag in ("input", "textarea", "select", "button") and self.found and is_.get("name"):
            self.found[-1][2][is_["name"]] = is_.get("value") or "x"


def form_asks(path: str, html: str, done: set[tuple[str, str]]) -> Iterator[Ask]:
    """Each field of each form, one at a time; not again where `done` has it."""
    forms = Forms(path)
    forms.feed(html)
    for action, method, fields in forms.found:
        for key in fields:
            place = (re.sub(r"[0-9a-f-]{36}", "ID", action), key)
            if place not in done:
                done.add(place)
                for name, bad in BAD.items():
                    what, sent = f"{name} in {key}", {**fields, key: bad}
                    if method == "post":
                        yield Ask(what, action, "post", sent)
                    else:
                        yield Ask(what, f"{action.partition('?')[0]}?{query(**sent)}")


# ---------------------------------------------------------------- the API


def api_asks(document: dict[str, Any], things: dict[str, str]) -> Iterator[Ask]:
    """Every path parameter, query parameter, header and string of a body of an OpenAPI document."""
    for route, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in ("get", "post", "put", "patch", "delete") and not route.endswith("/events"):
                yield from _operation(document, route, method, {**operations, **operation}, things)


def _operation(doc: Any, route: str, method: str, operation: Any, things: dict[str, str]) -> Iterator[Ask]:
    parameters = [_resolved(doc, p) for p in operation.get("parameters", [])]
    path = re.sub(r"{(\w+)}", lambda m: things.get(m[1], "0"), route)
    content = _resolved(doc, operation.get("requestBody", {})).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    sample = _sample(doc, schema, things) if schema else None
    for name, bad in BAD.items():
        for key in re.findall(r"{(\w+)}", route):
            there = route.replace(f"{{{key}}}", in_path(bad))
            there = re.sub(r"{(\w+)}", lambda m: things.get(m[1], "0"), there)
            yield Ask(f"{name} as {key}", there, method, body=sample)
        for where, key in ((p["in"], p["name"]) for p in parameters):
            if where == "query":
                yield Ask(f"{name} in {key}", f"{path}?{query(**{key: bad})}", method, body=sample)
            elif where == "header" and name != "nul":  # no server passes NUL on in a header
                raw = bad.encode(errors="surrogatepass").decode("latin-1")
                yield Ask(f"{name} in {key}", path, method, body=sample, headers={key: raw})
        for place, body in _spoiled(sample, bad):
            yield Ask(f"{name} in {place}", path, method, body=body)


def _resolved(doc: Any, schema: Any) -> Any:
    while "$ref" in schema:
        found = doc
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _sample(doc: Any, schema: Any, things: dict[str, str], name: str = "") -> Any:
    """A value that fits the schema."""
    schema = _resolved(doc, schema)
    if "allOf" in schema:
        parts = [_sample(doc, part, things, name) for part in schema["allOf"]]
        return {k: v for part in parts for k, v in part.items()} if isinstance(parts[0], dict) else parts[0]
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return _sample(doc, schema[choice][0], things, name)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object" or "properties" in schema:
        found = {k: _sample(doc, s, things, k) for k, s in schema.get("properties", {}).items()}
        return found or {"q": "x"}
    if kind == "array":
        return [_sample(doc, schema.get("items", {}), things, name)]
    plain = {"integer": 4, "number": 0.5, "boolean": True}
    return plain.get(str(kind), things.get(name, "someone@example.com" if name == "email" else "x"))


def _spoiled(sample: Any, bad: str, place: str = "") -> Iterator[tuple[str, Any]]:
    """The sample with one value replaced by `bad`, for each value in it; and with a key named so."""
    if not isinstance(sample, (dict, list)):
        return
    if isinstance(sample, dict):
        yield f"{place} key", {**sample, bad: "x"}
    parts: Any = sample.items() if isinstance(sample, dict) else enumerate(sample)
    for key, value in parts:
        changed = copy.copy(sample)
        changed[key] = bad
        yield f"{place}.{key}", changed
        for where, part in _spoiled(value, bad, f"{place}.{key}"):
            whole = copy.copy(sample)
            whole[key] = part
            yield where, whole
