"""What holds for the product of every answer set."""

import functools
import itertools
import json
import re
import shutil
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import hcl2
import jsonschema
import pytest
import yaml
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests import support, validation

SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES_VERSION = "1.36.0"
# What a template may leave behind: our delimiters, Copier's, and words that ask somebody to fill in the rest.
RESIDUE = re.compile(r"#\{|\}#|#%|%#|#\||\|#|\{%|_copier|TODO|FIXME|CHANGEME|\bjinja\b", re.IGNORECASE)
# The one file of a product that Copier owns, and the command that calls it.
NAMES_COPIER = {".copier-answers.yml", "Makefile"}
# Checks that look for files of both pipelines, and for what no repository should hold; owners of what GitHub reads.
NAMES_BOTH = {
    "CODEOWNERS",
    "files.py",
    "secrets.py",
    "tools.py",
    "scripts/gitops/publish.py",
    "scripts/gitops/signatures.py",
    "scripts/template-propose",
}
TEXT = {
    "",
    ".Jenkinsfile",
    ".css",
    ".html",
    ".in",
    ".js",
    ".json",
    ".json5",
    ".hcl",
    ".md",
    ".py",
    ".svg",
    ".tf",
    ".tfbackend",
    ".tfvars",
    ".toml",
    ".txt",
}
TEXT |= {".sh", ".sql", ".tftpl", ".tpl", ".yaml", ".yml"}


def texts_now(product: Path) -> list[tuple[str, str]]:
    """Name and text of each file of a product."""
    found = [
        (path.relative_to(product).as_posix(), path.read_text(encoding="utf-8")) for path in support.files(product)
    ]
    assert all(Path(name).suffix in TEXT or Path(name).name.startswith(".") for name, _ in found)
    return found


@pytest.fixture(params=["some", pytest.param("all", marks=pytest.mark.slow)])
def several(request: pytest.FixtureRequest) -> Iterable[str]:
    """The products whose files a tool looks at that takes seconds."""
    return support.QUICK if request.param == "some" else support.VALID


# For products that no test changes and that stay where they are.
texts = functools.cache(texts_now)


def once(check: Callable[..., None]) -> Callable[..., None]:
    """Do a check once for what most products have alike; what it looks at are its arguments, and all that it looks at."""
    return functools.cache(check)


def distinct(
    rendered: Callable[[str], Path], pattern: str = ".*", products: Iterable[str] = support.VALID
) -> Iterator[tuple[Path, str]]:
    """Yield path and text of the files of products whose names match: each text that a name has, once."""
    seen = set()
    for answers in products:
        product = rendered(answers)
        for name, text in texts(product):
            if re.fullmatch(pattern, name) and (name, text) not in seen:
                seen.add((name, text))
                yield product / name, text


def satisfied(*command: str | Path, cwd: Path) -> None:
    done = support.run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


def test_yaml_parses_and_yamllint_finds_nothing(rendered: Callable[[str], Path], several: Iterable[str]) -> None:
    # What differs between products is which files are passed over.
    config = YamlLintConfig(next(text for _, text in distinct(rendered, "[.]yamllint[.]yaml", several)))
    for path, text in distinct(rendered, r".*[.]ya?ml", several):
        if path.name != ".copier-answers.yml":
            assert [str(problem) for problem in linter.run(text, config, str(path))] == [], path


def test_nothing_of_the_template_is_left_behind(rendered: Callable[[str], Path]) -> None:
    for path, text in distinct(rendered):
        assert not RESIDUE.search(str(path)), path
        if path.name not in NAMES_COPIER:
            found = RESIDUE.search(text)
            assert not found, f"{path}: {found and found.group()}"


def test_files_have_no_scars(rendered: Callable[[str], Path]) -> None:
    for path, text in distinct(rendered):
        assert text, f"{path} is empty"
        assert text.endswith("\n"), f"{path} ends without a line end"
        assert not text.endswith("\n\n"), f"{path} ends with a blank line"
        assert not text.startswith("\n"), f"{path} begins with a blank line"
        assert "\r" not in text, path
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), f"{path} has trailing spaces"
        most = 2 if path.suffix == ".py" or "python3" in text.partition("\n")[0] else 1
        assert "\n" * (most + 2) not in text, f"{path} has more than {most} blank lines in a row"


