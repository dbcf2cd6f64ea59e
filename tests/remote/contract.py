"""What may be sent to each model, and the error answers of fal.ai and of Together.

A field that the facts do not name, or of another type, is a breach: it is noted and refused with 422.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

Check = Callable[[Any], str]  # says what is wrong, "" when nothing is


def of(kind: type, words: str) -> Check:
    return lambda value: "" if type(value) is kind else f"value is not a valid {words}"


def number(least: float = -math.inf, most: float = math.inf) -> Check:
    def check(value: Any) -> str:
        if type(value) not in (int, float) or not math.isfinite(value):
            return "value is not a valid number"
        return "" if least <= value <= most else f"ensure this value is between {least} and {most}"

    return check


def whole(least: float = -math.inf, most: float = math.inf) -> Check:
    return lambda value: number(least, most)(value) if type(value) is int else "value is not a valid integer"


def one_of(*words: str) -> Check:
    said = f"value is not a valid enumeration member; permitted: {', '.join(words)}"
    return lambda value: "" if value in words else said


def url(value: Any) -> str:
    """An address that a service elsewhere could read; loopback for tests; or the media themselves."""
    if not isinstance(value, str):
        return "str type expected"
    parts = urlsplit(value)
    loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    good = (parts.scheme == "https" and parts.hostname) or parts.scheme == "data" or loopback
    return "" if good else "invalid or missing URL scheme"


def lora_place(value: Any) -> str:
    """An address, or the id of a repository of Hugging Face."""
    is_id = isinstance(value, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", value)
    return "" if is_id else url(value)


def listed(check: Check, most: int = 1000) -> Check:
    def each(value: Any) -> str:
        if not isinstance(value, list) or len(value) > most:
            return f"value is not a valid list of at most {most}"
        return next((said for said in map(check, value) if said), "")

    return each


def form(fields: Mapping[str, Check], needed: tuple[str, ...] = ()) -> Check:
    def check(value: Any) -> str:
        faults = check_form(value, fields, needed)
        return f"{'.'.join(faults[0][0])}: {faults[0][1]}" if faults else ""

    return check


def either(*checks: Check) -> Check:
    def check(value: Any) -> str:
        said = [check(value) for check in checks]
        return said[-1] if all(said) else ""

    return check


def check_form(
    body: Any, fields: Mapping[str, Check], needed: tuple[str, ...]
) -> list[tuple[list[str], str, str]]:
    """(place, sentence, type) of each fault of a JSON object."""
    if not isinstance(body, dict):
        return [([], "value is not a valid dict", "type_error.dict")]
    faults = [([name], "field required", "value_error.missing") for name in needed if name not in body]
    for name, value in body.items():
        if name not in fields:
            faults.append(([name], "extra fields not permitted", "value_error.extra"))
        elif said := fields[name](value):
            faults.append(([name], said, "type_error"))
    return faults


STRING, TRUTH = of(str, "string"), of(bool, "boolean")

# ---------------------------------------------------------------- fal.ai

IMAGE_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
SIDE = whole(64, 2048)
TRAINER, PICTURES = "fal-ai/flux-lora-portrait-trainer", "fal-ai/flux-lora"
CLIPS = "fal-ai/wan/v2.2-5b/image-to-video"
FAL_MODELS: dict[str, tuple[dict[str, Check], tuple[str, ...]]] = {
    TRAINER: (
        {
            "images_data_url": url,
            "trigger_phrase": STRING,
            "steps": whole(1, 10_000),
            "learning_rate": number(0, 1),
            "multiresolution_training": TRUTH,
            "subject_crop": TRUTH,
            "create_masks": TRUTH,
            "data_archive_format": either(STRING, lambda value: "" if value is None else "str expected"),
            "resume_from_checkpoint": either(url, one_of("")),
        },
        ("images_data_url",),
    ),
    PICTURES: (
        {
            "prompt": STRING,
            "image_size": either(
                one_of(*IMAGE_SIZES), form({"width": SIDE, "height": SIDE}, ("width", "height"))
            ),
            "num_inference_steps": whole(1, 50),
            "guidance_scale": number(0, 35),
            "num_images": whole(1, 4),
            "seed": whole(0, 2**63),
            "loras": listed(form({"path": lora_place, "scale": number(0, 4), "force": TRUTH}, ("path",))),
            "enable_safety_checker": TRUTH,
            "output_format": one_of("jpeg", "png"),
            "acceleration": one_of("none", "regular"),
            "sync_mode": TRUTH,
        },
        ("prompt",),
    ),
    CLIPS: (
        {
            "image_url": url,
            "prompt": STRING,
            "negative_prompt": STRING,
            "num_frames": whole(17, 161),
            "frames_per_second": whole(4, 60),
            "resolution": one_of("580p", "720p"),
            "aspect_ratio": one_of("auto", "16:9", "9:16", "1:1"),
            "num_inference_steps": whole(2, 50),
            "guidance_scale": number(1, 10),
            "shift": number(1, 10),
            "seed": whole(0, 2**63),
            "enable_safety_checker": TRUTH,
            "enable_output_safety_checker": TRUTH,
            "enable_prompt_expansion": TRUTH,
            "interpolator_model": one_of("none", "film", "rife"),
            "num_interpolated_frames": whole(0, 4),
            "adjust_fps_for_interpolation": TRUTH,
            "video_quality": one_of("low", "medium", "high", "maximum"),
            "video_write_mode": one_of("fast", "balanced", "small"),
        },
        ("image_url", "prompt"),
    ),
}

DECISION = one_of("hide", "forbid", "allow")
LIFECYCLE = form(
    {
        "expiration_duration_seconds": whole(1),
        "initial_acl": form(
            {
                "default": one_of("hide", "forbid", "allow"),
                "rules": listed(
                    form(
                        {"user": STRING, "decision": one_of("hide", "forbid", "allow")}, ("user", "decision")
                    )
                ),
            }
        ),
    }
)


def lifecycle(text: str) -> str:
    try:
        return LIFECYCLE(json.loads(text))
    except ValueError:
        return "is not JSON"


def seconds(text: str) -> str:
    try:
        return "" if float(text) > 1 else "must be more than 1"
    except ValueError:
        return "is not a number"


FAL_HEADERS: dict[str, Check] = {
    "x-fal-queue-priority": one_of("normal", "low", "high"),
    "x-fal-request-timeout": seconds,
    "x-fal-runner-hint": STRING,
    "x-fal-no-retry": one_of("1", "true", "yes"),
    "x-fal-object-lifecycle-preference": lifecycle,
    "x-fal-object-lifecycle": lifecycle,
    "x-fal-file-name": STRING,
}


def header_faults(headers: Mapping[str, str]) -> list[str]:
    """What is wrong with the headers that start with X-Fal-."""
    own = {name: value for name, value in headers.items() if name.startswith("x-fal-")}
    checks = {name: FAL_HEADERS.get(name, lambda value: "is not known") for name in own}
    return [f"header {name}: {said}" for name, value in own.items() if (said := checks[name](value))]


def fal_detail(place: list[str], said: str, kind: str, given: Any = None) -> dict[str, Any]:
    page = f"https://docs.fal.ai/errors#{kind.split('.')[-1]}"
    return {"loc": ["body", *place], "msg": said, "type": kind, "url": page, "input": given}


# Errors of fal's platform (not of a model), by error_type.
PLATFORM = {
    "request_timeout": 504,
    "startup_timeout": 504,
    "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503,
    "runner_disconnected": 503,
    "runner_connection_refused": 503,
    "client_disconnected": 499,
    "client_cancelled": 499,
    "bad_request": 400,
    "internal_error": 500,
}

# ---------------------------------------------------------------- Together AI

SCHNELL = "black-forest-labs/FLUX.1-schnell"
TOGETHER_MODELS = (SCHNELL, "black-forest-labs/FLUX.1-schnell-Free", "black-forest-labs/FLUX.1.1-pro")
DEPRECATED = "black-forest-labs/FLUX.1-dev-lora"
TOGETHER_FIELDS: dict[str, Check] = {
    "model": STRING,
    "prompt": STRING,
    "steps": whole(1, 50),
    "n": whole(1, 4),
    "width": SIDE,
    "height": SIDE,
    "seed": whole(),
    "negative_prompt": STRING,
    "guidance_scale": number(0, 35),
    "image_url": url,
    "reference_images": listed(url),
    "image_loras": listed(form({"path": lora_place, "scale": number()}, ("path", "scale")), 2),
    "response_format": one_of("url", "base64"),
    "output_format": one_of("jpeg", "png"),
    "disable_safety_checker": TRUTH,
}
TOGETHER_NEEDED = ("model", "prompt")


def together_error(said: str, kind: str = "invalid_request_error", **more: str | None) -> dict[str, Any]:
    return {"error": {"message": said, "type": kind, "param": more.get("param"), "code": more.get("code")}}
