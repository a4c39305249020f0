"""What differs from Azure, as patches on what Git says; people's files stay as they are.

- Images come from the local registry. A service without sources here has no pods.
- Passwords are made here, instead of coming from Key Vault.
- Public services are reached by ports of the node, instead of a load balancer or a gateway.
- Volumes have the cluster's own class.
- What needs Azure by a schedule, such as backups, is left out.
"""

import importlib.resources
import json
from dataclasses import dataclass, field
from pathlib import Path

from gitops.repository import application, is_built_here, main_branch, watched
from gitops.template import answer

from .commands import Object, documents, run
from .kind import NODE_PORTS
from .place import Place

# Stands for the database server of Azure, where there is one.
_DATABASE = "database.yaml"
# Whoever has this label signs in to Azure.
_IN_AZURE = "azure.workload.identity/use"
_PULL_SECRET = "kubernetes.io/dockerconfigjson"  # noqa: S105 - a type, not a secret
_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


@dataclass
class Layer:
    """What is laid over an environment."""

    patches: list[Object] = field(default_factory=list)
    images: list[Object] = field(default_factory=list)
    secrets: dict[str, list[str]] = field(default_factory=dict)
    """Name → keys of each Secret that Key Vault would fill."""
    public: list[str] = field(default_factory=list)
    """The services that people reach."""
    policies: list[Object] = field(default_factory=list)
    """Network policies that let people in."""

    def patch(self, item: Object, *operations: Object) -> None:
        """Change an object."""
        self.patches.append({"target": _target(item), "patch": json.dumps(operations)})

    def delete(self, item: Object) -> None:
        """Leave an object out."""
        metadata = {"name": item["metadata"]["name"]}
        gone = {"$patch": "delete", "apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}
        self.patches.append({"target": _target(item), "patch": json.dumps(gone)})


def _target(item: Object) -> Object:
    return {"kind": item["kind"], "name": item["metadata"]["name"]}


def _repository(image: str) -> str:
    """Return an image's name without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def over(objects: list[Object], place: Place, built: list[str]) -> Layer:
    """Return the layer for the objects of an environment.

    Args:
        objects: what the overlay gives.
        place: where they will run.
        built: the services that have sources here.
    """
    layer = Layer()
    services: dict[str, Object] = {}
    for item in objects:
        kind, spec = item["kind"], item.get("spec", {})
        if kind == "ExternalSecret":
            layer.delete(item)
            target = spec.get("target", {})
            template = target.get("template", {})
            if template.get("type") != _PULL_SECRET:  # The local registry asks for no credential.
                keys = list(template.get("data", {})) or [entry["secretKey"] for entry in spec.get("data", [])]
                layer.secrets[target.get("name", item["metadata"]["name"])] = keys
        elif kind == "HTTPRoute":
            layer.delete(item)
            layer.public += [ref["name"] for rule in spec.get("rules", []) for ref in rule.get("backendRefs", [])]
        elif kind == "Service":
            services[item["metadata"]["name"]] = item
            if spec.get("type") == "LoadBalancer":
                layer.public.append(item["metadata"]["name"])
                layer.patch(item, {"op": "replace", "path": "/spec/type", "value": "ClusterIP"})
        elif kind == "StatefulSet":
            for number, claim in enumerate(spec.get("volumeClaimTemplates", [])):
                if "storageClassName" in claim["spec"]:
                    path = f"/spec/volumeClaimTemplates/{number}/spec/storageClassName"
                    layer.patch(item, {"op": "remove", "path": path})
        elif kind == "PersistentVolumeClaim" and "storageClassName" in spec:
            layer.patch(item, {"op": "remove", "path": "/spec/storageClassName"})
        elif kind in ("CronJob", "Job") and _is_left_out(item):
            layer.delete(item)
        elif kind in ("Deployment", "Job"):
            _pods(layer, item, place.registry, built)
    layer.public = [name for name in dict.fromkeys(layer.public) if name in built] or [*services.keys() & built]
    layer.public.sort()
    for number, _, name in zip(NODE_PORTS, place.ports, layer.public, strict=False):
        _open(layer, services[name], number)
    return layer


def _is_left_out(job: Object) -> bool:
    """Tell whether a job needs Azure, or has no sources here."""
    if job["kind"] == "CronJob":
        return _IN_AZURE in job["spec"]["jobTemplate"]["spec"]["template"]["metadata"].get("labels", {})
    return not is_built_here(job["metadata"]["name"].removesuffix("-migration"))


def _open(layer: Layer, service: Object, port: int) -> None:
    """Let people reach a service by a port of the node, whatever its policies let in."""
    of_node = {"op": "add", "path": "/spec/type", "value": "NodePort"}
    layer.patch(service, of_node, {"op": "add", "path": "/spec/ports/0/nodePort", "value": port})
    metadata = {"name": f"local-{service['metadata']['name']}"}
    spec = {"podSelector": {"matchLabels": service["spec"]["selector"]}, "policyTypes": ["Ingress"], "ingress": [{}]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    layer.policies.append(policy)


def _pods(layer: Layer, item: Object, registry: str, built: list[str]) -> None:
    name, containers = item["metadata"]["name"], item["spec"]["template"]["spec"]["containers"]
    if name in built:
        layer.images.append({"name": _repository(containers[0]["image"]), "newName": f"{registry}/{name}"})
    elif item["kind"] == "Deployment" and not is_built_here(name):
        layer.patch(item, {"op": "add", "path": "/spec/replicas", "value": 0})
    local = {"DB_HOST": "database", "PGSSLMODE": "disable"} if answer("database") == "azure" else {}
    for number, container in enumerate(containers):
        for place, variable in enumerate(container.get("env", [])):
            if variable["name"] in local:
                path = f"/spec/template/spec/containers/{number}/env/{place}/value"
                layer.patch(item, {"op": "replace", "path": path, "value": local[variable["name"]]})


def write(clone: Path, place: Place, url: str, built: list[str]) -> Layer:
    """Lay it over a clone of the repository: the environment, its Application, and what brings that one."""
    app, environment = application(), place.environment
    overlay = f"apps/{app}/overlays/{environment}"
    rendered = run("kubectl", "kustomize", clone / overlay)
    # kubectl reads the YAML, since Python can't by itself.
    read = ("patch", "--local", "--filename=-", "--type=merge", "--patch={}", "--output=json")
    layer = over(documents(run("kubectl", *read, stdin=rendered)), place, built)

    folder = clone / "apps" / app / "local"
    folder.mkdir(parents=True, exist_ok=True)
    resources = [f"../overlays/{environment}"]
    if answer("database") == "azure":
        text = importlib.resources.files(__package__).joinpath(_DATABASE).read_text(encoding="utf-8")
        (folder / _DATABASE).write_text(text, encoding="utf-8")
        resources.append(_DATABASE)
    for policy in layer.policies:
        name = f"{policy['metadata']['name']}.yaml"
        (folder / name).write_text(json.dumps(policy), encoding="utf-8")
        resources.append(name)
    _write(folder, resources, layer.patches, images=layer.images, namespace=place.namespace)

    source = [
        {"op": "replace", "path": "/spec/source/repoURL", "value": url},
        {"op": "replace", "path": "/spec/source/targetRevision", "value": main_branch()},
    ]
    moved = {"op": "replace", "path": "/spec/source/path", "value": f"apps/{app}/local"}
    # Nothing else of the cluster's: add-ons need Azure.
    repositories = {"op": "replace", "path": "/spec/sourceRepos", "value": [url]}
    _write(
        clone / "clusters" / place.cluster,
        [f"projects/{environment}.yaml", f"environments/{environment}.yaml"],
        [
            {"target": {"kind": "Application"}, "patch": json.dumps([*source, moved])},
            {"target": {"kind": "Application"}, "patch": json.dumps(_watched(app, environment))},
            {"target": {"kind": "AppProject"}, "patch": json.dumps([repositories])},
        ],
    )
    _write(
        bootstrap(clone, place),
        ["templates/default-project.yaml", "templates/project.yaml", "templates/application.yaml"],
        [
            {"target": {"kind": "Application"}, "patch": json.dumps(source)},
            {"target": {"kind": "AppProject", "name": "bootstrap"}, "patch": json.dumps([repositories])},
        ],
    )
    return layer


def bootstrap(clone: Path, place: Place) -> Path:
    """Return the folder with the bootstrap Application of the cluster."""
    own = clone / "bootstrap" / place.cluster
    return own if own.is_dir() else clone / "bootstrap"


def _watched(app: str, environment: str) -> Object:
    """Let a change of the folders below the layer be noticed too."""
    paths = ";".join([".", *(f"/{path}" for path in watched(environment))])
    annotations = {"argocd.argoproj.io/manifest-generate-paths": paths}
    metadata = {"name": f"{app}-{environment}", "annotations": annotations}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata}


def _write(folder: Path, resources: list[str], patches: list[Object], **more: object) -> None:
    """Write a kustomization; JSON is YAML too."""
    content = {**_KUSTOMIZATION, **more, "resources": resources, "patches": patches}
    (folder / "kustomization.yaml").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
