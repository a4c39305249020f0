"""What a folder builds stays in its namespace, and scripts/validate finds every way out, whatever field of kustomize it takes.

That Argo CD and the API server refuse the same is for tests/live/test_boundaries.py.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import support

DEV = "apps/goal-tracker/overlays/dev"
PREVIEW = "apps/goal-tracker/preview"
CLUSTER = "clusters/aks-goal-tracker"
STORE = f"{CLUSTER}/external-secrets"
PROD = "goal-tracker-prod"

POD = {"restartPolicy": "Never", "containers": [{"name": "steal", "image": "busybox"}]}
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "steal", "namespace": PROD},
    "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": POD}}}},
}
RIGHTS: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "everything"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": PROD}],
}
ELSEWHERE = f"builds CronJob steal in the namespace {PROD}, which is not its own: remove what makes it so"


def operations(kind: str, *changes: tuple[str, str, object], name: str = ".*") -> dict[str, Any]:
    """A patch of some objects."""
    listed = [{"op": op, "path": path, "value": value} for op, path, value in changes]
    return {"target": {"kind": kind, "name": name}, "patch": json.dumps(listed)}


def transformer(kind: str, **fields: Any) -> dict[str, Any]:
    """The configuration of a transformer that kustomize brings along."""
    return {"apiVersion": "builtin", "kind": kind, "metadata": {"name": "any"}, **fields}


def patching(kind: str, *changes: tuple[str, str, object]) -> dict[str, Any]:
    """The same as a patch, but after the namespace was set."""
    return transformer("PatchTransformer", **operations(kind, *changes))


MOVED = transformer(
    "NamespaceTransformer",
    metadata={"name": "any", "namespace": PROD},
    fieldSpecs=[{"path": "metadata/namespace", "kind": "CronJob"}],
)

# Folder, what is added to its kustomization, the files beside it, and what must be said.
ATTACKS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "a transformer that is written out": (
        DEV, {"resources": ["steal.yaml"], "transformers": [json.dumps(MOVED)]}, {"steal.yaml": JOB}, ELSEWHERE,
    ),
    "a transformer in a file": (
        DEV,
        {"resources": ["steal.yaml"], "transformers": ["move.yaml"]},
        {"steal.yaml": JOB, "move.yaml": patching("CronJob", ("replace", "/metadata/namespace", PROD))},
        ELSEWHERE,
    ),
    "transformers in a folder": (
        DEV,
        {"resources": ["steal.yaml"], "transformers": ["move"]},
        {"steal.yaml": JOB, "move/move.yaml": MOVED, "move/kustomization.yaml": {"resources": ["move.yaml"]}},
        ELSEWHERE,
    ),
    "a replacement": (
        DEV,
        {
            "resources": ["steal.yaml"],
            "replacements": [
                {
                    "source": {"kind": "CronJob", "name": "steal", "fieldPath": "metadata.annotations.where"},
                    "targets": [{"select": {"kind": "CronJob"}, "fieldPaths": ["metadata.namespace"]}],
                }
            ],
        },
        {"steal.yaml": JOB | {"metadata": {"name": "steal", "annotations": {"where": PROD}}}},
        ELSEWHERE,
    ),
    "a replacement by a transformer": (
        DEV,
        {
            "resources": ["steal.yaml"],
            "transformers": [
                json.dumps(
                    transformer(
                        "ReplacementTransformer",
                        replacements=[
                            {
                                "sourceValue": PROD,
                                "targets": [{"select": {"kind": "CronJob"}, "fieldPaths": ["metadata.namespace"]}],
                            }
                        ],
                    )
                )
            ],
        },
        {"steal.yaml": JOB},
        ELSEWHERE,
    ),
    "the namespace of something else, adopted": (
        DEV,
        {"transformers": [json.dumps(patching("Namespace", ("replace", "/metadata/name", "external-secrets")))]},
        {},
        "builds Namespace external-secrets, which the project goal-tracker-dev refuses",
    ),
    "a kind of the cluster by another kind's name": (
        DEV,
        {
            "resources": ["rights.yaml"],
            "patches": [
                operations("ConfigMap", ("replace", "/kind", RIGHTS["kind"]), ("replace", "/apiVersion", RIGHTS["apiVersion"]))
                | {"options": {"allowKindChange": True}}
            ],
        },
        {"rights.yaml": RIGHTS | {"apiVersion": "v1", "kind": "ConfigMap"}},
        "projects/dev.yaml does not allow the kind ClusterRoleBinding: add it to clusterResourceWhitelist",
    ),
    "a kind that no file has": (
        DEV,
        {"generators": ["make.yaml"]},
        {"make.yaml": {"apiVersion": "builtin", "kind": "SecretGenerator", "metadata": {"name": "token"}, "literals": ["a=b"]}},
        "builds Secret token",
    ),
    "an object of one preview in another's namespace": (
        PREVIEW,
        {
            "resources": ["steal.yaml"],
            "transformers": [json.dumps(patching("CronJob", ("replace", "/metadata/namespace", "goal-tracker-pr-8")))],
        },
        {"steal.yaml": JOB},
        "builds CronJob steal in the namespace goal-tracker-pr-8, which is not its own",
    ),
    "rights beside the store": (
        STORE,
        {"resources": ["rights.yaml"]},
        {"rights.yaml": RIGHTS},
        "secret-store-project.yaml does not allow the kind ClusterRoleBinding",
    ),
    "a job beside the store": (
        STORE, {"resources": ["steal.yaml"]}, {"steal.yaml": JOB}, "secret-store-project.yaml does not allow the kind CronJob",
    ),
    "rights among the Applications": (
        CLUSTER,
        {"resources": ["rights.yaml"]},
        {"rights.yaml": RIGHTS},
        "bootstrap/templates/project.yaml does not allow the kind ClusterRoleBinding",
    ),
    "an Application in a namespace of its own": (
        CLUSTER,
        {"transformers": [json.dumps(patching("Application", ("replace", "/metadata/namespace", PROD)))]},
        {},
        f"in the namespace {PROD}, which is not its own",
    ),
}  # fmt: skip


def change(folder: Path, fields: dict[str, Any], files: dict[str, Any]) -> None:
    """Add fields to a kustomization, and files beside it; JSON is YAML too."""
    path = folder / "kustomization.yaml"
    text = path.read_text(encoding="utf-8")
    for key, value in fields.items():
        entries = "".join(f"  - {json.dumps(entry)}\n" for entry in value)
        text = text.replace(f"{key}:\n", f"{key}:\n{entries}") if f"\n{key}:\n" in text else f"{text}{key}:\n{entries}"
    path.write_text(text, encoding="utf-8")
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def only_kubectl(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with no tool but kubectl, which builds kustomizations."""
    folder = tmp_path_factory.mktemp("path")
    kubectl = shutil.which("kubectl")
    assert kubectl
    (folder / "kubectl").symlink_to(kubectl)
    return str(folder)


