"""Failures during use: nothing is lost or paid twice, and the page shows what happened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, until
from tests.browser.test_walk import files
from tests.conftest import jpeg
from tests.processes import ended, wait_for
from tests.test_workers import trained_twin
from twins.services import start_training

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def wizard(site: Site, twin: Any) -> Page:
    """The page of alice's new twin, where she uploads photos."""
    page = site.visit(user=twin.user)
    page.goto(f"/twins/{twin.id}/")
    return page


@pytest.fixture
def studio_page(site: Site, alice: Any) -> Page:
    """The studio of alice, who has a trained twin and credits."""
    trained_twin(alice)
    page = site.visit(user=alice)
    page.goto("/studio/")
    return page


def accepted(page: Page, count: int) -> None:
    expect(page.locator("#photos .accepted")).to_have_count(count)


@pytest.mark.thorough
def test_thirty_files_at_once(site: Site, wizard: Page, twin: Any, tmp_path: Path) -> None:
    site.workers.start("cpu")
    wizard.locator("#files").set_input_files(files(tmp_path, 30))
    accepted(wizard, 25)
    refused = wizard.locator("#photos .refused")
    expect(refused).to_have_count(5)
    expect(refused.first).to_contain_text("photo-25.jpg Not taken: a twin holds at most 25 photos.")
    assert twin.photos.count() == 25


def test_what_is_no_photo_says_so_beside_those_that_are(site: Site, wizard: Page, tmp_path: Path) -> None:
    site.workers.start("cpu")
    one, again, text = tmp_path / "one.jpg", tmp_path / "again.jpg", tmp_path / "notes.jpg"
    one.write_bytes(jpeg(1))
    again.write_bytes(jpeg(1))
    text.write_text("not a picture")
    wizard.locator("#files").set_input_files([one, again, text])
    accepted(wizard, 1)
    expect(wizard.locator("#photos .refused")).to_have_count(2)
    wizard.get_by_role("button", name="Remove notes.jpg").click()
    expect(wizard.locator("#photos .photo")).to_have_count(2)
    wizard.reload()  # of a refused photo nothing is left but its name and the reason
    expect(wizard.locator("#photos .photo")).to_have_count(2)
    expect(wizard.locator("#photos .photo").last).to_contain_text(re.compile(r"(one|again)\.jpg \w+"))
    expect(wizard.locator("#photos .blank")).to_have_count(0)


@pytest.mark.thorough  # by default a file that is no photo is, above
def test_a_folder_is_named_and_its_neighbours_are_sent(site: Site, wizard: Page) -> None:
    site.workers.start("cpu")
    wizard.evaluate(
        """(bytes) => { const file = new File([new Uint8Array(bytes)], "me.jpg", { type: "image/jpeg" });
        const items = [{ kind: "file", webkitGetAsEntry: () => ({ isDirectory: true, name: "Holiday" }) },
          { kind: "file", webkitGetAsEntry: () => ({ isDirectory: false }), getAsFile: () => file }];
        const drop = new Event("drop", { cancelable: true });
        drop.dataTransfer = { items };
        document.getElementById("drop").dispatchEvent(drop); }""",
        list(jpeg(5)),
    )
    accepted(wizard, 1)
    expect(wizard.locator("#photos .refused")).to_have_text(
        "Holiday A folder. Open it, and choose the photos in it.×"
    )


def test_a_reload_in_the_middle_of_an_upload_loses_nothing(
    site: Site, wizard: Page, twin: Any, tmp_path: Path
) -> None:
    site.workers.start("cpu")
    wizard.route("**/api/v1/twins/*/uploads", lambda route: route.abort())
    wizard.locator("#files").set_input_files(files(tmp_path, 5))
    expect(wizard.locator("#said")).to_have_text("The connection is gone. This goes on by itself.")
    wizard.unroute("**/api/v1/twins/*/uploads")
    wizard.reload()
    accepted(wizard, 5)
    wizard.reload()
    accepted(wizard, 5)
    assert twin.photos.count() == 5


@pytest.mark.thorough  # by default others are lost on the way, below
def test_photos_chosen_before_the_script_was_loaded_are_sent(
    site: Site, wizard: Page, tmp_path: Path
) -> None:
    site.workers.start("cpu")
    held: list[Any] = []
    wizard.route("**/upload.js", lambda route: held.append(route))
    wizard.reload(wait_until="commit")
    wizard.locator("#files").set_input_files(files(tmp_path, 2))
    wait_for(lambda: wizard.evaluate("1") and held)
    held[0].continue_()
    accepted(wizard, 2)


