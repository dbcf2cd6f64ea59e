"""Packs of headshots: their prompts, what engines do not know of them, and their example pictures."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from PIL import Image

from config.studio import get_base
from generation.packs import delivered, services
from generation.packs.admin import lacks_of_pack, lacks_of_preset
from generation.packs.models import PICTURES, Pack, PackPicture, Preset
from generation.packs.prompts import PackUnfit, mixed, prompts
from ml import prompts as reading
from ml.catalogue import BASES
from ml.types import RenderSpec
from tests.rights import logged_in
from tests.studio import EngineDouble

pytestmark = pytest.mark.django_db
NANO, FLUX = BASES["nano"], BASES["flux-schnell"]
DELIVERED = ("office", "studio", "outdoors", "creative", "medical", "black-and-white")


def preset(kind: str, words: str, simple: str = "") -> Preset:
    return Preset(kind=kind, code=words, words=words, simple_words=simple)


ROOM, COAT, LIGHT = (
    preset("background", "in an office"),
    preset("attire", "wearing a coat"),
    preset("light", "soft light"),
)


def test_a_prompt_has_one_of_each_kind_after_the_words_of_the_pack() -> None:
    pack = Pack(words="black and white")
    assert (
        prompts(pack, [LIGHT, COAT, ROOM], FLUX, 2)
        == ["black and white, in an office, wearing a coat, soft light"] * 2
    )


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 3, 1), (4, 4, 3), (1, 2, 2), (5, 1, 1)])
def test_every_combination_comes_once_before_one_comes_again(sizes: tuple[int, int, int]) -> None:
    words = [[f"{kind}{i}" for i in range(size)] for kind, size in zip("bal", sizes, strict=True)]
    every = sizes[0] * sizes[1] * sizes[2]
    found = mixed(words, every + 1)
    assert len(set(found[:every])) == every
    assert found[every] == found[0]


def test_neighbours_differ_in_more_than_the_light() -> None:
    words = [[f"{kind}{i}" for i in range(4)] for kind in "bal"]
    found = mixed(words, 40)
    assert all(a[:2] != b[:2] for a, b in zip(found, found[1:]))


def test_words_that_an_engine_lacks_are_replaced_or_left_out() -> None:
    scrubs = preset("attire", "wearing blue medical scrubs", "wearing a blue t-shirt")
    assert (
        prompts(Pack(), [ROOM, scrubs, COAT, LIGHT], NANO, 2)
        == ["in an office, wearing a blue t-shirt, soft light"] * 2
    )
    assert "wearing blue medical scrubs" in prompts(Pack(), [ROOM, scrubs, LIGHT], FLUX, 1)[0]


def test_a_pack_without_any_attire_that_the_engine_knows_is_refused() -> None:
    with pytest.raises(PackUnfit):
        prompts(Pack(), [ROOM, COAT, LIGHT], NANO, 8)
    with pytest.raises(PackUnfit):
        prompts(Pack(), [], FLUX, 8)


def test_a_closed_vocabulary_tells_its_unknown_words_and_an_open_one_has_none() -> None:
    assert reading.unknown_words(NANO, "wearing a white doctor's coat, soft light") == ("doctor's", "coat")
    assert reading.unknown_words(FLUX, "wearing a white doctor's coat") == ()


def test_the_delivered_packs_have_names_in_every_language_and_whole_prompts() -> None:
    packs = services.offered(NANO)
    assert tuple(pack.code for pack in packs) == DELIVERED
    for row in (*packs, *Preset.objects.all()):
        assert row.name
        assert row.name_es
        assert row.name_zh
    for pack in packs:
        for prompt in prompts(pack, pack.choices(), NANO, services.MOST):
            assert reading.unknown_words(NANO, prompt) == ()
            read = reading.read_until(NANO, prompt, style=pack.style, subject="woman", twin=True)
            assert read is None, prompt


def test_the_delivered_packs_are_delivered_once_and_stay_as_staff_left_them() -> None:
    Pack.objects.filter(code="office").update(name="Work")
    Pack.objects.get(code="office").presets.clear()
    import_module("generation.migrations.0009_deliver_packs").deliver(Pack, Preset)
    assert (Pack.objects.count(), Pack.objects.get(code="office").name) == (6, "Work")
    assert Pack.objects.get(code="office").presets.count() == 0


def test_a_pack_that_lost_all_presets_of_a_kind_is_not_offered() -> None:
    Preset.objects.filter(kind="light").exclude(code="soft").delete()
    Preset.objects.filter(code="soft").update(enabled=False)
    assert services.offered() == []


# ---------------------------------------------------------------- staff


def test_staff_read_what_an_engine_does_not_know() -> None:
    coat, scrubs = (Preset.objects.get(code=code) for code in ("white-coat", "blue-scrubs"))
    assert "doctor's, coat" in lacks_of_preset(coat, NANO)
    assert "left out" in lacks_of_preset(coat, NANO)
    assert "simple words" in lacks_of_preset(scrubs, NANO)
    assert lacks_of_preset(coat, FLUX) == ""
    Preset.objects.filter(code__endswith="scrubs").update(simple_words="")
    assert "cannot make this pack" in lacks_of_pack(Pack.objects.get(code="medical"), NANO)[0]


def test_the_admin_tells_it_after_a_change_and_refuses_words_that_prompts_may_not_have(
    admin_user: Any,
) -> None:
    staff, row = logged_in(admin_user), Preset.objects.get(code="soft")
    form = {
        "code": "soft",
        "name": "Soft",
        "name_es": "Suave",
        "name_zh": "柔光",
        "kind": "light",
        "order": 0,
    }
    where = f"/admin/generation/preset/{row.id}/change/"
    said = staff.post(where, form | {"words": "velvet light", "enabled": "on"}, follow=True).content.decode()
    assert "does not know: velvet" in said
    assert "refused in prompts" in staff.post(where, form | {"words": "naked child"}).content.decode()
    row.refresh_from_db()
    assert row.words == "velvet light"


# ---------------------------------------------------------------- clients


def test_the_list_has_what_the_usual_engine_can_make_in_the_language_of_the_request(as_alice: Any) -> None:
    answer = as_alice.get("/api/v1/packs", headers={"Accept-Language": "es"}).json()
    assert [pack["code"] for pack in answer] == list(DELIVERED)
    medical = next(pack for pack in answer if pack["code"] == "medical")
    assert medical["name"] == "Sanidad"
    assert "white-coat" not in {each["code"] for each in medical["presets"]}
    assert as_alice.get("/api/v1/packs?engine=nothing").status_code == 422


def test_example_pictures_are_made_by_the_engine_of_this_machine(
    engine: EngineDouble, as_alice: Any, client: Any, capsys: Any
) -> None:
    call_command("pack_previews", "studio", count=2)
    assert "studio: 2 pictures by nano" in capsys.readouterr().out
    shown = next(p for p in as_alice.get("/api/v1/packs").json() if p["code"] == "studio")["pictures"]
    assert [each["engine"] for each in shown] == ["nano", "nano"]
    picture = client.get(shown[0]["url"])
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/jpeg")
    again = client.get(shown[0]["url"], headers={"If-None-Match": picture["ETag"]})
    assert (again.status_code, client.get("/api/v1/packs/studio/pictures/9").status_code) == (304, 404)


def test_delivered_packs_come_with_pictures(as_alice: Any) -> None:
    """Until staff make others, as the test above."""
    packs = as_alice.get("/api/v1/packs").json()
    assert {pack["code"]: len(pack["pictures"]) for pack in packs} == dict.fromkeys(DELIVERED, PICTURES)
    for url in (each["url"] for pack in packs for each in pack["pictures"]):
        with Image.open(settings.BASE_DIR / url.strip("/")) as picture:
            assert picture.size == (delivered.WIDTH, delivered.HEIGHT)
    Pack.objects.filter(code="studio").update(code="ours")
    assert [p["pictures"] for p in as_alice.get("/api/v1/packs").json() if p["code"] == "ours"] == [[]]


def test_pictures_that_may_not_be_shown_leave_the_earlier_ones(engine: EngineDouble) -> None:
    call_command("pack_previews", "office", count=1)
    engine.refuse = lambda spec: isinstance(spec, RenderSpec)
    with pytest.raises(CommandError, match="office"):
        call_command("pack_previews", "office", count=1)
    assert PackPicture.objects.get().pack.code == "office"


def test_unknown_packs_are_named(engine: EngineDouble) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        call_command("pack_previews", "nowhere")
    assert get_base("nano").service == ""
