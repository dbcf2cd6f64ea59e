"""Checks requests and answers against Stripe's own library: parameters (stripe.params) and fields."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from functools import cache
from importlib import import_module
from types import NoneType, SimpleNamespace, UnionType
from typing import (
    Annotated,
    Any,
    ForwardRef,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from urllib.parse import parse_qsl

import stripe
from pydantic import BeforeValidator, ConfigDict, StringConstraints, TypeAdapter, ValidationError
from stripe._object_classes import OBJECT_CLASSES
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import TypedDict, is_typeddict


class Refused(Exception):
    """An error answer; `body` is in Stripe's form, {"error": {type, code, param, message}}."""

    def __init__(
        self, message: str, *, status: int = 400, type: str = "invalid_request_error", **more: str | None
    ):
        super().__init__(message)
        self.status = status
        self.body = {"error": {**{k: v for k, v in more.items() if v}, "message": message, "type": type}}


def decode(text: str) -> dict[str, Any]:
    """Decodes a[b][0][c]=d into nested dicts and lists. Keys of metadata stay strings, even digits."""
    form: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        node, steps = form, [first, *rest]
        for step in steps[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise Refused("Invalid request: a parameter is both a value and an object.", param=first)
        node[steps[-1] or str(len(node))] = value
    return {k: listed(v, k) for k, v in form.items()}


def listed(node: Any, name: str) -> Any:
    if not isinstance(node, dict):
        return node
    if node and name != "metadata" and all(k.isdigit() for k in node):
        return [listed(node[k], "") for k in sorted(node, key=int)]
    return {k: listed(v, k) for k, v in node.items()}


def check(name: str, form: dict[str, Any]) -> dict[str, Any]:
    """Converts the form's strings to the types of its parameters (int, bool).

    `name` is as for `adapter`. Raises Refused.
    """
    try:
        return adapter(name).validate_python(form)
    except ValidationError as e:
        raise explain(e, form) from None


@cache
def adapter(name: str) -> TypeAdapter[Any]:
    """A type of stripe.params: product_create -> ProductCreateParams; `checkout.` is a submodule."""
    *folder, verb = name.split(".")
    where = getattr(stripe.params, folder[0]) if folder else stripe.params
    return TypeAdapter(strict(getattr(where, "".join(word.title() for word in verb.split("_")) + "Params")))


def whole(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    raise ValueError("integer")


def truth(value: Any) -> Any:
    if value in ("true", "false"):
        return value == "true"
    raise ValueError("boolean")


PLAIN = {
    int: Annotated[int, BeforeValidator(whole)],
    bool: Annotated[bool, BeforeValidator(truth)],
    # An empty value unsets a parameter. Without Literal[''] in the library's type it cannot be unset.
    str: Annotated[str, StringConstraints(min_length=1)],
    float: Decimal,
}


def strict(hint: Any) -> Any:
    """The library's type, made strict: no unknown keys at any level; Literal[...] | str becomes Literal."""
    if is_typeddict(hint):
        return strict_form(hint)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        words = tuple(word for a in args if get_origin(a) is Literal for word in get_args(a))
        rest = [a for a in args if get_origin(a) not in (Literal, UntypedStripeObject)]
        if any(words):
            rest = [a for a in rest if a is not str]
        return Union[tuple([Literal[words]] * bool(words) + [strict(a) for a in rest])]  # noqa: UP007
    if origin is list:
        return list[strict(args[0])]  # type: ignore[misc]
    return PLAIN.get(hint, hint)


@cache
def strict_form(form: Any) -> Any:
    own = {k: v for k, v in form.__annotations__.items() if k not in RequestOptions.__annotations__}
    module = vars(sys.modules[form.__module__])
    hints = get_type_hints(SimpleNamespace(__annotations__=own), globalns=module)
    need = form.__required_keys__
    built = TypedDict(
        form.__name__, {k: (Required if k in need else NotRequired)[strict(h)] for k, h in hints.items()}
    )  # type: ignore[misc]
    built.__pydantic_config__ = ConfigDict(extra="forbid")
    return built


def explain(error: ValidationError, form: dict[str, Any]) -> Refused:
    """Chooses which of pydantic's errors to report: the deepest one, then one for an unknown name.

    pydantic reports errors for each member of a union."""
    said = [(named(e["loc"], form, e["type"]), e) for e in error.errors()]
    place, worst = max(said, key=lambda s: (len(s[0]), s[1]["type"] == "extra_forbidden"))
    param = str(place[0]) + "".join(f"[{step}]" for step in place[1:])
    match worst["type"]:
        case "extra_forbidden":
            return Refused(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)
        case "missing":
            return Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)
        case "literal_error" if worst["input"] != "":
            return Refused(f"Invalid {param}: must be one of {worst['ctx']['expected']}", param=param)
        case "literal_error" | "string_too_short":
            return Refused(
                f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a"
                f" parameter; however '{param}' cannot be unset.",
                code="parameter_invalid_empty",
                param=param,
            )
        case "value_error":
            kind = str(worst["ctx"]["error"])
            code = "parameter_invalid_integer" if kind == "integer" else None
            return Refused(f"Invalid {kind}: {worst['input']}", code=code, param=param)
        case "typed_dict_type" | "dict_type" | "model_type":
            return Refused("Invalid object", param=param)
        case "list_type":
            return Refused("Invalid array", param=param)
        case "string_type":
            return Refused("Invalid string: must not be an array or object", param=param)
    return Refused(f"Invalid {param}: {worst['msg']}", param=param)


def named(place: tuple[Any, ...], form: Any, kind: str) -> list[Any]:
    """The path in the form. pydantic's path also names members of unions, which are left out here."""
    steps: list[Any] = []
    for i, step in enumerate(place):
        if isinstance(form, list) and isinstance(step, int) or isinstance(form, dict) and step in form:
            form = form[step]
        elif not (kind == "missing" and i == len(place) - 1):
            continue
        steps.append(step)
    return steps


def check_answer(said: dict[str, Any], at: str = "") -> None:
    """Check keys and values against the library's class of the object; no required key may be missing."""
    kind = said.get("object")
    assert kind in OBJECT_CLASSES, f"{at}: no object of Stripe's: {kind!r}"
    module, name = OBJECT_CLASSES[kind]
    check_fields(said, getattr(import_module(module), name), at or kind)


def check_fields(said: dict[str, Any], shape: type, at: str) -> None:
    hints = {"object": str} | {k: v for k, v in shape.__annotations__.items() if k != "OBJECT_NAME"}
    for key, value in said.items():
        assert key in hints, f"{at}.{key}: not a field of {shape.__qualname__}"
        check_value(value, hints[key], f"{at}.{key}")
    if not said.get("deleted"):
        for key, hint in hints.items():
            assert (
                key in said
                or NoneType in get_args(hint)
                or (key == "object" and key not in shape.__annotations__)
            ), f"{at}.{key}: always there at Stripe, missing here"


def check_value(value: Any, hint: Any, at: str) -> None:
    parts = flat(hint)
    if isinstance(value, dict):
        shapes = [p for p in parts if isinstance(p, type) and issubclass(p, stripe.StripeObject)]
        if isinstance(value.get("object"), str) and value["object"] in OBJECT_CLASSES:
            return check_answer(value, at)
        if UntypedStripeObject not in shapes:
            assert shapes, f"{at}: an object where Stripe has none"
            check_fields(value, shapes[0], at)
    elif isinstance(value, list):
        for i, one in enumerate(value):
            check_value(one, hint, f"{at}[{i}]")
    elif value is None:
        assert NoneType in parts, f"{at}: never null at Stripe"
    else:
        words = [word for p in parts if get_origin(p) is Literal for word in get_args(p)]
        named = any(isinstance(p, str | ForwardRef) for p in parts)
        assert not words or value in words or named, f"{at}: {value!r} is none of {words}"
        plain = {p for p in parts if p in (int, bool, str)}
        assert words or not plain or type(value) in plain, f"{at}: {value!r} is not {plain}"
    return None


def flat(hint: Any) -> list[Any]:
    """The classes, literals and forward names in a hint, however nested."""
    if get_origin(hint) is Literal:
        return [hint]
    if args := get_args(hint):
        return [
            *([get_origin(hint)] if get_origin(hint) is UntypedStripeObject else []),
            *(p for a in args for p in flat(a)),
        ]
    return [hint]