def test_a_photo_whose_answer_was_lost_is_sent_again_and_is_one(
    site: Site, wizard: Page, twin: Any, tmp_path: Path
) -> None:
    site.workers.start("cpu")

    wizard.evaluate(  # the upload arrives, but its answer is lost
        """() => { const real = fetch; window.fetch = async (url, how = {}) => {
        const answer = await real(url, how);
        if (how.method === "POST") throw new TypeError("the connection is gone");
        return answer; }; }"""
    )
    wizard.locator("#files").set_input_files(files(tmp_path, 2))
    expect(wizard.locator("#said")).to_have_text("The connection is gone. This goes on by itself.")
    wait_for(lambda: twin.photos.count() == 2)
    wizard.reload()
    accepted(wizard, 2)
    expect(wizard.locator("#photos .photo")).to_have_count(2)
    assert twin.photos.count() == 2


def test_a_connection_cut_during_an_upload_goes_on_by_itself(
    site: Site, wizard: Page, twin: Any, tmp_path: Path
) -> None:
    site.workers.start("cpu")
    wizard.context.set_offline(True)
    wizard.locator("#files").set_input_files(files(tmp_path, 4))
    expect(wizard.locator("#said")).to_have_text("The connection is gone. This goes on by itself.")
    wizard.context.set_offline(False)
    accepted(wizard, 4)
    assert twin.photos.count() == 4


def test_a_piece_that_breaks_off_goes_on_where_it_stopped(site: Site, wizard: Page, tmp_path: Path) -> None:
    site.workers.start("cpu")
    large, sent, held = tmp_path / "large.tif", [], []
    Image.new("RGB", (1300, 1300), (90, 120, 90)).save(large)  # 5 MB in this format: two pieces

    def hold_the_first(route: Any) -> None:
        sent.append((route.request.method, route.request.headers.get("upload-offset")))
        route.continue_() if held else held.append(route)

    wizard.route("**/api/v1/uploads/*", hold_the_first)
    wizard.locator("#files").set_input_files(large)
    expect(wizard.locator("#photos .checking p")).to_have_text("Sending… 83 %")
    wait_for(lambda: wizard.evaluate("1") and held)
    held[0].abort()
    accepted(wizard, 1)
    assert sent == [("PATCH", "4194304"), ("HEAD", None), ("PATCH", "4194304")]


@pytest.mark.thorough  # by default the next test follows one piece of work on two devices
def test_two_tabs_on_one_twin_show_the_same(site: Site, wizard: Page, twin: Any, tmp_path: Path) -> None:
    other = wizard.context.new_page()
    other.goto(wizard.url)
    site.workers.start("cpu")
    wizard.locator("#files").set_input_files(files(tmp_path, 3))
    accepted(wizard, 3)
    accepted(other, 3)
    expect(other.locator("#state")).to_contain_text("3 of 10 photos")


def test_a_reload_in_the_middle_of_a_generation_and_a_second_device(
    site: Site, studio_page: Page, alice: Any
) -> None:
    site.workers.hold()
    site.workers.start("render")
    studio_page.get_by_label("Prompt", exact=True).fill("in a park")
    studio_page.get_by_role("button", name="Create").click()
    expect(studio_page.locator(".waits")).to_have_count(2)
    studio_page.reload()
    expect(studio_page.locator(".waits")).to_have_count(2)
    phone = site.visit("phone", user=alice)
    phone.goto("/studio/")
    expect(phone.locator(".waits")).to_have_count(2)
    site.workers.let_go()
    for page in (studio_page, phone):
        expect(page.locator(".result img")).to_have_count(2)
        expect(page.locator(".waits")).to_have_count(0)
    assert site.complaints == []


def test_a_double_click_is_one_job_and_the_back_button_another(
    site: Site, studio_page: Page, alice: Any
) -> None:
    from generation.models import Job

    studio_page.get_by_label("Prompt", exact=True).fill("in a park")
    studio_page.get_by_role("button", name="Create").dblclick()
    expect(studio_page.locator(".job")).to_have_count(1)
    assert Job.objects.count() == 1
    studio_page.go_back()
    studio_page.get_by_label("Prompt", exact=True).fill("on a beach")
    studio_page.get_by_role("button", name="Create").click()
    expect(studio_page.locator(".job")).to_have_count(2)
    assert Job.objects.count() == 2


