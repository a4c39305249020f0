"""What is asked for is what is there: alerts, dashboard, PodMonitors and the services' own metrics."""

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import metrics, support
from tests.live import build, settings

Rendered = Callable[[str], Path]
MONITORED = [name for name in support.VALID if support.answers(name).get("monitoring")]
every_monitored = pytest.mark.parametrize("answers", MONITORED)
COLLECTOR = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"rsName": "ama-metrics"}},
}


def rules(product: Path) -> list[dict[str, Any]]:
    paths = sorted(product.glob("terraform/platform/alerts/*.yaml"))
    groups = [group for path in paths for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def dashboard(product: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((product / "terraform/platform/dashboard.json").read_text(encoding="utf-8"))
    return loaded


def expressions(product: Path) -> Iterator[str]:
    yield from (rule["expr"] for rule in rules(product))
    shown = dashboard(product)
    yield from (target["expr"] for panel in shown["panels"] for target in panel["targets"])
    yield from (annotation["expr"] for annotation in shown["annotations"]["list"])
    for variable in shown["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert found
            yield f"count by ({found[2]}) ({found[1]})"


@cache
def monitors(product: Path) -> dict[str, dict[str, Any]]:
    folder = sorted(product.glob("clusters/*/azure-monitor"))[-1]
    return {item["metadata"]["name"]: item["spec"] for item in support.kustomize(folder)}


@every_monitored
def test_every_metric_and_label_that_is_asked_for_is_one_that_a_component_has(answers: str, rendered: Rendered) -> None:
    for expression in expressions(rendered(answers)):
        names = set()
        for name, labels in metrics.asked(expression):
            assert name in metrics.KNOWN, (name, expression)
            assert labels <= metrics.labels_of(name), (name, expression)
            names.add(name)
        assert names, expression
        assert metrics.grouped(expression) <= set().union(*map(metrics.labels_of, names)), expression


@pytest.mark.parametrize("name", [name for name, one in metrics.COMPONENTS.items() if one.chart])
def test_what_a_component_has_was_looked_up_for_the_version_that_is_installed(name: str) -> None:
    """Where this fails after a new version, look whether its source still has what is asked for, then name it there."""
    files = [support.ROOT / "template/terraform/gitops/argocd.tf.jinja"]
    files += (support.ROOT / "template/clusters").glob("*/*.yaml*")
    pin = re.compile(
        r'chart\s*(?:=|:)\s*"?(?:argo-)?([\w-]+)"?\n(?:\s*#.*\n)?\s*(?:version|targetRevision)\s*[=:]\s*"?([^\s"]+)'
    )
    pinned = {found[1]: found[2] for path in files for found in pin.finditer(path.read_text(encoding="utf-8"))}
    assert pinned[{"argocd": "cd"}.get(name, name)] == metrics.COMPONENTS[name].chart


def test_the_live_cluster_runs_what_a_product_pins_or_its_page_says_what_differs() -> None:
    text = (support.ROOT / "template/terraform/gitops/values/argocd.yaml.jinja").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    assert values["global"]["image"]["tag"] == settings.ARGOCD
    assert f"/{settings.ARGOCD}/" in metrics.COMPONENTS["argocd"].source
    page = (support.ROOT / "docs" / "live.md").read_text(encoding="utf-8")
    for version in (
        f"chart {metrics.COMPONENTS['argocd'].chart}",
        settings.ARGOCD_CHART.removeprefix("v"),
        metrics.COMPONENTS["external-secrets"].chart,
        build.CRDS["external-secrets"][1].removeprefix("v"),
    ):
        assert version in page, version


@every_monitored
def test_what_is_asked_for_is_scraped_and_kept(answers: str, rendered: Rendered) -> None:
    product = rendered(answers)
    found = monitors(product)
    for name in {name for expression in expressions(product) for name, _ in metrics.asked(expression)}:
        monitor = metrics.KNOWN[name].monitor
        if monitor:
            [endpoint] = found[monitor]["podMetricsEndpoints"]
            keeps = [one["regex"] for one in endpoint.get("metricRelabelings", []) if one["action"] == "keep"]
            assert all(re.fullmatch(pattern, name) for pattern in keeps), name


@every_monitored
def test_what_is_scraped_is_asked_for(answers: str, rendered: Rendered) -> None:
    """But for the services' own metrics, which may be anything."""
    product = rendered(answers)
    names = {name for expression in expressions(product) for name, _ in metrics.asked(expression)}
    assert {metrics.KNOWN[name].monitor for name in names} - {"", "services"} == set(monitors(product)) - {"services"}


@every_monitored
def test_alerts_are_about_what_the_product_has(answers: str, rendered: Rendered) -> None:
    product = rendered(answers)
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    wanted = {"argocd.yaml", "pods.yaml"}
    wanted |= {"certificates.yaml"} if stored["expose"] == "gateway" else set()
    wanted |= {"secrets.yaml"} if stored["database"] != "none" or stored["registry"] != "acr" else set()
    wanted |= {"database.yaml"} if stored["database"] == "postgres" else set()
    wanted |= {"requests.yaml"} if stored["sample_app"] else set()
    platform = product / "terraform" / "platform"
    assert {path.name for path in (platform / "alerts").iterdir()} == wanted
    assert (platform / "database_alerts.tf").exists() == (stored["database"] == "azure")


@every_monitored
def test_alerts_name_labels_that_they_have(answers: str, rendered: Rendered) -> None:
    for rule in rules(rendered(answers)):
        named = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        expression = rule["expr"]
        [*names] = {name for name, _ in metrics.asked(expression)}
        has = metrics.grouped(expression) or set.intersection(*map(metrics.labels_of, names))
        assert named <= (set() if expression.startswith("absent(") else has), rule["alert"]


@every_monitored
def test_panels_stand_side_by_side_and_never_on_one_another(answers: str, rendered: Rendered) -> None:
    panels = dashboard(rendered(answers))["panels"]
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        for cell in [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]:
            assert cell not in taken, (panel["title"], taken[cell])
            taken[cell] = panel["title"]
    assert len({panel["title"] for panel in panels}) == len(panels)


@every_monitored
def test_only_the_collector_reaches_metrics_and_no_service_leads_to_them(answers: str, rendered: Rendered) -> None:
    product = rendered(answers)
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    base = product / "apps" / stored["project_name"] / "base"
    objects = [item for path in base.rglob("*.yaml") for item in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    [policy] = [item for item in objects if item.get("metadata", {}).get("name") == "metrics.azure-monitor"]
    assert policy["spec"]["ingress"] == [{"from": [COLLECTOR], "ports": [{"protocol": "TCP", "port": "metrics"}]}]
    for item in [item for item in objects if item["kind"] == "Service"]:
        assert all(port["targetPort"] not in ("metrics", 9090) for port in item["spec"]["ports"])
    having = {
        item["metadata"]["name"]
        for item in objects
        if item["kind"] == "Deployment"
        for port in item["spec"]["template"]["spec"]["containers"][0]["ports"]
        if port["name"] == "metrics"
    }
    assert having == ({"backend", "frontend"} if stored["sample_app"] else set())


@every_monitored
def test_each_environment_of_a_cluster_is_asked_by_its_own_collector(answers: str, rendered: Rendered) -> None:
    product = rendered(answers)
    project = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))["project_name"]
    for folder in product.glob("clusters/*/azure-monitor"):
        environments = sorted(path.stem for path in (folder.parent / "environments").iterdir())
        [services] = [one for one in support.kustomize(folder) if one["metadata"]["name"] == "services"]
        namespaces = services["spec"]["namespaceSelector"]["matchNames"]
        assert sorted(namespaces) == [f"{project}-{environment}" for environment in environments]


@every_monitored
def test_samples_within_the_limits_of_azure_are_kept(answers: str, rendered: Rendered) -> None:
    """The limits are those of https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-crd ."""
    for name, spec in monitors(rendered(answers)).items():
        limits = [spec[key] for key in ("labelLimit", "labelNameLengthLimit", "labelValueLengthLimit")]
        assert limits == [63, 511, 1023], name


def test_nothing_is_said_of_it_where_it_is_not_wanted(rendered: Rendered) -> None:
    product = rendered("defaults")
    word = re.compile(r"azmonitoring|ama-metrics|prometheus|grafana|metrics.azure-monitor|METRICS_PORT", re.IGNORECASE)
    for path in support.files(product):
        if path.parent.name != "checks":  # Kinds that anybody may add.
            assert not word.search(path.read_text(encoding="utf-8")), path.relative_to(product)


def sample(service: str) -> Any:
    path = support.ROOT / "template" / "src" / service / "metrics.py"
    spec = importlib.util.spec_from_file_location(f"sample_metrics_{service}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # A file in template/ would become one of every product.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def test_the_sample_application_has_the_metrics_that_are_asked_for() -> None:
    module = sample("backend")
    counted = module.Metrics()
    counted.count("GET", 200, 0.2)
    counted.count("POST", 503, 20)
    has: dict[str, set[str]] = {}
    for line in counted.text().splitlines():
        if not line.startswith("#"):
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? [0-9.]+", line)
            assert found, line
            has.setdefault(found[1], {"service"}).update(re.findall(r"(\w+)=", found[2] or ""))
    assert has == metrics.COMPONENTS["services"].metrics


def test_both_services_of_the_sample_count_alike() -> None:
    for name in ("metrics.py", "tests/test_metrics.py"):
        one, other = (
            (support.ROOT / "template" / "src" / service / name).read_bytes() for service in ("backend", "frontend")
        )
        assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("own_product", ["gateway-with-two-environments"], indirect=True)
@pytest.mark.parametrize("service", ["backend", "frontend"])
def test_the_tests_of_the_sample_application_pass_with_metrics(service: str, own_product: Path) -> None:
    folder = own_product / "src" / service
    for command in (["pytest", "--quiet"], ["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy", "."]):
        done = support.run(sys.executable, "-m", *command, cwd=folder, PYTHONPATH="")
        assert done.returncode == 0, done.stdout
