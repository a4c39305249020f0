"""Each alert fires when it should and is silent when it should, by Prometheus' own promtool; each panel's PromQL parses."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import metrics, support
from tests.terraform import tools

Rendered = Callable[[str], Path]
# Products that have every file of rules; in the second one, previews are nobody's alarm.
PRODUCTS = ["gateway-with-two-environments", "previews-beside-a-gateway"]
MONITORED = [name for name in support.VALID if support.answers(name).get("monitoring")]


@dataclass(frozen=True)
class Case:
    """Series by the minute, and the alerts that fire at a minute."""

    what: str
    series: dict[str, str]
    minute: int
    fire: dict[str, int]


def application(
    sync: str = "Synced",
    health: str = "Healthy",
    name: str = "shop-dev",
    project: str = "shop",
    operation: str = "",
    phase: str = "Succeeded",
) -> str:
    state = f'sync_status="{sync}", health_status="{health}", operation="{operation}", phase="{phase}"'
    return f'argocd_app_info{{name="{name}", project="{project}", {state}}}'


def certificate(metric: str, **more: str) -> str:
    labels = {"name": "shop-tls", "namespace": "gateway", **more}
    chosen = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    return f"certmanager_certificate_{metric}{{{chosen}}}"


def volume(metric: str, claim: str = "data-database-0") -> str:
    return f'kubelet_volume_stats_{metric}_bytes{{namespace="shop-prod", persistentvolumeclaim="{claim}"}}'


def backup(night: int) -> str:
    return f'kube_job_status_succeeded{{namespace="shop-prod", job_name="database-backup-{night}"}}'


def secret(status: str, namespace: str = "shop-prod") -> str:
    return f'externalsecret_status_condition{{name="database", namespace="{namespace}", condition="Ready", status="{status}"}}'


def restarts(namespace: str) -> str:
    labels = f'namespace="{namespace}", pod="web-1", container="web"'
    return f"kube_pod_container_status_restarts_total{{{labels}}}"


def requests(code: str) -> str:
    return f'http_requests_total{{namespace="shop-prod", service="backend", method="GET", code="{code}"}}'


DAY = 24 * 3600
DISK = volume("capacity")
WELL = {application(): "1x120"}
TRIES = application("OutOfSync", operation="sync", phase="Running")
LOST = application("OutOfSync", "Missing", operation="sync", phase="Running")
STOPPED = application("OutOfSync", phase="Failed")
CASES: dict[str, list[Case]] = {
    "argocd.yaml": [
        Case("all is well", WELL, 100, {}),
        Case("a sync fails again and again", {TRIES: "1x60"}, 12, {"SyncFailed": 1}),
        Case(
            "a sync that fails takes its health with it", {TRIES: "1x6 stale", LOST: "_x7 1x60"}, 12, {"SyncFailed": 1}
        ),
        Case("a sync was stopped", {STOPPED: "1x60"}, 12, {"SyncFailed": 1}),
        Case("a sync fails for minutes", {TRIES: "1x8 stale", **WELL}, 20, {}),
        Case("a sync failed, and all is as Git says", {application(phase="Failed"): "1x60"}, 60, {}),
        Case("out of sync for long", {application(sync="OutOfSync"): "1x60"}, 31, {"OutOfSync": 1}),
        Case("Git can't be read for long", {application(sync="Unknown"): "1x60"}, 31, {"OutOfSync": 1}),
        Case("out of sync during a roll-out", {application(sync="OutOfSync"): "1x60"}, 29, {}),
        Case("degraded", {application(health="Degraded"): "1x60"}, 11, {"Unhealthy": 1}),
        Case("gone", {application(health="Missing"): "1x60"}, 11, {"Unhealthy": 1}),
        Case("on its way", {application(health="Progressing"): "1x60"}, 60, {}),
        Case("suspended by a person", {application(health="Suspended"): "1x60"}, 60, {}),
        Case(
            "degraded for a moment", {application(health="Degraded"): "1x9 stale", application(): "_x10 1x60"}, 30, {}
        ),
        Case(
            "two of three are degraded",
            {**{application(health="Degraded", name=name): "1x60" for name in ("shop-dev", "shop-prod")}, **WELL},
            11,
            {"Unhealthy": 2},
        ),
        Case("no metrics at all", {"up": "1x60"}, 16, {"ArgoCDSilent": 1}),
        Case("no metrics any more", {application(): "1x10 stale"}, 30, {"ArgoCDSilent": 1}),
        Case("no metrics while the controller restarts", {application(): "1x10 stale _x3 1x60"}, 30, {}),
    ],
    "certificates.yaml": [
        Case("all is well", {certificate("ready_status", condition="True"): "1x60"}, 60, {}),
        Case("not ready", {certificate("ready_status", condition="True"): "0x60"}, 31, {"CertificateNotReady": 1}),
        Case("not ready yet", {certificate("ready_status", condition="True"): "0x60"}, 29, {}),
        Case("what is false of a good one", {certificate("ready_status", condition="False"): "0x60"}, 60, {}),
        Case(
            "nine days left",
            {certificate("expiration_timestamp_seconds"): f"{9 * DAY}x60"},
            40,
            {"CertificateExpires": 1},
        ),
        Case("eleven days left", {certificate("expiration_timestamp_seconds"): f"{11 * DAY}x60"}, 60, {}),
        Case("never issued", {certificate("expiration_timestamp_seconds"): "0x60"}, 60, {}),
    ],
    "database.yaml": [
        Case("half full", {volume("available"): "50x60", volume("capacity"): "100x60"}, 60, {}),
        Case(
            "a fifth left", {volume("available"): "19x60", volume("capacity"): "100x60"}, 16, {"DatabaseDiskFillsUp": 1}
        ),
        Case("a fifth left for a moment", {volume("available"): "19x10 90x50", volume("capacity"): "100x60"}, 30, {}),
        Case(
            "nothing left",
            {volume("available"): "4x60", volume("capacity"): "100x60"},
            16,
            {"DatabaseDiskFillsUp": 1, "DatabaseDiskFull": 1},
        ),
        Case("a backup a day", {DISK: "9x3000", backup(1): "1x1500", backup(2): "_x1500 0x9 1x1500"}, 2900, {}),
        Case("a backup two days ago", {DISK: "9x3000", backup(1): "1x3000"}, 1700, {"DatabaseBackupMissing": 1}),
        Case(
            "a backup that fails",
            {DISK: "9x3000", backup(1): "1x3000", backup(2): "_x1500 0x1500"},
            1700,
            {"DatabaseBackupMissing": 1},
        ),
        Case("no backup yet", {DISK: "9x3000"}, 1500, {}),
        Case("never a backup", {DISK: "9x3000"}, 1700, {"DatabaseBackupMissing": 1}),
        Case("another disk", {volume("available", "cache"): "0x60", volume("capacity", "cache"): "100x60"}, 60, {}),
    ],
    "pods.yaml": [
        Case("no restarts", {restarts("shop-dev"): "7x90"}, 90, {}),
        Case("one restart", {restarts("shop-dev"): "0x30 1x60"}, 40, {}),
        Case("one after the other", {restarts("shop-dev"): "0+0.5x90"}, 60, {"ContainerRestarts": 1}),
        Case("those of Azure", {restarts("kube-system"): "0+1x90"}, 60, {}),
    ],
    "requests.yaml": [
        Case("no requests", {"up": "1x60"}, 60, {}),
        Case("all succeed", {requests("200"): "0+60x60"}, 60, {}),
        Case("one in a hundred fails", {requests("200"): "0+99x60", requests("500"): "0+1x60"}, 60, {}),
        Case("one in ten fails", {requests("200"): "0+90x60", requests("503"): "0+10x60"}, 20, {"RequestsFail": 1}),
        Case("one in ten fails for a moment", {requests("200"): "0+90x60", requests("503"): "0+10x60"}, 8, {}),
        Case("what clients do wrong", {requests("200"): "0+1x60", requests("404"): "0+99x60"}, 60, {}),
    ],
    "secrets.yaml": [
        Case("all is well", {secret("True"): "1x60", secret("False"): "0x60"}, 60, {}),
        Case("not refreshed", {secret("True"): "0x60", secret("False"): "1x60"}, 16, {"SecretNotRefreshed": 1}),
        Case("not refreshed for a moment", {secret("True"): "0x60", secret("False"): "1x60"}, 14, {}),
        Case("the operator is gone", {"up": "1x60"}, 31, {"SecretsSilent": 1}),
        Case("the operator restarts", {secret("True"): "1x10 stale _x9 1x60"}, 40, {}),
    ],
}

PREVIEW = application("OutOfSync", "Degraded", name="shop-pr-7", project="shop-previews", phase="Failed")
PREVIEWS: dict[str, list[Case]] = {
    "argocd.yaml": [Case("a preview that fails", {PREVIEW: "1x60"}, 60, {})],
    "pods.yaml": [Case("a preview that restarts", {restarts("shop-pr-7"): "0+1x90"}, 60, {})],
    "secrets.yaml": [Case("a preview without its secret", {secret("False", "shop-pr-7"): "1x60"}, 60, {})],
}


@pytest.fixture(params=PRODUCTS)
def alerts(request: pytest.FixtureRequest, rendered: Rendered) -> Path:
    """The folder of rules of a product."""
    return rendered(request.param) / "terraform" / "platform" / "alerts"


@pytest.fixture(scope="module")
def promtool() -> Path:
    try:
        return tools.promtool()
    except tools.ToolMissingError as error:
        pytest.fail(str(error), pytrace=False)


def rules(file: Path) -> dict[str, Any]:
    groups = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def run(promtool: Path, *arguments: str | Path) -> str:
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_have_no_findings(alerts: Path, promtool: Path) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *alerts.iterdir())


def test_every_alert_is_seen_to_fire_and_to_be_silent(alerts: Path) -> None:
    assert sorted(CASES) == sorted(path.name for path in alerts.iterdir())
    for name, cases in CASES.items():
        named = set(rules(alerts / name))
        assert {alert for case in cases for alert in case.fire} == named
        assert all(any(alert not in case.fire for case in cases) for alert in named)


def test_the_cases_are_about_series_that_there_are() -> None:
    for case in [case for cases in (*CASES.values(), *PREVIEWS.values()) for case in cases]:
        for series in case.series:
            for name, labels in metrics.asked(series):
                assert name == "up" or labels <= metrics.labels_of(name), series


@pytest.mark.parametrize("name", CASES)
def test_alerts_fire_when_and_only_when_they_should(name: str, alerts: Path, promtool: Path, tmp_path: Path) -> None:
    more = PREVIEWS.get(name, []) if (alerts.parent / "registry_previews.tf").exists() else []
    tests = [
        {
            "name": case.what,
            "interval": "1m",
            "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                    "eval_time": f"{case.minute}m",
                    "exp_samples": [{"labels": "{}", "value": case.fire.get(alert, 0)}],
                }
                for alert in rules(alerts / name)
            ],
        }
        for case in [*CASES[name], *more]
    ]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(alerts / name)], "evaluation_interval": "1m", "tests": tests}))
    run(promtool, "test", "rules", file)


def test_a_message_names_what_it_is_about(alerts: Path, promtool: Path, tmp_path: Path) -> None:
    rule = rules(alerts / "argocd.yaml")["Unhealthy"]
    labels = {
        "name": "shop-prod",
        "project": "shop",
        "sync_status": "Synced",
        "health_status": "Degraded",
        "phase": "Succeeded",
    }
    texts = {
        key: re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], text)
        for key, text in rule["annotations"].items()
    }
    assert texts["summary"] == "shop-prod is Degraded"
    expected = {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": texts}
    series = {"series": application(health="Degraded", name="shop-prod"), "values": "1x20"}
    test = {
        "interval": "1m",
        "input_series": [series],
        "alert_rule_test": [{"eval_time": "12m", "alertname": "Unhealthy", "exp_alerts": [expected]}],
    }
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(alerts / "argocd.yaml")], "tests": [test]}))
    run(promtool, "test", "rules", file)


@pytest.mark.parametrize("answers", MONITORED)
def test_what_the_dashboard_asks_is_promql(answers: str, rendered: Rendered, promtool: Path, tmp_path: Path) -> None:
    """As recording rules, which are parsed as alerts are."""
    shown = json.loads((rendered(answers) / "terraform/platform/dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in shown["panels"] for target in panel["targets"]]
    asked += [annotation["expr"] for annotation in shown["annotations"]["list"]]
    recorded = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    assert f"{len(asked)} rules found" in run(promtool, "check", "rules", file)


def test_the_metrics_of_the_sample_application_are_those_of_the_format(promtool: Path) -> None:
    program = "import metrics; m = metrics.Metrics(); m.count('GET', 200, 0.2); m.count('PUT', 500, 20); print(m.text(), end='')"
    text = support.run("python", "-B", "-c", program, cwd=support.ROOT / "template" / "src" / "backend").stdout
    assert text.count("http_requests_total{") == 2
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