@pytest.mark.thorough  # by default "Create" is clicked twice, above
def test_a_double_click_on_again_is_one_more_job(site: Site, studio_page: Page, alice: Any) -> None:
    from generation.models import Job

    site.workers.start("render")
    studio_page.get_by_label("Prompt", exact=True).fill("in a park")
    studio_page.get_by_role("button", name="Create").click()
    expect(studio_page.locator(".result img")).to_have_count(2)
    studio_page.get_by_role("button", name="Again").dblclick()
    expect(studio_page.locator(".result img")).to_have_count(4)
    assert Job.objects.count() == 2


@pytest.mark.thorough  # by default tests/browser/test_studio.py looks at one that has the focus
def test_results_of_two_requests_leave_what_is_being_typed_alone(site: Site, studio_page: Page) -> None:
    prompt = studio_page.get_by_label("Prompt", exact=True)
    for text in ("in a park", "on a beach"):
        prompt.fill(text)
        studio_page.get_by_role("button", name="Create").click()
        expect(studio_page.locator(".job").first).to_contain_text(text)
    expect(studio_page.locator(".waits")).to_have_count(4)
    prompt.fill("in the mountains")
    site.workers.start("render")
    expect(studio_page.locator(".result img")).to_have_count(4)
    expect(prompt).to_be_focused()
    expect(prompt).to_have_value("in the mountains")


@pytest.mark.thorough  # by default it is one job, above
def test_a_double_click_is_one_training(site: Site, twin: Any, photos: list[Any]) -> None:
    page = site.visit(user=twin.user)
    page.goto(f"/twins/{twin.id}/")
    page.get_by_role("button", name="Train").dblclick()
    expect(page.get_by_role("heading", name="In training")).to_be_visible()
    assert twin.trainings.count() == 1


def test_a_training_that_ends_between_two_pages_is_told_once(
    site: Site, twin: Any, photos: list[Any]
) -> None:
    page = site.visit(user=twin.user)
    page.goto("/gallery/")
    page.goto("about:blank")
    training = start_training(twin)
    site.workers.start("train")
    wait_for(lambda: ended(training))
    page.goto("/gallery/")
    expect(page.locator("#toasts .toast")).to_have_text("Your twin is ready.×")
    page.add_init_script("addEventListener('run', () => { window.heard = true; })")
    page.reload()
    until(page, "window.heard")
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_a_session_that_ends_while_typing_keeps_the_prompt(site: Site, studio_page: Page, alice: Any) -> None:
    from django.contrib.sessions.models import Session

    studio_page.get_by_label("Prompt", exact=True).press_sequentially("in a park at noon")
    studio_page.keyboard.press("Escape")
    Session.objects.all().delete()
    studio_page.get_by_role("button", name="Create").click()
    studio_page.get_by_label("E-mail").fill("alice@example.com")
    studio_page.get_by_label("Password", exact=True).fill("a long password")
    studio_page.get_by_role("button", name="Log in", exact=True).click()
    studio_page.goto("/studio/")
    expect(studio_page.get_by_label("Prompt", exact=True)).to_have_value("in a park at noon")


def test_a_server_that_is_away_is_told_and_waited_for(site: Site, studio_page: Page) -> None:
    site.workers.start("render")
    studio_page.get_by_label("Prompt", exact=True).fill("in a park")
    site.workers.hold()
    studio_page.get_by_role("button", name="Create").click()
    expect(studio_page.locator(".waits")).to_have_count(2)
    site.web.stop()
    expect(studio_page.locator(".toast.away")).to_be_visible(timeout=30_000)
    studio_page.get_by_label("Prompt", exact=True).fill("on a beach")
    studio_page.get_by_role("button", name="Create").click()
    expect(studio_page.locator(".outbox-waits")).to_contain_text("One request waits here.")
    site.workers.let_go()
    site.start_web(port=site.web.port)
    expect(studio_page.locator(".job").first).to_contain_text("on a beach")
    expect(studio_page.locator(".result img")).to_have_count(4)
    expect(studio_page.locator(".toast.away")).to_have_count(0)


def test_a_late_suggestion_does_not_replace_the_list_under_the_finger(studio_page: Page) -> None:
    held: list[Any] = []
    prompt = studio_page.get_by_label("Prompt", exact=True)
    prompt.fill("")
    expect(studio_page.get_by_role("option").first).to_be_visible()
    studio_page.route("**/prompts/suggest?q=s", lambda route: held.append(route))
    prompt.fill("s")
    wait_for(lambda: studio_page.evaluate("1") and held)
    prompt.press("ArrowDown")
    with studio_page.expect_event("requestfinished"):
        held[0].continue_()
    prompt.press("Enter")
    expect(prompt).to_have_value("smiling, in a park, wearing a red hoodie")
