"""scripts/validate finds what breaks a repository, with file, line and cure."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support

APP = "apps/goal-tracker"
CLUSTER = "clusters/aks-goal-tracker"
FRONTEND = f"{APP}/base/frontend"
DEV = f"{APP}/overlays/dev"

# What is done to a valid product, and the line that must be said of it: path, pattern -> replacement, words.
DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a conflict that nobody has resolved": (
        "README.md",
        "## Begin\n",
        "<<<<<<< before updating\n## Begin\n=======\n## Start\n>>>>>>> after updating\n",
        "a conflict that nobody has resolved",
    ),
    "a probe asks a port the container lacks": (
        f"{FRONTEND}/deployment.yaml",
        "port: http\n            periodSeconds: 5",
        "port: 9999\n            periodSeconds: 5",
        "readinessProbe asks port 9999",
    ),
    "a Service targets a port the container lacks": (
        f"{FRONTEND}/service.yaml",
        "targetPort: http",
        "targetPort: web",
        "no container has port 'web'",
    ),
    "a Service selects nothing": (
        f"{FRONTEND}/service.yaml",
        'selector:\n    app.kubernetes.io/name: "frontend"',
        'selector:\n    app: "frontend"',
        "Service frontend selects no pod",
    ),
    "a budget selects nothing": (
        f"{FRONTEND}/poddisruptionbudget.yaml",
        'matchLabels:\n      app.kubernetes.io/name: "frontend"',
        'matchLabels:\n      app: "x"',
        "PodDisruptionBudget frontend selects no pod",
    ),
    "a policy opens a port that nothing has": (
        f"{APP}/base/backend/networkpolicy.yaml",
        "port: postgres",
        "port: mysql",
        "no container has port 'mysql'",
    ),
    "a policy lets in a service that does not exist": (
        f"{APP}/base/database/networkpolicy.yaml",
        '"backend"',
        '"back"',
        "from selects no pod",
    ),
    "an address names another port": (
        f"{FRONTEND}/deployment.yaml",
        "http://backend:8080",
        "http://backend:8081",
        "BACKEND_URL: the Service backend has no port 8081",
    ),
    "an address names a Service that does not exist": (
        f"{FRONTEND}/deployment.yaml",
        "http://backend:8080",
        "http://api:8080",
        "BACKEND_URL names the Service api, which does not exist",
    ),
    "a secret that nothing makes": (
        f"{APP}/base/backend/deployment.yaml",
        "name: database\n                  key",
        "name: db\n                  key",
        "comes from the Secret db, which no ExternalSecret makes",
    ),
    "a password in clear": (
        f"{APP}/base/backend/deployment.yaml",
        'value: "5432"',
        'value: "5432"\n            - name: API_TOKEN\n              value: hunter2',
        "API_TOKEN looks like a secret in clear",
    ),
    "a selector that does not match its labels": (
        f"{FRONTEND}/deployment.yaml",
        'selector:\n    matchLabels:\n      app.kubernetes.io/name: "frontend"',
        'selector:\n    matchLabels:\n      app.kubernetes.io/name: "front"',
        "the selector does not match the template's labels",
    ),
    "a volume that the pod lacks": (
        f"{FRONTEND}/deployment.yaml",
        "- name: tmp\n              mountPath",
        "- name: temp\n              mountPath",
        "mounts the volume 'temp'",
    ),
    "a container that may run as root": (
        f"{FRONTEND}/deployment.yaml",
        "runAsNonRoot: true",
        "runAsNonRoot: false",
        "may run as root",
    ),
    "a container without limits": (
        f"{FRONTEND}/deployment.yaml",
        "limits:\n              memory: 256Mi",
        "limits:\n              cpu: 1",
        "needs requests and a memory limit",
    ),
    "a container that may gain privileges": (
        f"{FRONTEND}/deployment.yaml",
        "allowPrivilegeEscalation: false",
        "allowPrivilegeEscalation: true",
        "may gain privileges",
    ),
    "a container without a liveness probe": (
        f"{FRONTEND}/deployment.yaml",
        "livenessProbe:",
        "livelinessProbe:",
        "container frontend has no livenessProbe",
    ),
    "an image that may change under its tag": (
        f"{APP}/base/database/statefulset.yaml",
        "@sha256:[0-9a-f]{64}",
        "",
        "may change under its tag",
    ),
    "two objects of one name": (
        f"{APP}/base/backend/service.yaml",
        'name: "backend"\n  labels',
        'name: "frontend"\n  labels',
        "Service frontend is in",
    ),
    "a resource that does not exist": (
        f"{APP}/base/kustomization.yaml",
        '- "backend"',
        '- "backend"\n  - queue',
        "resources names 'queue', which does not exist",
    ),
    "a file that no kustomization names": (
        f"{FRONTEND}/kustomization.yaml",
        "  - networkpolicy.yaml\n",
        "",
        "is not named in",
    ),
    "a folder that no kustomization names": (
        f"{APP}/base/kustomization.yaml",
        '  - "backend"\n',
        "",
        "does not name the folder backend",
    ),
    "a resource named twice": (
        f"{FRONTEND}/kustomization.yaml",
        "- service.yaml",
        "- service.yaml\n  - service.yaml",
        "names 'service.yaml' twice",
    ),
    "a base from the network": (
        f"{APP}/base/kustomization.yaml",
        '- "backend"',
        '- "backend"\n  - https://example.com/x?ref=main',
        "from the network: copy it",
    ),
    "a deprecated field": (
        f"{APP}/base/kustomization.yaml",
        "labels:",
        "commonLabels: {}\nlabels:",
        "commonLabels is deprecated: write it as labels",
    ),
    "an image that the overlay does not set": (
        f"{DEV}/kustomization.yaml",
        '  - name: "backend"\n    newName: .*\n',
        "",
        "images does not set backend",
    ),
    "an image without a tag": (
        f"{DEV}/imagetags/kustomization.yaml",
        '  - name: "backend"\n    newTag: .*\n',
        "",
        "has no tag of backend: run scripts/bump-image dev backend=TAG",
    ),
    "an image that no container has": (
        f"{DEV}/imagetags/kustomization.yaml",
        '"backend"',
        '"queue"',
        "sets the image queue, which no container has",
    ),
    "the tag latest": (
        f"{DEV}/imagetags/kustomization.yaml",
        '"unreleased"',
        '"latest"',
        "the tag 'latest' names no version",
    ),
    "a tag that is a number": (
        f"{DEV}/imagetags/kustomization.yaml",
        '"unreleased"',
        "1234567",
        "newTag of frontend is not a text: quote it",
    ),
    "a tag with a space": (f"{DEV}/imagetags/kustomization.yaml", '"unreleased"', '"v 3"', "is not an image tag"),
    "tags that are not taken in": (
        f"{DEV}/kustomization.yaml",
        "components:\n  - imagetags\n",
        "",
        "components does not name imagetags",
    ),
    "something else in the file of tags": (
        f"{DEV}/imagetags/kustomization.yaml",
        "images:",
        "namespace: x\nimages:",
        "'namespace' does not belong here",
    ),
    "an Application that deploys elsewhere": (
        f"{CLUSTER}/environments/dev.yaml",
        'namespace: "goal-tracker-dev"',
        'namespace: "goal-tracker-prod"',
        "deploys to goal-tracker-prod, but apps/goal-tracker/overlays/dev is of goal-tracker-dev",
    ),
    "an Application of a folder that does not exist": (
        f"{CLUSTER}/environments/dev.yaml",
        "overlays/dev",
        "overlays/qa",
        "the folder apps/goal-tracker/overlays/qa does not exist",
    ),
    "an Application of another repository": (
        f"{CLUSTER}/environments/dev.yaml",
        "repoURL: .*",
        "repoURL: https://github.com/example-org/other",
        "is another repository than bootstrap's",
    ),
    "a project that does not allow a namespace": (
        f"{CLUSTER}/project.yaml",
        '    - server: .*\n      namespace: "goal-tracker-dev"\n',
        "",
        "does not allow the namespace goal-tracker-dev",
    ),
    "a project that does not exist": (
        f"{CLUSTER}/environments/dev.yaml",
        'project: "goal-tracker"',
        "project: default",
        "there is no AppProject default",
    ),
    "an environment that Terraform does not know": (
        "terraform/platform/terraform.tfvars",
        r'"dev", ',
        "",
        "environment dev is in apps/*/overlays but not in terraform/platform/terraform.tfvars",
    ),
    "an environment that the workflow does not offer": (
        ".github/workflows/deploy.yml",
        '          - "dev"\n',
        "",
        "options are not the environments dev, prod",
    ),
    "another vault than Terraform makes": (
        f"{CLUSTER}/external-secrets/clustersecretstore.yaml",
        "https://kv-",
        "https://vk-",
        "is not the vault kv-goal-tracker-",
    ),
    "a namespace that does not restrict its pods": (
        f"{DEV}/namespace.yaml",
        "enforce: restricted",
        "enforce: baseline",
        "does not enforce the restricted pod security level",
    ),
    "an action that is not pinned": (
        ".github/workflows/deploy.yml",
        r"checkout@[0-9a-f]{40} # v[\d.]+",
        "checkout@v7",
        "actions/checkout is not pinned",
    ),
    "a pinned action without its version": (
        ".github/workflows/deploy.yml",
        r"(checkout@[0-9a-f]{40}) # v[\d.]+",
        r"\1",
        "actions/checkout does not say its version",
    ),
    "a workflow without permissions": (
        ".github/workflows/check.yml",
        "permissions: {}\n",
        "",
        "has no top-level permissions",
    ),
    "a script that does not exist": (
        ".github/workflows/deploy.yml",
        "scripts/deploy",
        "scripts/depoly",
        "calls scripts/depoly, which does not exist",
    ),
    "a key that is there twice": (
        f"{FRONTEND}/service.yaml",
        "kind: Service",
        "kind: Service\nkind: Service",
        "the key 'kind' is there twice",
    ),
    "a wrong indent": (f"{FRONTEND}/service.yaml", "  selector:", " selector:", "is not valid YAML"),
    "a merge conflict": (
        f"{DEV}/kustomization.yaml",
        "components:",
        "<<<<<<< HEAD\ncomponents:\n=======\n>>>>>>> theirs",
        "has a merge conflict",
    ),
}

# The same with the product of another answer set.
DAMAGES_BESIDE_A_SERVER_OF_AZURE = {
    "a Deployment that names another database server": (
        f"{APP}/base/backend/deployment.yaml",
        "value: psql-",
        "value: sqlp-",
        "is not the server psql-goal-tracker-",
    ),
    "a job that names another database server": (
        f"{CLUSTER}/database-roles/cronjob.yaml",
        "value: psql-",
        "value: sqlp-",
        "is not the server psql-goal-tracker-",
    ),
    "a policy for another range than the database server's": (
        f"{APP}/base/backend/networkpolicy.yaml",
        r"10\.100\.4\.0/27",
        "10.100.5.0/27",
        "10.100.5.0/27 is not database_subnet of terraform/platform/terraform.tfvars",
    ),
}


ROUTED = "apps/goal-tracker/base/frontend/httproute.yaml"
GATEWAY = f"{CLUSTER}/gateway/gateway.yaml"

# The same for a product that is reached through a gateway.
GATEWAY_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "two environments of one host": (
        f"{DEV}/hosts.yaml",
        "dev.shop.example.com",
        "shop.example.com",
        "shop.example.com belongs to apps/goal-tracker/overlays/dev already",
    ),
    "a host without a listener": (
        f"{DEV}/hosts.yaml",
        "dev.shop.example.com",
        "test.shop.example.com",
        "no listener covers test.shop.example.com: add one in clusters/aks-goal-tracker/gateway/gateway.yaml",
    ),
    "a listener of another environment": (
        GATEWAY,
        '"goal-tracker-dev"',
        '"goal-tracker-prod"',
        "the listener of dev.shop.example.com does not let in goal-tracker-dev",
    ),
    "a listener of its own namespace only": (
        GATEWAY,
        "from: Selector",
        "from: Same",
        "the listener of dev.shop.example.com does not let in goal-tracker-dev",
    ),
    "a host that stays on plain HTTP": (
        f"{CLUSTER}/gateway/httproute.yaml",
        '    - "dev.shop.example.com"\n',
        "",
        "does not send dev.shop.example.com from HTTP to HTTPS",
    ),
    "a route without a host": (
        f"{DEV}/kustomization.yaml",
        "  - path: hosts.yaml\n",
        "",
        "HTTPRoute frontend has no hostnames: add them to apps/goal-tracker/overlays/dev/hosts.yaml",
    ),
    "a route to a Gateway that does not exist": (
        ROUTED,
        "name: public",
        "name: internal",
        "there is no Gateway internal in the namespace gateway",
    ),
    "a route to a listener that does not exist": (
        f"{CLUSTER}/gateway/httproute.yaml",
        "sectionName: http",
        "sectionName: web",
        "the Gateway has no listener web: use http",
    ),
    "a route to a Service that does not exist": (
        ROUTED,
        'kind: Service\n          name: "frontend"',
        'kind: Service\n          name: "front"',
        "there is no Service front: mend backendRefs",
    ),
    "a route to a port that the Service lacks": (
        ROUTED,
        "port: 3000",
        "port: 80",
        "the Service frontend has no port 80: use 3000",
    ),
    "an issuer that does not exist": (
        GATEWAY,
        "issuer: letsencrypt",
        "issuer: letsencrypt-staging",
        "there is no Issuer letsencrypt-staging beside this Gateway",
    ),
    "an address that Terraform does not make": (
        GATEWAY,
        '"pip-aks-goal-tracker-gateway"',
        '"pip-other"',
        "is not the address pip-aks-goal-tracker-gateway of terraform/platform/terraform.tfvars",
    ),
}


# The same for a product of Jenkins.
JENKINS_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a script that does not exist": (
        "Jenkinsfile",
        "scripts/deploy",
        "scripts/depoly",
        "calls scripts/depoly, which does not exist",
    ),
    "a script of another pipeline that does not exist": (
        "jenkins/apply.Jenkinsfile",
        "scripts/with-azure",
        "scripts/with-azrue",
        "calls scripts/with-azrue, which does not exist",
    ),
    "a pod that does not exist": (
        "Jenkinsfile",
        "agents/build.yaml",
        "agents/built.yaml",
        "yamlFile names jenkins/agents/built.yaml, which does not exist",
    ),
    "a container that the pod lacks": (
        "Jenkinsfile",
        r"container\('buildkit'\)",
        "container('kaniko')",
        "jenkins/agents/check.yaml has no container kaniko",
    ),
    "a default container that the pod lacks": (
        "jenkins/apply.Jenkinsfile",
        "defaultContainer 'azure-cli'",
        "defaultContainer 'tools'",
        "jenkins/agents/terraform.yaml has no container tools",
    ),
    "a second service account": (
        "jenkins/deploy.Jenkinsfile",
        "defaultContainer 'tools'",
        "defaultContainer 'tools'\n      serviceAccount 'apply'",
        "names a service account too",
    ),
    "a pipeline that no job runs": (
        "README.md",
        "`jenkins/rollback.Jenkinsfile`",
        "a file",
        "jenkins/rollback.Jenkinsfile:1: README.md does not say which job runs it",
    ),
    "an environment that can not be rolled back": (
        "jenkins/rollback.Jenkinsfile",
        "'dev', ",
        "",
        "choices are not the environments dev, prod",
    ),
    "a pipeline that commits under a name it does not know": (
        "jenkins/agents/deploy.yaml",
        r"(COMMITTER_EMAIL\s+value:) jenkins@localhost",
        r"\1 jenkins@example.com",
        "commits as jenkins@example.com, which scripts/merged-changes takes for a person",
    ),
    "an environment that the job does not offer": (
        "jenkins/deploy.Jenkinsfile",
        "'dev', ",
        "",
        "choices are not the environments dev, prod",
    ),
    "a release to an environment that is not there": (
        "Jenkinsfile",
        'scripts/deploy "dev"',
        'scripts/deploy "test"',
        "there is no environment test",
    ),
    "a credential that the README does not name": (
        "Jenkinsfile",
        "credentialsId: 'git'",
        "credentialsId: 'gti'",
        "README.md does not say what the credential gti is",
    ),
    "a pod that may run as root": (
        "jenkins/agents/deploy.yaml",
        "runAsNonRoot: true",
        "runAsNonRoot: false",
        "may run as root",
    ),
    "a pod without limits": (
        "jenkins/agents/deploy.yaml",
        "limits:\n          memory: 512Mi",
        "limits:\n          cpu: 1",
        "container jnlp needs requests and a memory limit",
    ),
    "an image of an agent that may change": (
        "jenkins/agents/terraform.yaml",
        "terraform:[\\d.]+",
        "terraform:latest",
        "image hashicorp/terraform:latest is not pinned",
    ),
    "a volume that the pod of an agent lacks": (
        "jenkins/agents/terraform.yaml",
        "- name: tools\n          mountPath",
        "- name: tool\n          mountPath",
        "mounts the volume 'tool'",
    ),
}


OWN = "terraform/platform/prod.tfvars"

CLUSTER_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "an environment without a cluster": (
        "terraform/environments",
        "prod\n",
        "prod\nstaging\n",
        "terraform/platform/staging.tfvars: is missing: add it",
    ),
    "a cluster whose environment is in no order": (
        "terraform/environments",
        "prod\n",
        "",
        "terraform/gitops/prod.tfvars: is of no environment in terraform/environments",
    ),
    "values of another environment": (OWN, r'\["prod"\]', '["dev"]', 'environments is not ["prod"]'),
    "two projects": (OWN, 'project_name = ".*"', 'project_name = "other"', "project_name is not that of dev.tfvars"),
    "two registries": (
        OWN,
        'registry_name = ".*"',
        'registry_name = "other"',
        "registry_name is not that of dev.tfvars",
    ),
    "a registry that is somewhere else": (
        "terraform/registry/terraform.tfvars",
        'resource_group_name = ".*"',
        'resource_group_name = "rg-other"',
        "terraform/platform/dev.tfvars: registry_resource_group_name is not rg-other",
    ),
    "a registry of another repository": (
        "terraform/registry/terraform.tfvars",
        'github_repository = ".*"',
        'github_repository = "a/b"',
        "github_repository is not that of dev.tfvars",
    ),
    "a cluster that is there twice": (
        OWN,
        "aks-goal-tracker-prod",
        "aks-goal-tracker-dev",
        "cluster_name aks-goal-tracker-dev is that of dev.tfvars",
    ),
    "a cluster that has no folder": (
        OWN,
        "aks-goal-tracker-prod",
        "aks-goal-tracker-live",
        "clusters/aks-goal-tracker-live/environments/prod.yaml: is missing",
    ),
    "the vault of another cluster": (
        "clusters/aks-goal-tracker-prod/external-secrets/clustersecretstore.yaml",
        "kv-prod-",
        "kv-dev-",
        "is not the vault kv-prod-",
    ),
    "a bootstrap that hands over another cluster": (
        "bootstrap/aks-goal-tracker-prod/templates/application.yaml",
        'path: "clusters/aks-goal-tracker-prod"',
        'path: "clusters/aks-goal-tracker-dev"',
        "does not hand over clusters/aks-goal-tracker-prod",
    ),
    "a state that is another cluster's": (
        "terraform/platform/prod.azurerm.tfbackend",
        "tracker-prod",
        "tracker-dev",
        "does not keep the state of aks-goal-tracker-prod apart from others",
    ),
    "Argo CD on another platform": (
        "terraform/gitops/prod.tfvars",
        "tracker-prod",
        "tracker-dev",
        "platform_state is not that of aks-goal-tracker-prod",
    ),
    "a project of another environment": (
        "clusters/aks-goal-tracker-prod/project.yaml",
        'namespace: "goal-tracker-prod"',
        'namespace: "goal-tracker-dev"',
        "does not allow the namespace goal-tracker-prod",
    ),
}

SERVER_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "pods that use the server of another cluster": (
        "apps/shop/overlays/prod/database-host.yaml",
        "psql-shop-prod-",
        "psql-shop-dev-",
        "is not the server psql-shop-prod-",
    ),
    "an address of another cluster": (
        "clusters/aks-shop-prod/gateway/gateway.yaml",
        "pip-aks-shop-prod",
        "pip-aks-shop-dev",
        "is not the address pip-aks-shop-prod-gateway of terraform/platform/prod.tfvars",
    ),
    "a host whose cluster has no listener": (
        "apps/shop/overlays/staging/hosts.yaml",
        "staging.shop",
        "test.shop",
        "add one in clusters/aks-shop-staging/gateway/gateway.yaml",
    ),
}


def validate(product: Path) -> tuple[int, str]:
    done = support.run(sys.executable, "scripts/validate", "--no-tools", cwd=product)
    return done.returncode, done.stdout + done.stderr


DAMAGED = {
    "defaults": DAMAGES,
    "gateway-with-two-environments": GATEWAY_DAMAGES,
    "jenkins-with-acr-on-gitlab": JENKINS_DAMAGES,
    "database-of-azure": DAMAGES_BESIDE_A_SERVER_OF_AZURE,
    "cluster-per-environment": CLUSTER_DAMAGES,
    "cluster-per-environment-with-gateway-and-database-of-azure": SERVER_DAMAGES,
}


@pytest.mark.parametrize(
    ("answers", "damage"), [(answers, damage) for answers, damages in DAMAGED.items() for damage in damages]
)
def test_validate_finds(answers: str, damage: str, rendered: Callable[[str], Path]) -> None:
    product = rendered(answers)
    name, pattern, replacement, words = DAMAGED[answers][damage]
    path = product / name
    sound = path.read_text(encoding="utf-8")
    damaged = re.sub(pattern, replacement, sound, count=1)
    assert damaged != sound, "the damage hits nothing"
    path.write_text(damaged, encoding="utf-8")
    try:
        status, output = validate(product)
    finally:
        path.write_text(sound, encoding="utf-8")
    assert status == 1, output
    [line] = [line for line in output.splitlines() if words in line] or [output]
    assert words in line
    assert re.match(r"[\w./-]+(:\d+)?: ", line), line
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "missing", [f"{FRONTEND}/service.yaml", f"{DEV}/imagetags/kustomization.yaml", "scripts/refresh"]
)
def test_validate_finds_a_deleted_file(missing: str, rendered: Callable[[str], Path]) -> None:
    path = rendered("defaults") / missing
    content, mode = path.read_bytes(), path.stat().st_mode
    path.unlink()
    try:
        status, output = validate(rendered("defaults"))
    finally:
        path.write_bytes(content)
        path.chmod(mode)
    assert status == 1
    assert missing.rsplit("/", 1)[1].split(".")[0] in output
    assert "Traceback" not in output


def test_validate_finds_a_secret_in_clear(own_product: Path) -> None:
    (own_product / APP / "base" / "secret.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\nstringData:\n  password: hunter2\n"
    )
    base = own_product / APP / "base" / "kustomization.yaml"
    base.write_text(base.read_text().replace("resources:\n", "resources:\n  - secret.yaml\n"))
    status, output = validate(own_product)
    assert status == 1
    assert "Secret x is in clear: keep it in Key Vault" in output


def test_what_a_user_adds_by_hand_is_not_complained_about(own_product: Path) -> None:
    base = own_product / APP / "base"
    (base / "frontend" / "configmap.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: blue\n"
    )
    kustomization = base / "frontend" / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("resources:\n", "resources:\n  - configmap.yaml\n"))
    (own_product / DEV / "cpu.yaml").write_text(
        "- op: replace\n  path: /spec/template/spec/containers/0/resources/requests/cpu\n  value: 100m\n"
    )
    overlay = own_product / DEV / "kustomization.yaml"
    overlay.write_text(
        overlay.read_text().replace("patches:\n", "patches:\n  - path: cpu.yaml\n    target:\n      kind: Deployment\n")
    )
    (own_product / "docs").mkdir()
    (own_product / "docs" / "notes.md").write_text("ours\n")
    assert validate(own_product)[0] == 0
