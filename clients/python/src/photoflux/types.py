"""What the API answers. Made by generate.py; do not change it here."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class Album(TypedDict):
    created_at: str
    id: str
    name: str


class Channels(TypedDict):
    email: bool
    push: bool


class Credits(TypedDict):
    captured: int
    held: int
    if_cancelled: int | None


class Drawn(TypedDict):
    corrected: list[str]
    label: str
    notes: list[Note]
    picture: str | None
    traits: Traits | None


class Engine(TypedDict):
    consent: str | None
    consented: bool
    eras: list[str]
    id: str
    licence: str
    motion_words: bool
    motions: list[str]
    name: str
    paints: bool
    photorealistic: bool
    prices: EnginePrices
    trains: bool
    video: bool
    where: Where | None


class EnginePrices(TypedDict):
    draft: int
    high: int
    standard: int
    training: int | None
    video_second: int | None


class Frames(TypedDict):
    done: int
    of: int


class Item(TypedDict):
    archived: bool
    created_at: str
    demonstration: bool
    duration: float | None
    engine: str
    favourite: bool
    height: int
    id: str
    index: int
    job: str | None
    keeper: str | None
    kind: Literal["image", "video", "restored"]
    likeness: float | None
    likeness_low: float | None
    media_type: str
    notes: str
    original: str | None
    place: str
    prompt: str
    recipe: Any
    size: int
    style: str
    tags: list[str]
    training: str | None
    twin: str | None
    width: int


class Job(TypedDict):
    album: str | None
    created_at: str
    credits: Credits
    demonstration: bool
    error: RunError | None
    eta_seconds: int | None
    finished_at: str | None
    frames: Frames | None
    id: str
    items: list[str]
    kind: str
    negative_prompt_read_until: int | None
    position: int | None
    progress: float
    prompt_read_until: int | None
    recipe: Recipe
    stage: str
    started_at: str | None
    status: str
    unlike: int


class Me(TypedDict):
    birth_date: str | None
    date_joined: str
    display_name: str
    email: str | None
    id: str
    language: Literal["en", "es", "zh-hans"]
    notifications: Preferences
    phone: str | None
    photos_kept: Literal["until_deleted", "trained"]
    zone: str


class Missing(TypedDict):
    code: str
    detail: str


class Note(TypedDict):
    code: str
    detail: str


class Photo(TypedDict):
    box: list[float] | None
    code: str | None
    created_at: str
    detail: str | None
    file_name: str
    height: int | None
    hints: list[str]
    id: str
    kind: Literal["drawn", "photograph"] | None
    status: Literal["checking", "accepted", "refused"]
    twin: str
    width: int | None


class Preferences(TypedDict):
    account: Channels
    export: Channels
    generation: Channels
    support: Channels
    training: Channels


class Quote(TypedDict):
    credits: int
    negative_prompt_read_until: int
    prompt_read_until: int


class Readiness(TypedDict):
    accepted: int
    missing: list[Missing]
    needed: int
    people: list[list[str]]


class Recipe(TypedDict):
    action: str
    aspect_ratio: str
    count: int
    duration: int
    engine: str
    era: str | None
    kind: str
    mask: str
    motion: str
    negative_prompt: str
    pack: str
    presets: list[str]
    prompt: str
    quality: str
    reference: str
    region: str
    seed: int
    steps: int | None
    strength: float
    style: str
    times: int
    training: str | None
    twin: str | None


class RunError(TypedDict):
    code: str
    detail: str


class Training(TypedDict):
    active: bool
    avatar: Drawn | None
    base: str
    checkpoint: int | None
    created_at: str
    credits: Credits
    engines: list[str]
    error: RunError | None
    eta_seconds: int | None
    finished_at: str | None
    id: str
    kind: str
    likeness: float | None
    likeness_base: float | None
    likeness_real: float | None
    number: int
    older_base: bool
    position: int | None
    progress: float
    samples: list[str]
    seconds: float | None
    seed: int
    stage: str
    started_at: str | None
    status: str
    steps: int | None
    twin: str


class Traits(TypedDict):
    beard: Literal["none", "stubble", "moustache", "goatee", "beard"]
    eyes: Literal["brown", "blue", "green", "grey", "hazel", "dark"]
    glasses: Literal["none", "round", "square"]
    hair: str
    hair_colour: str
    skin: float


class Twin(TypedDict):
    active_training: str | None
    created_at: str
    id: str
    name: str
    photo_count: int
    readiness: Readiness
    status: str
    subject_class: str


class Where(TypedDict):
    company: str
    country: str
    privacy_url: str
    service: str
