"""What must hold for any answers: a refusal is a sentence with its cure; a product has no finding and says what was answered."""

import functools
import importlib
import json
import pkgutil
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests import support, test_properties
from tests.in_process import RefusedError

# A refusal tells what to do.
_CURE = re.compile(
    r"\b(add|use|give|quote|leave|choose|name|set|write|rename|begin|did you mean|lists them|the questions are)\b"
)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def is_a_sentence(refusal: RefusedError) -> None:
    """Assert that a refusal is one line that names the answer and the cure, of a length that people read."""
    message = str(refusal)
    assert message.isprintable(), message
    assert len(message) < 500, message
    name, _, rest = message.partition(":")
    assert message.startswith("unknown answer") or (name in support.asked() and rest), message
    assert _CURE.search(rest or message), message


@functools.cache
def _checks() -> dict[str, list[Any]]:
    """Return the functions of the product's scripts/checks by module, as its scripts/validate finds them."""
    folder = support.ROOT / "template" / "scripts"
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    try:
        found = {}
        for entry in pkgutil.iter_modules([str(folder / "checks")]):
            module = importlib.import_module(f"checks.{entry.name}")
            functions = [value for name, value in vars(module).items() if re.fullmatch(r"check(_\w+)?", name)]
            found[entry.name] = [one for one in functions if one.__module__ == module.__name__]
        found["documents"].append(sys.modules["checks.documents"].read_repository)
        return found
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = before


def own_findings(product: Path) -> list[str]:
    """Return what the product's own checks find, without a process of its own."""
    modules = _checks()
    repository = modules["documents"][-1](product)
    problems = list(repository.problems)
    for name, functions in modules.items():
        if (product / "scripts" / "checks" / f"{name}.py").exists() and not problems:
            for check in functions if name != "documents" else functions[:-1]:
                problems += check(repository)
    return [str(problem) for problem in problems]


@functools.lru_cache(maxsize=4096)
def _lint(rules: str, text: str) -> tuple[str, ...]:
    return tuple(map(str, linter.run(text, YamlLintConfig(rules))))


@functools.lru_cache(maxsize=4096)
def _hcl(text: str) -> Any:
    return hcl2.loads(text)


def is_sound(product: Path, given: dict[Any, Any], answers: dict[str, Any]) -> None:
    """Assert both: that a product has no finding, and that it says what was answered."""
    has_no_finding(product, given)
    says_what_was_answered(product, given, answers)


def has_no_finding(product: Path, given: dict[Any, Any]) -> None:
    """Assert what is cheap of what the tests of properties assert; most files are the same from one product to the next."""
    rules = (product / ".yamllint.yaml").read_text(encoding="utf-8")
    assert own_findings(product) == []
    tags = given.get("tags")
    answered = {text for entry in _entries(given) for text in entry.get("env", {}).values()}
    answered |= set(tags.values()) if isinstance(tags, dict) else set()
    for name, text in test_properties.texts_now(product):
        # A file of a service's `config` is what a person gives.
        if "config/" not in name:
            _has_no_scar(name, text)
        if name.endswith((".yaml", ".yml")) and name != ".copier-answers.yml":
            assert _lint(rules, text) == (), (name, _lint(rules, text))
        if name.endswith((".tf", ".tfvars", ".hcl")):
            _hcl(text)
        # What a person gives to a variable, or a tag of Azure, may look like anything.
        for value in answered:
            text = text.replace(json.dumps(value, ensure_ascii=False), "")
        found = name not in test_properties.NAMES_COPIER and test_properties.RESIDUE.search(name + "\n" + text)
        assert not found, f"{name}: {found}"


@functools.lru_cache(maxsize=4096)
def _has_no_scar(name: str, text: str) -> None:
    assert text, f"{name} is empty"
    assert text.endswith("\n"), f"{name} ends without a line end"
    assert not text.startswith("\n"), f"{name} begins with a blank line"
    assert not text.endswith("\n\n"), f"{name} ends with a blank line"
    assert "\r" not in text, name
    assert not re.search(r"[ \t]+$", text, re.MULTILINE), f"{name} has trailing spaces"
    most = 2 if name.endswith(".py") or "python3" in text.partition("\n")[0] else 1
    assert "\n" * (most + 2) not in text, f"{name} has more than {most} blank lines in a row"


def _entries(given: dict[Any, Any]) -> list[dict[str, Any]]:
    services = given.get("services")
    return [entry for entry in services if isinstance(entry, dict)] if isinstance(services, list) else []


def _documents(path: Path) -> list[Any]:
    return list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=_Loader))


def _only(path: Path) -> Any:
    [document] = _documents(path)
    return document


def says_what_was_answered(product: Path, given: dict[Any, Any], answers: dict[str, Any]) -> None:
    """Assert that answers arrive as the same texts, whoever parses the files."""
    stored = _only(product / ".copier-answers.yml")
    for name in given:
        if name in stored:
            assert stored[name] == answers[name], name
    project, environments = answers["project_name"], answers["environment_list"]
    assert [path.name for path in support.overlays(product)] == sorted(environments)
    for entry in answers["service_list"]:
        _is_deployed(product / "apps" / project, entry, environments)
    # PyYAML reads a pair of surrogates as two characters.
    for entry in _entries(given):
        _, container = _workload(product / "apps" / project / "base" / entry["name"])
        variables = container.get("env", [])
        found = {one["name"]: one.get("value") for one in variables}
        plain = {name: text for name, text in entry.get("env", {}).items() if isinstance(text, str)}
        assert {name: found.get(name) for name in plain} == plain
        assert [name for name, times in Counter(one["name"] for one in variables).items() if times > 1] == []
    _clusters_agree(product, answers)
    _values_agree(product, answers)