def test_hcl_parses(rendered: Callable[[str], Path], several: Iterable[str]) -> None:
    for _, text in distinct(rendered, r".*[.](tf|tfvars|hcl)", several):
        hcl2.loads(text)


def test_json_and_toml_parse(rendered: Callable[[str], Path]) -> None:
    for path, text in distinct(rendered, r".*[.](json|toml)"):
        (json if path.suffix == ".json" else tomllib).loads(text)


def test_own_checks_find_nothing(product: Path) -> None:
    assert validation.looked_at(product) == ([], 0, [])


@functools.cache
def ci(product: Path) -> str:
    return str(yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))["ci"])


def test_only_a_product_of_github_actions_has_workflows(product: Path) -> None:
    assert (
        (product / ".github" / "workflows").exists()
        == (product / ".github").exists()
        == (ci(product) == "github-actions")
    )


@pytest.mark.parametrize("kind", ["workflow", "action"])
def test_workflows_satisfy_zizmor_and_the_schema(
    kind: str, rendered: Callable[[str], Path], several: Iterable[str], tmp_path: Path
) -> None:
    pattern = rf"[.]github/{kind}s/[^/]+([.]yml|/action[.]yml)"
    paths = [path for path, _ in distinct(rendered, pattern, several)]
    # The longer one also permits runners of one's own.
    config = max(
        (path for path, _ in distinct(rendered, "[.]github/zizmor[.]yml")), key=lambda path: path.stat().st_size
    )
    asked = ["--offline", "--quiet", "--no-progress", "--persona=auditor", f"--config={config}"]
    satisfied("zizmor", *asked, *paths, cwd=tmp_path)
    satisfied("check-jsonschema", "--builtin-schema", f"vendor.github-{kind}s", *paths, cwd=tmp_path)


@pytest.mark.skipif(not shutil.which("actionlint", path=support.TOOLS_FIRST), reason="make actionlint installs it")
def test_workflows_satisfy_actionlint(rendered: Callable[[str], Path], several: Iterable[str]) -> None:
    # Its settings name files by their path in a repository.
    paths = [path for path, _ in distinct(rendered, r"[.]github/workflows/[^/]+[.]yml", several)]
    for product, group in itertools.groupby(paths, lambda path: path.parents[2]):
        satisfied("actionlint", "-no-color", "-config-file=.github/actionlint.yaml", *group, cwd=product)


def test_a_product_of_jenkins_does_not_speak_of_github_actions_nor_the_other_way_round(product: Path) -> None:
    others = {
        "github-actions": r"jenkins",
        "jenkins": r"github.actions|github_|\bgh (auth|api|workflow|variable)|\.github/",
    }
    for name, text in texts(product):
        # The checks name what they look for, whether it is there or not.
        if name != ".copier-answers.yml" and name.removeprefix("scripts/checks/") not in NAMES_BOTH:
            assert not says(f"(?i){others[ci(product)]}", text + name), name


@functools.cache
def says(pattern: str, text: str) -> str:
    """Return what matches a pattern first in a text that most products have alike."""
    found = re.search(pattern, text)
    return found.group() if found else ""


def test_agents_satisfy_the_schema_of_pods_strictly(product: Path) -> None:
    agents = sorted((product / "jenkins" / "agents").glob("*.yaml"))
    assert bool(agents) == (ci(product) == "jenkins")
    for path in agents:
        pod = yaml.safe_load(path.read_text(encoding="utf-8"))
        validator("v1", "Pod").validate({**pod, "metadata": {"name": "agent", **pod.get("metadata", {})}})
        names = [one["name"] for one in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]]
        assert len(names) == len(set(names)), path