def validated(product: Path, path: str) -> list[str]:
    return support.run(sys.executable, "scripts/validate", cwd=product, PATH=path).stdout.splitlines()


@pytest.mark.costly
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_way_out_is_found(attack: str, rendered: Callable[[str], Path], only_kubectl: str, tmp_path: Path) -> None:
    where, fields, files, words = ATTACKS[attack]
    answers = "previews" if where == PREVIEW else "defaults"
    product = shutil.copytree(
        rendered(answers), tmp_path / "product", ignore=shutil.ignore_patterns("src", "terraform")
    )
    change(product / where, fields, files)
    support.kustomize(product / where)
    assert [line for line in validated(product, only_kubectl) if line.startswith(where) and words in line]


def test_what_needs_no_build_is_found_without_one(rendered: Callable[[str], Path], tmp_path: Path) -> None:
    product = shutil.copytree(rendered("defaults"), tmp_path / "product")
    change(product / STORE, {"resources": ["rights.yaml"]}, {"rights.yaml": RIGHTS})
    (product / DEV / ".argocd-source-goal-tracker-dev.yaml").write_text(f"kustomize:\n  namespace: {PROD}\n")
    lines = validated(product, "")
    said = (
        "project.yaml does not allow the kind ClusterRoleBinding",
        "overrides what the Application says of its source",
    )
    for words in said:
        assert [line for line in lines if words in line], lines
    assert [line for line in lines if line.startswith("skipped, not on PATH: kustomize")]


SOUND = ("cluster-per-environment-with-gateway-and-database-of-azure", "gateway-with-two-environments", "previews")


@pytest.mark.costly
@pytest.mark.parametrize("answers", SOUND)
def test_nothing_of_a_product_leaves_its_namespace(
    answers: str, rendered: Callable[[str], Path], only_kubectl: str
) -> None:
    assert not [line for line in validated(rendered(answers), only_kubectl) if ": builds " in line]