def _workload(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the one Deployment or CronJob of a service, and its container."""
    [path] = [*folder.glob("deployment.yaml"), *folder.glob("cronjob.yaml")]
    found = _only(path)
    template = found["spec"].get("template") or found["spec"]["jobTemplate"]["spec"]["template"]
    [container] = template["spec"]["containers"]
    return found, container


def _is_deployed(folder: Path, entry: dict[str, Any], environments: list[str]) -> None:
    workload, container = _workload(folder / "base" / entry["name"])
    assert (workload["metadata"]["name"], container["image"]) == (entry["name"], entry["image"])
    assert workload["kind"] == ("CronJob" if entry["schedule"] else "Deployment")
    assert workload["spec"].get("schedule") == entry["schedule"]
    assert container.get("command", []) == entry["command"]
    assert [port["containerPort"] for port in container.get("ports", [])[:1]] == [entry["port"]][: bool(entry["port"])]
    if not entry["schedule"]:
        assert workload["spec"].get("replicas") == (None if entry["scaled"] else entry["replicas"])
    if entry["port"]:
        assert container["readinessProbe"]["httpGet"]["path"] == entry["ready_path"]
        assert container["livenessProbe"]["httpGet"]["path"] == entry["health_path"]
    for file in entry["config"]:
        assert (folder / "base" / entry["name"] / "config" / file["name"]).read_text().rstrip("\n") == file[
            "text"
        ].rstrip("\n")
    for environment in environments:
        overlay = _only(folder / "overlays" / environment / "kustomization.yaml")
        assert overlay["namespace"] == f"{folder.name}-{environment}"
        tags = _only(folder / "overlays" / environment / "imagetags" / "kustomization.yaml")
        assert [image["newTag"] for image in tags["images"] if image["name"] == entry["image"]] == ["unreleased"]


def _objects(folder: Path) -> Iterator[dict[str, Any]]:
    for path in support.files(folder):
        if path.suffix == ".yaml" and path.name not in ("kustomization.yaml", "Chart.yaml"):
            yield from (document for document in _documents(path) if document)


def _clusters_agree(product: Path, answers: dict[str, Any]) -> None:
    """No two objects of a cluster meet, its Applications watch the repository, hosts are those of the domain."""
    for cluster in answers["cluster_list"]:
        folder = product / "clusters" / cluster["name"]
        objects = [*_objects(folder), *_objects(product / cluster["bootstrap"])]
        names = Counter((one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects)
        assert [name for name, times in names.items() if times > 1] == []
        own = {f"{answers['project_name']}-{environment}" for environment in cluster["environments"]}
        others = {one["metadata"]["name"] for one in objects if one["kind"] == "Namespace"} - own
        others |= {one["spec"]["destination"]["namespace"] for one in objects if one["kind"] == "Application"} - own
        assert not own & (others | {"kube-system", "kube-public", "kube-node-lease", "default"})
        sources = [one["spec"]["source"] for one in objects if one["kind"] == "Application"]
        assert {source["repoURL"] for source in sources if "path" in source} == {answers["git_repository"]}
        listeners = [one["spec"]["listeners"][1:] for one in objects if one["kind"] == "Gateway"]
        hosts = {entry["hostname"] for entries in listeners for entry in entries}
        domain = answers.get("domain") if answers["expose"] == "gateway" else None
        assert all(host == domain or host.endswith(f".{domain}") for host in hosts)
        assert bool(hosts) == bool(domain)


_LIMITS = {
    "key_vault_name": r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "database_server_name": r"[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])",
    "gateway_address_name": r"[A-Za-z0-9][A-Za-z0-9_.-]{0,78}[A-Za-z0-9_]",
    "cluster_name": r"[a-z]([a-z0-9-]{0,52}[a-z0-9])?",
    "registry_name": r"[a-z0-9]{5,50}",
}


def _values_agree(product: Path, answers: dict[str, Any]) -> None:
    """Values of Terraform are the answers, and names keep to Azure's limits."""
    for cluster in answers["cluster_list"]:
        values = _hcl((product / "terraform" / "platform" / f"{cluster['tfvars']}.tfvars").read_text(encoding="utf-8"))
        plain = {key: value.strip('"') if isinstance(value, str) else value for key, value in values.items()}
        assert plain["project_name"] == answers["project_name"]
        assert plain["cluster_name"] == cluster["name"]
        assert plain["location"] == answers["region"]
        assert [name.strip('"') for name in plain["environments"]] == cluster["environments"]
        for key, pattern in _LIMITS.items():
            assert key not in plain or re.fullmatch(pattern, plain[key]), (key, plain[key])
    storage = re.search(r'storage_account_name *= "(.*)"', (product / "terraform/state/terraform.tfvars").read_text())
    assert storage
    assert re.fullmatch(r"[a-z0-9]{3,24}", storage[1])