def test_agents_run_no_container_as_root_and_only_buildkit_without_the_default_profiles(product: Path) -> None:
    for path in (product / "jenkins" / "agents").glob("*.yaml"):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        # A token of the cluster only for the one that talks to it.
        assert spec.get("automountServiceAccountToken", True) == (path.stem == "deploy")
        for container in spec.get("initContainers", []) + spec["containers"]:
            context = container["securityContext"]
            assert re.search(r"@sha256:[0-9a-f]{64}$", container["image"]), path
            if container["name"] == "buildkit":
                assert context["seccompProfile"] == context["appArmorProfile"] == {"type": "Unconfined"}
            else:
                assert context == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}, path


def test_service_accounts_of_agents_are_those_that_terraform_makes(product: Path) -> None:
    if ci(product) != "jenkins":
        return
    named = set()
    for path in (product / "jenkins" / "agents").glob("*.yaml"):
        named.add(yaml.safe_load(path.read_text(encoding="utf-8"))["spec"].get("serviceAccountName"))
    for path in [product / "Jenkinsfile", *(product / "jenkins").glob("*.Jenkinsfile")]:
        named |= set(re.findall(r"serviceAccount '(\w+)'", path.read_text(encoding="utf-8")))
    made = (product / "terraform" / "gitops" / "jenkins.tf").read_text(encoding="utf-8")
    identities = dict(re.findall(r'^    (\w+) += "(jenkins-\w+)"$', made, re.MULTILINE)) | {"deploy": "jenkins-release"}
    # Images of other repositories are pushed too, where a registry takes the identity.
    assert {None, "push", *named} == {None, "push", *identities}
    assert named - {None} <= set(identities)
    assert ("push" in identities) == (product / "terraform" / "platform" / "ci_push.tf").exists()
    trusted = "".join(path.read_text(encoding="utf-8") for path in (product / "terraform" / "platform").glob("ci_*.tf"))
    for name, namespace in identities.items():
        assert f'"system:serviceaccount:{namespace}:{name}"' in trusted


def test_an_agent_without_a_cloud_of_main_runs_as_nobody(product: Path) -> None:
    pipelines = [
        path for path in (product / "Jenkinsfile", *(product / "jenkins").glob("*.Jenkinsfile")) if path.exists()
    ]
    for path in pipelines:
        for agent in re.findall(r"kubernetes \{([^{}]*)\}", path.read_text(encoding="utf-8")):
            named = dict(re.findall(r"(\w+) '([^']*)'", agent))
            pod = yaml.safe_load((product / named["yamlFile"]).read_text(encoding="utf-8"))
            account = named.get("serviceAccount", pod["spec"].get("serviceAccountName"))
            place = {"apply": "infrastructure", "plan": "infrastructure", None: None}.get(account, "release")
            assert named.get("cloud") == place, path.name
            assert account or pod["spec"]["automountServiceAccountToken"] is False


def test_dockerfiles_satisfy_hadolint(rendered: Callable[[str], Path], tmp_path: Path) -> None:
    satisfied("hadolint", *(path for path, _ in distinct(rendered, "(.*/)?Dockerfile")), cwd=tmp_path)


def test_shell_scripts_satisfy_shellcheck_and_are_formatted(rendered: Callable[[str], Path], tmp_path: Path) -> None:
    scripts = [path for path, text in distinct(rendered) if text.startswith("#!/bin/sh")]
    satisfied("shellcheck", *scripts, cwd=tmp_path)
    satisfied("shfmt", "-d", *scripts, cwd=tmp_path)


def test_commands_are_executable_and_modules_are_not(product: Path) -> None:
    for path in (product / "scripts").rglob("*"):
        if path.is_file():
            assert bool(path.stat().st_mode & 0o100) == (path.read_text().startswith("#!")), path


def bootstraps(product: Path) -> list[Path]:
    """The folders that hand a cluster over to Argo CD."""
    return sorted(path.parent for path in (product / "bootstrap").rglob("kustomization.yaml"))


