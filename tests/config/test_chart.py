"""The chart of deploy/chart, rendered by helm and checked by the schemas of what Kubernetes takes."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.db import connection
from jsonschema import Draft202012Validator

from config.runs.models import kinds
from config.start import env, keys, processes
from tests.factory import full_user, start_work

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "chart"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
# Trimmed to the fields that the chart uses; facts from the resources' own definitions (August 2026).
CUSTOM = json.loads((ROOT / "tests" / "data" / "custom_resources.json").read_text())
MINIMAL = CHART / "cases" / "minimal.yaml"
CASES = {
    "minimal": (MINIMAL,),
    "everything": (CHART / "cases" / "everything.yaml",),
    "gke": (MINIMAL, CHART / "values-gke.yaml"),
}
WORKERS = {"train", "render", "cpu", "io", "remote"}


def helm(*arguments: Any) -> subprocess.CompletedProcess[str]:
    ours = ROOT / ".venv" / "bin" / "helm"
    program = str(ours) if ours.exists() else shutil.which("helm")
    assert program, "make helm"
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)


def template(files: tuple[Path, ...], *settings: str) -> subprocess.CompletedProcess[str]:
    given = [word for file in files for word in ("--values", file)]
    chosen = [word for setting in settings for word in ("--set", setting)]
    return helm("template", "pf", CHART, *given, *chosen)


@cache
def rendered(case: str) -> list[dict[str, Any]]:
    made = template(CASES[case])
    assert made.returncode == 0, made.stderr
    return [found for found in yaml.safe_load_all(made.stdout) if found]


def of_kind(case: str, kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in rendered(case) if found["kind"] == kind}


def pods(case: str) -> dict[str, dict[str, Any]]:
    found = of_kind(case, "Deployment") | of_kind(case, "Job")
    return {name: made["spec"]["template"]["spec"] for name, made in found.items()}


@pytest.mark.parametrize("case", CASES)
def test_what_is_rendered_is_what_kubernetes_takes(case: str) -> None:
    for made in rendered(case):
        name = f"{made['apiVersion']}/{made['kind']}"
        if name in CUSTOM:
            Draft202012Validator(CUSTOM[name]).validate(made)
        else:
            kubernetes_validate.validate(made, "1.37", strict=True)


def test_helm_lints_it() -> None:
    said = helm("lint", CHART, "--strict", "--values", MINIMAL)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    "setting, told",
    [
        ("origin=", "/origin"),
        ("secret.name=", "/secret/name"),
        ("images.web=", "/images/web"),
        ("release.active=green", "release.green is the active colour and has no tag"),
        ("settings.STRIPE_SECRET_KEYS=sk", "STRIPE_SECRET_KEYS"),
        ("redis.url=rediss://:password@host:6379", "/redis/url"),
        ("redis.mode=external", "redis.url is required"),
        ("web.replica=3", "replica"),
        ("storage.claim=", "every pod needs the same files and the same key"),
        (
            "monitoring.enabled=true,monitoring.namespace=monitoring",
            "monitoring.from is required, or metrics_token",
        ),
        ("monitoring.from=everywhere", "/monitoring/from"),
    ],
)
def test_a_wrong_value_is_named(setting: str, told: str) -> None:
    made = template((MINIMAL,), setting)
    assert made.returncode != 0
    assert told in made.stderr


def test_each_process_of_the_table_runs_by_its_name(tmp_path: Path) -> None:
    rows = {row.name for row in processes.table(host="0.0.0.0", port=8000, var=tmp_path)}
    assert VALUES["workers"].keys() == WORKERS
    commands = {pod["containers"][0].get("command", [""])[-1] for pod in pods("minimal").values()}
    assert rows == commands - {"-c"}  # redis is a shell's


def test_every_pod_runs_without_rights() -> None:
    for name, pod in pods("everything").items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["automountServiceAccountToken"] is False, name
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert "memory" in container["resources"]["limits"], name


def test_every_process_has_what_the_settings_require() -> None:
    for name, pod in pods("minimal").items():
        given = {one["name"] for one in pod["containers"][0].get("env", [])}
        if "redis" not in name:
            assert all(n in given or f"{n}_FILE" in given for n in env.REQUIRED), name
    assert {name.upper() for name in VALUES["secret"]["files"]} <= {*keys.KEYS, *keys.PASSWORDS}


def test_secrets_are_references() -> None:
    for name, pod in pods("everything").items():
        for one in pod["containers"][0].get("env", []):
            assert "value" not in one or one["name"].endswith("_FILE") or "KEY" not in one["name"], name


def test_the_service_sends_to_the_active_colour_and_the_preview_to_the_other() -> None:
    services = of_kind("everything", "Service")
    colours = {name: made["spec"]["selector"].get("colour") for name, made in services.items()}
    assert colours == {"pf-web": "green", "pf-preview": "blue", "pf-redis": None}
    images = {
        name: pod["containers"][0]["image"].split(":")[-1]
        for name, pod in pods("everything").items()
        if name in ("pf-web-blue", "pf-web-green", "pf-train")
    }
    assert images == {"pf-web-blue": "1.0.0", "pf-web-green": "1.1.0", "pf-train": "1.1.0"}


def test_each_tag_is_migrated_by_a_job_that_the_pods_wait_for() -> None:
    assert len(of_kind("everything", "Job")) == 2
    for name, pod in pods("everything").items():
        if "redis" not in name and "migrate" not in name:
            assert "migrate --check" in pod["initContainers"][0]["command"][-1], name


def test_roll_back_is_a_change_of_the_selector_alone() -> None:
    files = CASES["everything"]
    before, after = (
        [found for found in yaml.safe_load_all(template(files, f"release.active={colour}").stdout) if found]
        for colour in ("green", "blue")
    )
    changed = {
        (made["kind"], made["metadata"]["name"])
        for made, then in zip(before, after, strict=True)
        if made != then
    }
    web = {found for found in changed if "web" in found[1] or "preview" in found[1]}
    assert ("Service", "pf-web") in web
    # Workers take the active colour's image.
    assert changed - web == {("Deployment", f"pf-{name}") for name in {*WORKERS, "beat"}}


def test_prometheus_may_read_what_its_monitor_asks_for() -> None:
    (monitor,), web = of_kind("everything", "ServiceMonitor").values(), pods("everything")["pf-web-green"]
    assert {"name": "METRICS_FROM", "value": "10.0.0.0/8"} in web["containers"][0]["env"]
    service = of_kind("everything", "Service")["pf-web"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service.items()
    assert "authorization" not in monitor["spec"]["endpoints"][0]
    by_token = template(
        (MINIMAL,),
        "monitoring.enabled=true,monitoring.namespace=monitoring,secret.files={secret_key,metrics_token}",
    )
    found = {made["kind"]: made for made in yaml.safe_load_all(by_token.stdout) if made}
    (asked,) = found["ServiceMonitor"]["spec"]["endpoints"]
    assert asked["authorization"] == {"credentials": {"name": "photoflux-keys", "key": "metrics_token"}}
    assert "METRICS_TOKEN_FILE" in by_token.stdout
    assert "METRICS_FROM" not in by_token.stdout


def test_nothing_reaches_a_pod_that_no_policy_names() -> None:
    policies = of_kind("everything", "NetworkPolicy")
    nothing = policies["pf-nothing"]["spec"]
    assert nothing["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & nothing.keys()
    outside = policies["pf-processes"]["spec"]["egress"][-1]["to"][0]["ipBlock"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(outside["except"])


def test_a_queue_scales_on_rows_and_never_on_the_broker() -> None:
    scaled = of_kind("everything", "ScaledObject")
    assert scaled.keys() == {f"pf-{queue}" for queue in WORKERS - {"io"}}
    for made in scaled.values():
        (trigger,) = made["spec"]["triggers"]
        assert trigger["type"] == "postgresql"
        assert "status IN ('queued', 'running')" in trigger["metadata"]["query"]


@pytest.mark.django_db
def test_the_queries_count_what_waits_or_runs_in_each_queue() -> None:
    start_work(full_user("alice"))
    found = {}
    for queue in WORKERS:
        with connection.cursor() as cursor:
            cursor.execute((CHART / "queries" / f"{queue}.sql").read_text())
            (found[queue],) = cursor.fetchone() or (None,)
    assert found == {queue: waiting(queue) for queue in WORKERS}
    assert all(found[queue] for queue in ("train", "render", "cpu"))


def waiting(queue: str) -> int:
    return sum(
        kind.objects.open().filter(kind.by_queue()[queue]).count()
        for kind in kinds()
        if queue in kind.by_queue()
    )
