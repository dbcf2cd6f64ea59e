"""The OpenAPI document is valid, and a client generated from it works against the running product."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from config.web.examples import example_of
from config.web.schema import document
from gallery.models import Item
from tests.conftest import jpeg

# The generator knows no media type but octet-stream.
FILES = ("image/png", "image/jpeg", "application/zip", "application/offset+octet-stream")
PASSWORD = "a long password"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return dict(json.loads(document("en")[0]))


def operations(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for methods in found["paths"].values() for operation in methods.values())


def test_the_document_is_valid(found: dict[str, Any]) -> None:
    faults: list[OpenAPIValidationError] = list(OpenAPIV31SpecValidator(found).iter_errors())  # type: ignore[arg-type]
    assert faults == []


def test_every_operation_has_a_name_of_its_own_and_tells_its_refusals(found: dict[str, Any]) -> None:
    names = Counter(operation["operationId"] for operation in operations(found))
    assert len(names) >= 60
    assert set(names.values()) == {1}
    for operation in operations(found):
        assert {"401", "503"} <= set(operation["responses"]), operation["operationId"]


def test_refusals_follow_from_what_a_view_declares(found: dict[str, Any]) -> None:
    paths = found["paths"]
    training = paths["/api/v1/twins/{ident}/trainings"]["post"]["responses"]
    assert {"400", "402", "403", "404", "409", "413", "415", "422", "429"} <= set(training)
    assert "`not_enough_photos`" in training["409"]["description"]
    assert "412" in paths["/api/v1/items/{ident}"]["patch"]["responses"]
    content = paths["/api/v1/items/{ident}/content"]["get"]
    assert {"206", "304", "416"} <= set(content["responses"])
    assert {"Range", "If-None-Match"} <= {parameter["name"] for parameter in content["parameters"]}


def test_every_json_body_has_an_example(found: dict[str, Any]) -> None:
    import jsonschema

    for operation in operations(found):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (body.get("content", {}).get("application/json") for body in bodies):
            if content:
                schema = {**content["schema"], "components": found["components"]}
                jsonschema.Draft202012Validator(schema).validate(content["example"])


def test_an_example_keeps_to_limits() -> None:
    assert example_of({"type": "string", "maxLength": 2}, {}) == "te"
    assert example_of({"type": ["integer", "null"], "minimum": 4}, {}) == 4


@pytest.fixture(scope="module")
def api(found: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package that openapi-python-client makes of the document."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(found))
    types = dict.fromkeys(FILES, "application/octet-stream")
    (folder / "config.json").write_text(
        json.dumps({"content_type_overrides": types, "post_hooks": [], "package_name_override": "flux"})
    )
    command = "openapi_python_client", "generate", "--path", "openapi.json", "--config", "config.json"
    more = "--meta", "none", "--output-path", "flux", "--fail-on-warning"
    made = subprocess.run(
        [sys.executable, "-m", *command, *more], cwd=folder, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield lambda name: importlib.import_module(f"flux.{name}")


@pytest.mark.django_db(transaction=True)
def test_a_generated_client_makes_a_twin_sends_a_photo_and_is_refused(
    api: Any, alice: Any, wake_ups: Any, live_server: Any
) -> None:
    from accounts import consents

    for kind in ("terms", "biometric_twin"):
        consents.give(alice, kind=kind, version=consents.WORDING[kind][0])
    client, models = _log_in(api, live_server.url), api("models")
    twin = api("api.twins.create_twin").sync(client=client, body=models.TwinFormRequest(name="Ana"))
    file = api("types").File(payload=BytesIO(jpeg()), file_name="a.jpg", mime_type="image/jpeg")
    photo = api("api.twins.upload_twin_photo").sync(
        twin.id, client=client, body=models.PhotoFormRequest(file=file)
    )
    listed = api("api.twins.list_twin_photos").sync(twin.id, client=client)
    assert [each.id for each in listed.results] == [photo.id]
    order = models.JobFormRequest(prompt="in a park", count=8, quality=models.QualityEnum.HIGH)
    refused = api("api.generations.create_generation").sync(client=client, body=order)
    assert (type(refused).__name__, refused.status, refused.code) == ("Problem", 402, "not_enough_credits")


@pytest.mark.django_db(transaction=True)
def test_a_generated_client_reads_an_item_and_downloads_it(api: Any, alice: Any, live_server: Any) -> None:
    from gallery.services import save_item
    from tests.studio import paint

    item = Item(user=alice, width=64, height=64, size=0, etag="", prompt="in a park")
    for name, value in save_item(alice.id, item.id, paint(b"", 3)).items():
        setattr(item, name, value)
    item.save()
    client = _log_in(api, live_server.url)
    assert api("api.items.list_items").sync(client=client).results[0].id == item.id
    assert api("api.items.get_item").sync(item.id, client=client).prompt == "in a park"
    file = api("api.items.get_item_content").sync(item.id, client=client)
    assert len(file.payload.read()) == item.size
    part = api("api.items.get_item_content").sync_detailed(item.id, client=client, range_="bytes=0-9")
    assert (part.status_code, len(part.content)) == (206, 10)


def _log_in(api: Any, url: str) -> Any:
    import httpx

    login = {"email": "alice@example.com", "password": PASSWORD}
    answer = httpx.post(f"{url}/_allauth/app/v1/auth/login", json=login).json()
    return api("client").AuthenticatedClient(base_url=url, token=answer["meta"]["access_token"])


def test_no_two_components_share_a_name(capfd: pytest.CaptureFixture[str]) -> None:
    """One of them would be described by the other."""
    from drf_spectacular.drainage import GENERATOR_STATS

    GENERATOR_STATS.reset()  # it tells each once a process
    document.__wrapped__("en")
    assert "identical names" not in capfd.readouterr().err