@functools.cache
def kustomize(folder: Path) -> list[dict[str, Any]]:
    """The objects of a folder that no test changes, built once a worker."""
    return support.kustomize(folder)


def built(product: Path) -> list[tuple[Path, list[dict[str, Any]]]]:
    folders = [
        *support.overlays(product),
        *product.glob("apps/*/preview"),
        *product.glob("clusters/*"),
        *bootstraps(product),
    ]
    folders += [path.parent for path in product.glob("clusters/*/*/kustomization.yaml")]
    return [(folder, kustomize(folder)) for folder in folders]


@functools.cache
def definitions() -> Any:
    """Strict schemas of Kubernetes' own kinds, as kubernetes-validate packs them; read once, since reading is slow."""
    contents = schema_contents(f"kubernetes-json-schema/v{KUBERNETES_VERSION}-local-strict/_definitions.json", "")
    resource = Resource.from_contents(contents, default_specification=DRAFT202012)
    # Crawled here, or every reference into it would crawl it again.
    return Registry().with_resource("_definitions.json", resource).crawl()


@functools.cache
def validator(api_version: str, kind: str) -> Any:
    group, _, version = api_version.rpartition("/")
    if (SCHEMAS / group).is_dir() and group:
        return jsonschema.Draft202012Validator(
            json.loads((SCHEMAS / group / f"{kind.lower()}_{version}.json").read_text())
        )
    file = f"{kind.lower()}-{group.partition('.')[0]}-{version}.json" if group else f"{kind.lower()}-{version}.json"
    contents = schema_contents(f"kubernetes-json-schema/v{KUBERNETES_VERSION}-local-strict/{file}", "")
    return jsonschema.Draft202012Validator(contents, registry=definitions())


@functools.cache
def validate(text: str) -> None:
    """Validate an object, which several products may have alike, once."""
    document = json.loads(text)
    validator(document["apiVersion"], document["kind"]).validate(document)


@pytest.mark.costly
def test_objects_satisfy_their_schemas_strictly(product: Path) -> None:
    for folder, objects in built(product):
        assert objects, folder
        for document in objects:
            validate(json.dumps(document))


def test_a_misspelt_field_does_not_satisfy_its_schema() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"prots": []}}
    with pytest.raises(jsonschema.ValidationError, match="prots"):
        validator("v1", "Service").validate(service)


def test_objects_in_the_documentation_satisfy_their_schemas_strictly(rendered: Any) -> None:
    text = (rendered("database-of-azure") / "docs" / "database.md").read_text(encoding="utf-8")
    [block] = re.findall(r"<<'EOF'\n(.*?)\n +EOF\n", text, re.DOTALL)
    objects = list(yaml.safe_load_all(textwrap.dedent(block)))
    assert [document["kind"] for document in objects] == ["NetworkPolicy", "NetworkPolicy", "Pod"]
    for document in objects:
        validator(document["apiVersion"], document["kind"]).validate(document)


def test_only_one_of_terraform_and_opentofu_is_spoken_of(product: Path) -> None:
    """Folders and files keep the names that both programs know."""
    other = r"\bterraform (-|init|plan|apply|test|fmt)|\bTerraform\b" if is_opentofu(product) else "(?i)tofu"
    for name, text in texts(product):
        # It serves both: a repository may go from one to the other by hand.
        if name not in {"scripts/checks/tools.py", ".copier-answers.yml"}:
            assert not says(other, text), name


def is_opentofu(product: Path) -> bool:
    return (product / ".opentofu-version").exists()


@pytest.mark.costly
def test_volume_claim_templates_carry_no_labels_of_kustomize(product: Path) -> None:
    """Versions of kustomize differ in whether they label them, and a StatefulSet refuses any change of them."""
    for folder in support.overlays(product):
        for document in kustomize(folder):
            for claim in document.get("spec", {}).get("volumeClaimTemplates", []):
                assert set(claim["metadata"]) == {"name"}


