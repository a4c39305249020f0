"""What pods refer to by name is there: ConfigMaps, Secrets, service accounts, claims; and roles that are bound."""

from collections.abc import Iterator

from .documents import Map, Problem, Repository
from .objects import Workload, applications, kustomizations, objects, workload

# In every namespace without anybody making them.
_ALWAYS = {"ConfigMap": {"kube-root-ca.crt"}, "ServiceAccount": {"default"}}
_CURES = {
    "ConfigMap": "add it, or a configMapGenerator",
    "Secret": "add an ExternalSecret that makes it",
    "ServiceAccount": "add it",
    "PersistentVolumeClaim": "add it",
}


def check(repository: Repository) -> Iterator[Problem]:
    """Check every workload of the applications."""
    for application in applications(repository):
        found = objects(repository, application)
        known = _known(repository, application, found)
        for path, document in found:
            item = workload(path, document)
            if item:
                for kind, name, line in _references(item):
                    if name not in known[kind] | _ALWAYS.get(kind, set()):
                        what = f"refers to the {kind} {name}, which does not exist"
                        if kind == "Secret":
                            what = f"comes from the Secret {name}, which no ExternalSecret makes"
                        yield Problem(path, line, f"{what}: {_CURES[kind]}, or mend the name")
            elif document.get("kind") in ("RoleBinding", "ClusterRoleBinding"):
                yield from _check_binding(path, document, found)


def _known(repository: Repository, application: str, found: list[tuple[str, Map]]) -> dict[str, set[str]]:
    """Return the names of what is made, by kind."""
    known: dict[str, set[str]] = {kind: set() for kind in _CURES}
    for _, document in found:
        kind, name = document.text("kind"), document.text("metadata", "name")
        known.setdefault(kind, set()).add(name)
        if kind == "ExternalSecret":
            known["Secret"].add(document.text("spec", "target", "name") or name)
        elif kind == "Certificate":
            known["Secret"].add(document.text("spec", "secretName"))
        elif kind == "SealedSecret":
            known["Secret"].add(name)
    for _, kustomization in kustomizations(repository, application):
        for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            known[kind] |= {entry.text("name") for entry in kustomization.maps(key)}
    return known


def _references(item: Workload) -> Iterator[tuple[str, str, int]]:
    """Yield kind, name and line of everything that a pod needs before it can start."""
    for container in item.all_containers():
        for variable in container.maps("env"):
            yield from _one(variable.at("valueFrom", "configMapKeyRef"), "ConfigMap", "name")
            yield from _one(variable.at("valueFrom", "secretKeyRef"), "Secret", "name")
        for source in container.maps("envFrom"):
            yield from _one(source.at("configMapRef"), "ConfigMap", "name")
            yield from _one(source.at("secretRef"), "Secret", "name")
    volumes = item.pod.maps("volumes")
    projected = [source for volume in volumes for source in volume.maps("projected", "sources")]
    for volume in [*volumes, *projected]:
        yield from _one(volume.at("configMap"), "ConfigMap", "name")
        yield from _one(volume.at("secret"), "Secret", "secretName")
        yield from _one(volume.at("secret"), "Secret", "name")
        yield from _one(volume.at("persistentVolumeClaim"), "PersistentVolumeClaim", "claimName")
    for secret in item.pod.maps("imagePullSecrets"):
        yield from _one(secret, "Secret", "name")
    yield from _one(item.pod, "ServiceAccount", "serviceAccountName")


def _one(where: object, kind: str, key: str) -> Iterator[tuple[str, str, int]]:
    if isinstance(where, Map) and where.text(key) and where.get("optional") is not True:
        yield kind, where.text(key), where.line_of(key)


def _check_binding(path: str, binding: Map, found: list[tuple[str, Map]]) -> Iterator[Problem]:
    there = {(document.text("kind"), document.text("metadata", "name")) for _, document in found}
    kind, name = binding.text("roleRef", "kind"), binding.text("roleRef", "name")
    if kind == "Role" and (kind, name) not in there:
        line = binding.line_at("roleRef", "name")
        yield Problem(path, line, f"there is no Role {name}: add it, or mend roleRef")
    for subject in binding.maps("subjects"):
        kind, name = subject.text("kind"), subject.text("name")
        here = kind == "ServiceAccount" and "namespace" not in subject
        if here and name != "default" and (kind, name) not in there:
            line = subject.line_of("name")
            yield Problem(path, line, f"there is no ServiceAccount {name}: add it, or mend subjects")