def with_defaults(schema: dict[str, Any], value: Any) -> Any:
    """Return the value with what the server would fill in from the schema."""
    if isinstance(value, list):
        return [with_defaults(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    result = dict(value)
    for key, inner in schema.get("properties", {}).items():
        if key not in result and "default" in inner:
            result[key] = inner["default"]
        if key in result:
            result[key] = with_defaults(inner, result[key])
    return result


@pytest.mark.costly
def test_the_server_has_no_default_to_add_to_custom_resources(product: Path) -> None:
    """Argo CD computes differences itself; a default that the server adds would be one for ever."""
    for _, objects in built(product):
        for document in objects:
            if document["apiVersion"].startswith(
                ("azmonitoring.coreos.com/", "gateway.networking.k8s.io/", "cert-manager.io/")
            ):
                schema = validator(document["apiVersion"], document["kind"]).schema["properties"]["spec"]
                assert with_defaults(schema, document["spec"]) == document["spec"], document["metadata"]["name"]


def exposed(product: Path) -> str:
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    return str(stored["expose"])


@pytest.mark.costly
def test_services_are_reached_from_outside_only_as_asked(product: Path) -> None:
    for folder in support.overlays(product):
        objects = kustomize(folder)
        balanced = [item for item in objects if item["kind"] == "Service" and item["spec"]["type"] == "LoadBalancer"]
        routed = [item for item in objects if item["kind"] == "HTTPRoute"]
        assert bool(balanced) == (exposed(product) == "load-balancer")
        assert bool(routed) == (exposed(product) == "gateway")
        assert not [item for item in objects if item["kind"] == "Ingress"]


@pytest.mark.costly
def test_what_comes_from_other_namespaces_is_the_gateway_alone_and_for_routed_services_only(product: Path) -> None:
    for folder in support.overlays(product):
        objects = kustomize(folder)
        routed = {item["metadata"]["name"] for item in objects if item["kind"] == "HTTPRoute"}
        admitting = set()
        for policy in [item for item in objects if item["kind"] == "NetworkPolicy"]:
            for rule in policy["spec"].get("ingress", []):
                for peer in [peer for peer in rule.get("from", []) if "namespaceSelector" in peer]:
                    if policy["metadata"]["name"] == "metrics.azure-monitor":
                        continue  # tests/test_monitoring.py
                    assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}
                    admitting.add(policy["metadata"]["name"])
        assert admitting == routed


@pytest.mark.costly
def test_the_last_environment_has_the_domain_and_the_others_a_name_below_it(product: Path) -> None:
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    if stored["expose"] != "gateway":
        pytest.skip("has no hosts")
    *others, last = stored["environments"]
    for environment in [*others, last]:
        wanted = stored["domain"] if environment == last else f"{environment}.{stored['domain']}"
        objects = kustomize(product / "apps" / stored["project_name"] / "overlays" / environment)
        hosts = [item["spec"]["hostnames"] for item in objects if item["kind"] == "HTTPRoute"]
        assert [wanted] in hosts
        assert all(host == [wanted] or host[0].endswith(f".{wanted}") for host in hosts)


@pytest.mark.costly
def test_each_host_has_a_certificate_of_its_own_and_is_of_one_environment(product: Path) -> None:
    for path in product.glob("clusters/*/gateway"):
        objects = kustomize(path)
        [gateway] = [item for item in objects if item["kind"] == "Gateway"]
        [redirect] = [item for item in objects if item["kind"] == "HTTPRoute"]
        plain, *secure = gateway["spec"]["listeners"]
        assert (plain["protocol"], plain["allowedRoutes"]["namespaces"]["from"]) == ("HTTP", "Same")
        secrets = [listener["tls"]["certificateRefs"][0]["name"] for listener in secure]
        assert len(set(secrets)) == len(secrets)
        assert len({listener["name"] for listener in secure}) == len(secure)
        assert [listener["hostname"] for listener in secure] == redirect["spec"]["hostnames"]
        served = set()
        for folder in support.overlays(product):
            for item in [item for item in kustomize(folder) if item["kind"] == "HTTPRoute"]:
                served |= {(item["metadata"]["namespace"], host) for host in item["spec"]["hostnames"]}
        here = {application.stem for application in (path.parent / "environments").iterdir()}
        served = {
            (namespace, host) for namespace, host in served if any(namespace.endswith(f"-{name}") for name in here)
        }
        allowed = {
            (*listener["allowedRoutes"]["namespaces"]["selector"]["matchLabels"].values(), listener["hostname"])
            for listener in secure
        }
        assert allowed == served


@pytest.mark.costly
def test_a_gateway_that_is_not_ready_turns_no_release_back(product: Path) -> None:
    for folder in support.overlays(product):
        for route in [item for item in kustomize(folder) if item["kind"] == "HTTPRoute"]:
            assert route["metadata"]["annotations"]["argocd.argoproj.io/ignore-healthcheck"] == "true"


@pytest.mark.costly
def test_projects_allow_what_their_applications_bring(product: Path) -> None:
    applications = []
    for cluster in product.glob("clusters/*/kustomization.yaml"):
        objects = kustomize(cluster.parent)
        projects = {item["metadata"]["name"]: item["spec"] for item in objects if item["kind"] == "AppProject"}
        applications += [(item, projects) for item in objects if item["kind"] == "Application"]
    assert applications
    for application, projects in applications:
        name, source = application["metadata"]["name"], application["spec"]["source"]
        project = projects[application["spec"]["project"]]
        assert source["repoURL"] in project["sourceRepos"], name
        assert application["spec"]["destination"] in project["destinations"], name
        if "path" not in source:
            continue
        cluster_wide = {
            (entry["group"], entry["kind"], entry.get("name")) for entry in project["clusterResourceWhitelist"]
        }
        assert all(named for _, kind, named in cluster_wide if kind == "Namespace"), name
        kinds = {"Namespace", "ClusterSecretStore", "ImageValidatingPolicy"}
        assert {kind for _, kind, _ in cluster_wide} <= kinds, name
        within = {(entry["group"], entry["kind"]) for entry in project.get("namespaceResourceWhitelist", [])}
        for item in kustomize(product / source["path"]):
            kind = (item["apiVersion"].rpartition("/")[0], item["kind"])
            if item["kind"] == "Namespace":
                assert (*kind, item["metadata"]["name"]) in cluster_wide, (name, item["metadata"]["name"])
            elif item["kind"] == "ClusterSecretStore":
                assert (*kind, None) in cluster_wide, (name, kind)
            else:
                assert not within or kind in within, (name, kind)


def folders_read(folder: Path) -> set[Path]:
    """The folders that kustomize reads for one of them."""
    content = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    named = [*content.get("resources", []), *content.get("components", [])]
    below = [(folder / name).resolve() for name in named if (folder / name).is_dir()]
    return {folder}.union(*map(folders_read, below))


def test_each_application_is_rendered_again_when_and_only_when_its_own_folders_change(product: Path) -> None:
    product = product.resolve()
    files = [*product.glob("clusters/*/**/*.yaml"), *product.glob("bootstrap/**/templates/application.yaml")]
    found = [content for path in files if (content := yaml.safe_load(path.read_text(encoding="utf-8")))]
    sources = [(item, item["spec"]["source"]) for item in found if item["kind"] == "Application"]
    assert len(sources) > len(support.overlays(product))
    for item, source in sources:
        if "path" in source:
            watched = item["metadata"]["annotations"]["argocd.argoproj.io/manifest-generate-paths"].split(";")
            folders = {(product / source["path"] / path).resolve() for path in watched}
            read = folders_read(product / source["path"])
            assert all(any(one.is_relative_to(folder) for folder in folders) for one in read), item["metadata"]["name"]
            assert folders <= read, item["metadata"]["name"]


# What names the environment of a run: its input, or what has changed.
FROM_THE_RUN = {f"${{{{ {name} }}}}" for name in ("inputs.environment", "inputs.from", "matrix.environment")}


def clusters(product: Path) -> dict[str, list[str]]:
    """The folders in clusters/, with the environments whose Applications they hold."""
    folders = sorted(product.glob("clusters/*"))
    return {path.name: sorted(one.stem for one in (path / "environments").iterdir()) for path in folders}


def test_every_environment_is_on_one_cluster_and_shares_it_only_where_it_was_chosen(product: Path) -> None:
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    name, environments = stored["cluster_name"], [path.name for path in support.overlays(product)]
    own = {f"{name}-{environment}": [environment] for environment in environments}
    assert clusters(product) == (own if stored["cluster_layout"] == "per-environment" else {name: environments})


@pytest.mark.costly
def test_the_bootstrap_of_a_cluster_brings_that_cluster_only(product: Path) -> None:
    handed = []
    for folder in bootstraps(product):
        [application] = [item for item in kustomize(folder) if item["kind"] == "Application"]
        assert application["spec"]["source"]["path"] == f"clusters/{application['metadata']['name']}"
        handed.append(application["metadata"]["name"])
    assert handed == sorted(clusters(product))


def test_names_that_are_unique_in_azure_differ_by_cluster_and_keep_to_its_limits(product: Path) -> None:
    limits = {"cluster_name": 54, "key_vault_name": 24, "database_server_name": 63, "gateway_address_name": 80}
    paths = list((product / "terraform" / "platform").glob("*.tfvars"))
    assert len(paths) == len(clusters(product))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    for key, limit in limits.items():
        values = [found[1] for text in texts if (found := re.search(rf'^{key} = "(.*)"$', text, re.MULTILINE))]
        assert len(values) in (0, len(paths)), key
        assert len(set(values)) == len(values), key
        for value in values:
            assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", value), (key, value)
            # Azure refuses two hyphens in a row in names of Key Vaults only.
            assert key != "key_vault_name" or "--" not in value, value
            assert len(value) <= limit, (key, value)


@pytest.mark.costly
def test_pods_reach_the_database_server_of_their_own_cluster(product: Path) -> None:
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    if stored["database"] != "azure":
        pytest.skip("has no database server")
    servers: dict[str, str] = {}
    for path in (product / "terraform" / "platform").glob("*.tfvars"):
        text = path.read_text(encoding="utf-8")
        listed = re.search(r"^environments = (\[.*\])$", text, re.MULTILINE)
        server = re.search(r'^database_server_name = "(.*)"$', text, re.MULTILINE)
        assert listed
        assert server
        servers |= dict.fromkeys(json.loads(listed[1]), f"{server[1]}.postgres.database.azure.com")
    for folder in support.overlays(product):
        for item in kustomize(folder):
            if item["kind"] == "Deployment":
                variables = item["spec"]["template"]["spec"]["containers"][0].get("env", [])
                named = {variable["name"]: variable.get("value") for variable in variables}
                assert named.get("DB_HOST") == (servers[folder.name] if "DB_PORT" in named else None)


def test_workflows_take_the_cluster_of_the_environment(product: Path) -> None:
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    text = "".join(path.read_text(encoding="utf-8") for path in (product / ".github").rglob("*.yml"))
    if stored["cluster_layout"] == "shared":
        assert "CLUSTERS" not in text
        return
    first = stored["environments"][0]
    assert set(re.findall(r"\bvars\.(\w+)", text)) <= {
        "CLUSTERS",
        "AZURE_PUSH_CLIENT_ID",
        "AZURE_SUBSCRIPTION_ID",
        "AZURE_TENANT_ID",
        "PROPOSALS_APP",
        *support.REGISTRIES[stored["registry"]].get("actions", {}).values(),
    }
    for path in (product / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
        for job in [job for job in jobs if "steps" in job]:
            steps = job["steps"]
            asked = [step for step in steps if step.get("uses") == "./.github/actions/cluster"]
            assert bool(asked) == ("steps.cluster." in str(steps)), path
            # The check asks for an identity that reads the one registry: the first cluster's will do.
            wanted = {first} if path.name == "check.yml" else FROM_THE_RUN
            named = {"${{ env.ENVIRONMENT }}": job.get("env", {}).get("ENVIRONMENT")}
            given = [step["with"]["environment"] for step in asked]
            assert all(named.get(environment, environment) in wanted for environment in given), path
            # Whatever asks a cluster waits until that one is there.
            for step in steps if asked else ():
                if re.search(r"scripts/(apply|deploy|plan|roll-out|wait-healthy)\b", step.get("run", "")):
                    there = ("steps.cluster.outputs.AKS_CLUSTER != ''", "steps.connect.outputs.cluster != ''")
                    assert step["if"] in there, (path, step)


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not here; runners of GitHub have it")
def test_the_cluster_of_an_environment_is_found_among_those_that_were_told_of(
    rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    """The step itself, as a runner runs it."""
    path = rendered("cluster-per-environment") / ".github" / "actions" / "cluster" / "action.yml"
    action = yaml.safe_load(path.read_text(encoding="utf-8"))
    told = {"AKS_CLUSTER": "aks-shop-dev", "AZURE_PLAN_CLIENT_ID": "1111"}
    for environment, clusters, found in [
        ("dev", {"dev": told, "prod": {"AKS_CLUSTER": "aks-shop-prod"}}, told),
        ("staging", {"dev": told}, {}),
        ("dev", {}, {}),
    ]:
        output = tmp_path / "output"
        output.write_text("", encoding="utf-8")
        step = action["runs"]["steps"][0]
        variables = {"CLUSTERS": json.dumps(clusters), "ENVIRONMENT": environment, "GITHUB_OUTPUT": str(output)}
        done = support.run("bash", "-e", "-c", step["run"], cwd=tmp_path, **variables)
        assert done.returncode == 0, done.stderr
        assert dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines()) == found
    assert set(told) <= set(action["outputs"])


@pytest.mark.costly
def test_what_stays_out_of_git_does_not_hold_up_deployments(product: Path) -> None:
    """An object that leaves Git and is kept would leave its Application out of sync, and wait-healthy waiting."""
    for folder in support.overlays(product):
        for document in kustomize(folder):
            annotations = document["metadata"].get("annotations", {})
            kept = "Prune=false" in annotations.get("argocd.argoproj.io/sync-options", "")
            if kept and document["kind"] != "Namespace":
                assert "IgnoreExtraneous" in annotations["argocd.argoproj.io/compare-options"], document["kind"]


@pytest.mark.costly
def test_pods_of_a_new_version_are_spread_among_themselves(product: Path) -> None:
    for folder in support.overlays(product):
        for document in kustomize(folder):
            if document["kind"] == "Deployment":
                spread = document["spec"]["template"]["spec"]["topologySpreadConstraints"]
                assert [item["topologyKey"].rpartition("/")[2] for item in spread] == ["zone", "hostname"]
                assert all(item["matchLabelKeys"] == ["pod-template-hash"] for item in spread)


@pytest.mark.costly
def test_every_image_is_named_in_full(product: Path) -> None:
    for folder in support.overlays(product):
        for document in kustomize(folder):
            for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
                assert re.search(r"[a-z0-9]:[\w.-]+(@sha256:[0-9a-f]{64})?$", container["image"])
                assert not container["image"].endswith(":latest")


def test_answers_file_holds_every_question_that_was_asked(product: Path) -> None:
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    unasked = {"advanced"} if stored["expose"] == "gateway" else {"advanced", "domain"}
    assert {name for name in stored if not name.startswith("_")} == set(support.asked()) - unasked


@pytest.mark.slow
def test_generating_twice_gives_the_same_bytes(template: Path, tmp_path: Path, rendered: Any) -> None:
    name = "services-in-the-long-form"
    again = support.render(template, tmp_path / "again", support.answers(name))
    first = rendered(name)
    assert support.relative(again) == support.relative(first)
    for path in support.relative(first):
        assert (again / path).read_bytes() == (first / path).read_bytes(), path
