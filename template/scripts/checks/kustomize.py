"""What kustomize builds of a folder, as far as that can be followed without it: paths, patches, and who names whom."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from .documents import Map, Place, Problem, Repository, parse

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# Kinds that are in no namespace; of custom kinds only the names tell.
CLUSTER_KINDS = {
    *("APIService", "CSIDriver", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IngressClass"),
    *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node"),
    *("PersistentVolume", "PriorityClass", "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy"),
    *("ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "GatewayClass"),
}
# Where the template of pods is in a workload, whatever its kind.
PODS = (("spec", "template"), ("spec", "jobTemplate", "spec", "template"), ())
# Fields that bring, rename or change objects in ways that are not followed here.
_NOT_FOLLOWED = {
    *("helmCharts", "helmChartInflationGenerator", "helmGlobals", "generators", "transformers", "configurations"),
    *("namePrefix", "nameSuffix", "openapi", "replacements", "vars"),
}
_SCALED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
# By what the entries of a list are told apart in a patch, for kinds of Kubernetes; other lists are replaced.
_KEYS = {
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers", "env", "volumes"), "name"),
    **{"volumeMounts": "mountPath", "volumeDevices": "devicePath", "imagePullSecrets": "name", "hostAliases": "ip"},
}


@dataclass
class Build:
    """The objects of a folder after its patches."""

    objects: list[Map] = field(default_factory=list)
    # Whether all that it builds is known.
    whole: bool = True
    # The folders that it is made of, and the files outside of them.
    parts: list[str] = field(default_factory=list)
    # Volumes that patches add: kind and name of the object, and the volume.
    volumes: list[tuple[str, str, Map]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def check(repository: Repository) -> Iterator[Problem]:
    """Check the kustomizations of apps/, bootstrap/ and clusters/."""
    named: set[str] = set()
    found = dict(_kustomizations(repository))
    for folder, kustomization in found.items():
        for entry, place in _references(kustomization):
            target = posixpath.normpath(posixpath.join(folder, entry))
            named.add(target)
            if not _is_remote(entry) and not repository.exists(target):
                lines = enumerate(repository.text(place[0]).splitlines(), 1)
                line = next((number for number, line in lines if number >= place[1] and entry in line), place[1])
                yield Problem(place[0], line, f"names {entry!r}, which does not exist: add it or remove the line")
            elif repository.documents.get(target) == [] and not repository.lists[target]:
                yield Problem(target, 0, "holds nothing: restore it from history, or remove it")
    for folder in found:
        built = build(repository, folder)
        yield from built.problems
        for kind, name, volume in built.volumes if folder not in named and built.whole else ():
            if not any(
                _mounts(item, volume.get("name")) for item in built.objects if (item.kind, item.name) == (kind, name)
            ):
                what = f"the patch adds a volume {volume.get('name')} that no container mounts"
                yield Problem(*volume.where("name"), f"{what}: fix the name, or mount it")
    yield from _check_files(repository, found, named | deployed(repository))


def _kustomizations(repository: Repository) -> Iterator[tuple[str, Map]]:
    for top in ("apps/", "bootstrap/", "clusters/"):
        for path, document in repository.below(top):
            if posixpath.basename(path) in NAMES:
                yield posixpath.dirname(path), document


def kustomization(repository: Repository, folder: str) -> Map:
    """Return the kustomization of a folder; an empty one where it has none."""
    paths = [f"{folder}/{name}" for name in NAMES]
    return repository.first(next((path for path in paths if repository.documents.get(path)), paths[0]))


def _references(document: Map) -> Iterator[tuple[str, Place]]:
    """Yield path and place of everything that a kustomization takes in."""
    for key in ("resources", "bases", "components", "crds", "configurations", "generators", "transformers"):
        for entry in document.texts(key):
            if "\n" not in entry and not entry.startswith("{"):  # Written out in place.
                yield entry, document.where(key)
    for key in ("patches", "patchesJson6902", "replacements"):
        for item in document.maps(key):
            if item.text("path"):
                yield item.text("path"), item.where("path")
    for entry in document.texts("patchesStrategicMerge"):
        if "\n" not in entry:
            yield entry, document.where("patchesStrategicMerge")
    for item in [*document.maps("configMapGenerator"), *document.maps("secretGenerator")]:
        for entry in [*item.texts("files"), *item.texts("envs"), *filter(None, [item.text("env")])]:
            yield entry.rpartition("=")[2], item.where("files")
    for chart in document.maps("helmCharts"):
        for entry in [chart.text("valuesFile"), *chart.texts("additionalValuesFiles")]:
            if entry:
                yield entry, chart.where("valuesFile")


def _is_remote(entry: str) -> bool:
    return bool(re.match(r"[a-z+]+://|git@|git::|[\w-]+[.][\w.-]+/[^/]+/", entry)) or "?ref=" in entry


def deployed(repository: Repository) -> set[str]:
    """Return the folders and files that Applications take as their sources, those of ApplicationSets too."""
    found: set[str] = set()
    for _, document in repository.below("clusters/"):
        for spec in (document.map("spec"), document.map("spec", "template", "spec")):
            found |= {source.text("path").strip("/") for source in [spec.map("source"), *spec.maps("sources")]}
    return found - {""}


def is_local(repository: Repository, folder: str) -> bool:
    """Tell whether kustomize builds a folder without the network and without other programs."""
    remote = {"helmCharts", "helmChartInflationGenerator"}
    parts = [kustomization(repository, part) for part in build(repository, folder).parts]
    return not any(remote & set(part) or any(_is_remote(entry) for entry, _ in _references(part)) for part in parts)


def objects(repository: Repository, path: str) -> list[Map]:
    """Return the objects of a file."""
    found = repository.documents.get(path, [])
    items = [document.maps("items") if document.kind == "List" else [document] for document in found]
    return [item for part in items for item in part if item.kind]


def build(repository: Repository, folder: str, seen: tuple[str, ...] = ()) -> Build:
    """Return what a folder builds; without a kustomization, that is every object in it."""
    return repository.known(("build", folder), lambda: _build(repository, folder, seen))


def _build(repository: Repository, folder: str, seen: tuple[str, ...]) -> Build:
    result = Build(parts=[folder])
    if any(repository.documents.get(f"{folder}/{name}") for name in NAMES):
        _add(repository, folder, result, (*seen, folder))
    else:
        paths = [path for path in repository.documents if path.startswith(f"{folder}/")]
        result.objects = [item for path in paths for item in objects(repository, path)]
        result.whole = not any("{{" in repository.text(path) for path in repository.matching(rf"{folder}/.*"))
        result.whole &= not repository.exists(f"{folder}/Chart.yaml")
    return result


def _add(repository: Repository, folder: str, result: Build, seen: tuple[str, ...]) -> None:
    """Add what a kustomization brings, then do what it says of all that is there."""
    document = kustomization(repository, folder)
    result.whole &= not _NOT_FOLLOWED & set(document)
    targets = {key: [posixpath.normpath(posixpath.join(folder, entry)) for entry in document.texts(key)]
               for key in ("resources", "bases", "components")}  # fmt: skip
    for entry, _ in _references(document):
        target = posixpath.normpath(posixpath.join(folder, entry))
        if not target.startswith(f"{folder}/") and not _is_remote(entry) and target not in targets["resources"]:
            result.parts.append(target)
    for target in [*targets["resources"], *targets["bases"]]:
        if target in repository.documents:
            result.objects += objects(repository, target)
        elif target not in seen and kustomization(repository, target):
            inner = build(repository, target, seen)
            result.objects += inner.objects
            result.parts += inner.parts
            result.volumes += inner.volumes
            result.whole &= inner.whole
        else:
            result.whole = False
    for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        for item in document.maps(key):
            metadata = Map.of(item.place, {"name": item.text("name")})
            made = Map.of(item.place, {"apiVersion": "v1", "kind": kind, "metadata": metadata})
            result.objects += [made] if item.get("behavior", "create") == "create" else []
    for target in targets["components"]:
        if target not in seen and kustomization(repository, target):
            result.parts.append(target)
            _add(repository, target, result, (*seen, target))
        else:
            result.whole = False
    for change in _patches(repository, folder, document):
        change.apply(result)
    _label(document, result)
    _scale(document, result)
    if namespace := document.text("namespace"):
        for number, item in enumerate(result.objects):
            key = "name" if item.kind == "Namespace" else "namespace"
            if (item.kind not in CLUSTER_KINDS or key == "name") and item.text("metadata", key) != namespace:
                result.objects[number] = own = _shallow(item)
                own.put("metadata", _shallow(item.map("metadata")), item.where("metadata"))
                own["metadata"].put(key, namespace, document.where("namespace"))


def _shallow(value: Map) -> Map:
    copy = Map(value)
    copy.place, copy.places = value.place, dict(value.places)
    return copy


def _deep(value: Any) -> Any:
    if isinstance(value, Map):
        copy = _shallow(value)
        copy.update({key: _deep(item) for key, item in value.items()})
        return copy
    return [_deep(item) for item in value] if isinstance(value, list) else value


def _label(document: Map, result: Build) -> None:
    """Give pods the labels that are for them too; selectors, which get the same, match as before."""
    pairs = dict(document.map("commonLabels"))
    for entry in document.maps("labels"):
        if entry.get("includeSelectors") or entry.get("includeTemplates"):
            pairs.update(entry.map("pairs"))
    for number, item in enumerate(result.objects if pairs else ()):
        if item.at("spec", "template", "metadata") is not None:
            result.objects[number] = own = _deep(item)
            labels = own.map("spec", "template", "metadata", "labels")
            labels.update(pairs)
            own["spec"]["template"]["metadata"].put("labels", labels, document.place)


def _scale(document: Map, result: Build) -> None:
    for entry in document.maps("replicas"):
        name, hits = entry.text("name"), 0
        for number, item in enumerate(result.objects):
            if item.name == name and item.kind in _SCALED:
                hits += 1
                result.objects[number] = own = _shallow(item)
                own.put("spec", _shallow(item.map("spec")), item.where("spec"))
                own["spec"].put("replicas", entry.get("count"), entry.where("count"))
        if not hits and name and result.whole and document.kind != "Component":
            what = f"replicas sets {name}, which is no {', '.join(_SCALED[:-1])} or {_SCALED[-1]} here"
            result.problems.append(Problem(*entry.where("name"), f"{what}: fix the name, or remove it"))


@dataclass
class _Patch:
    """A change of objects: part of one that is merged, or a list of operations."""

    content: Any
    target: Map | None
    place: Place
    in_component: bool

    def apply(self, result: Build) -> None:
        """Change what it is for; one that changes nothing is a problem."""
        if self.target and {"labelSelector", "annotationSelector"} & set(self.target):
            result.whole = False
            return
        hits = [number for number, item in enumerate(result.objects) if self._is_for(item)]
        for number in reversed(hits):
            item = result.objects[number]
            if isinstance(self.content, Map) and self.content.get("$patch") == "delete":
                del result.objects[number]
                continue
            result.objects[number] = own = _deep(item)
            if isinstance(self.content, list):
                for operation in self.content:
                    _operate(own, operation)
                continue
            merged = _Merge("." not in item.group or item.group.endswith(".k8s.io"))
            merged.into(own, self.content)
            result.volumes += [(own.kind, own.name, volume) for volume in merged.volumes]
        if not hits and result.whole and not self.in_component:
            wanted = self.target or self.content
            kind, name = wanted.text("kind"), wanted.text("name") or wanted.text("metadata", "name")
            what = f"the patch changes nothing: there is no {f'{kind} {name}'.strip() or 'such object'}"
            result.problems.append(Problem(*self.place, f"{what}: fix its kind or name, or remove it"))

    def _is_for(self, item: Map) -> bool:
        if self.target is None:
            return bool(self.content.kind == item.kind and self.content.name == item.name)
        version = item.text("apiVersion").rpartition("/")[2]
        found = {"group": item.group, "version": version, "kind": item.kind, "name": item.name}
        return all(_fits(self.target.text(key) or ".*", value) for key, value in found.items())


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return pattern == value


def _patches(repository: Repository, folder: str, document: Map) -> Iterator[_Patch]:
    in_component = document.kind == "Component"
    entries = [(item, item.text("path"), item.text("patch"), item.where("patch")) for item in document.maps("patches")]
    entries += [
        (item, item.text("path"), item.text("patch"), item.where("patch")) for item in document.maps("patchesJson6902")
    ]
    for text in document.texts("patchesStrategicMerge"):
        inline, place = "\n" in text, document.where("patchesStrategicMerge")
        entries.append((Map.of(place, {}), "" if inline else text, text if inline else "", place))
    for item, path, inline, place in entries:
        where = posixpath.normpath(posixpath.join(folder, path))
        contents: list[Any] = [*repository.documents.get(where, []), *repository.lists.get(where, [])] if path else []
        if inline:
            try:
                contents = parse(inline, (place[0], place[1] + 1))
            except yaml.YAMLError:
                continue
        target = item.map("target") if "target" in item else None
        for content in contents:
            if isinstance(content, list) and target is not None:
                yield _Patch(content, target, target.place, in_component)
            elif isinstance(content, Map):
                yield _Patch(content, target, target.place if target else content.place, in_component)


class _Merge:
    """A patch that is merged into an object as the API server would, with the volumes that it adds."""

    def __init__(self, by_key: bool) -> None:
        """Tell whether lists are merged by key."""
        self.by_key = by_key
        self.volumes: list[Map] = []

    def into(self, target: Map, patch: Map) -> None:
        """Merge."""
        for key, value in patch.items():
            old, place = target.get(key), patch.places.get(key, patch.place)
            if key == "$patch" or key.startswith("$"):
                continue
            if value is None:
                target.pop(key, None)
            elif isinstance(value, Map) and value.get("$patch") == "delete":
                target.pop(key, None)
            elif isinstance(value, Map) and isinstance(old, Map) and value.get("$patch") != "replace":
                self.into(old, value)
            elif self.by_key and isinstance(value, list) and isinstance(old or [], list) and (name := _KEYS.get(key)):
                self._lists(target, key, name, value)
            else:
                target.put(key, _deep(value), place)

    def _lists(self, target: Map, key: str, name: str, entries: list[Any]) -> None:
        old = target[key] = target.get(key) or []
        if any(isinstance(entry, Map) and entry.get("$patch") == "replace" for entry in entries):
            target[key] = [_deep(entry) for entry in entries if not (isinstance(entry, Map) and "$patch" in entry)]
            return
        for entry in (entry for entry in entries if isinstance(entry, Map)):
            same = [item for item in old if isinstance(item, Map) and item.get(name) == entry.get(name)]
            if entry.get("$patch") == "delete":
                old[:] = [item for item in old if item not in same]
            elif same:
                self.into(same[0], entry)
            else:
                old.append(_deep(entry))
                if key == "volumes":
                    self.volumes.append(entry)


def _mounts(item: Map, volume: Any) -> bool:
    at = next((at for at in PODS if item.at(*at, "spec", "containers")), ("spec", "template"))
    containers = [*item.maps(*at, "spec", "containers"), *item.maps(*at, "spec", "initContainers")]
    return any(mount.get("name") == volume for one in containers for mount in one.maps("volumeMounts"))


def _operate(target: Map, operation: Any) -> None:
    """Do what an operation of a patch says; one that can't be followed changes nothing."""
    if not isinstance(operation, Map):
        return
    *keys, last = [part.replace("~1", "/").replace("~0", "~") for part in operation.text("path").split("/")[1:]] or [""]
    parent: Any = target
    for key in keys:
        if isinstance(parent, list):
            parent = parent[int(key)] if key.isdigit() and int(key) < len(parent) else None
        else:
            parent = parent.get(key) if isinstance(parent, Map) else None
    value, removes = _deep(operation.get("value")), operation.get("op") == "remove"
    if isinstance(parent, Map) and operation.get("op") in ("add", "replace", "remove"):
        parent.pop(last, None)
        if not removes:
            parent.put(last, value, operation.where("value"))
    elif isinstance(parent, list) and operation.get("op") in ("add", "replace", "remove"):
        number = len(parent) if last == "-" else int(last) if last.isdigit() else None
        if number is not None:
            parent[number : number + (operation.get("op") != "add")] = [] if removes else [value]


def _check_files(repository: Repository, found: dict[str, Map], named: set[str]) -> Iterator[Problem]:
    """Check that something names every file that is meant for the cluster, below the folder of a kustomization."""
    for path in [*repository.documents, *repository.lists]:
        folder = posixpath.dirname(path)
        is_kustomization = posixpath.basename(path) in NAMES
        above = posixpath.dirname(folder) if is_kustomization else folder
        while above and above not in found and above not in named and not repository.exists(f"{above}/Chart.yaml"):
            above = posixpath.dirname(above)
        if above not in found or repository.exists(f"{above}/Chart.yaml"):
            continue
        if is_kustomization and folder not in named:
            yield Problem(
                *found[above].place,
                f"does not name the folder {posixpath.relpath(folder, above)}: add it to resources, or remove it",
            )
        elif not is_kustomization and path not in named and _has_effect(repository, path):
            yield Problem(
                path,
                0,
                f"is not named in {found[above].place[0]}, so it has no effect: add it to resources, or remove it",
            )


def _has_effect(repository: Repository, path: str) -> bool:
    """Tell whether a file is meant for the cluster: it holds objects, or operations of a patch."""
    lists = repository.lists.get(path, [])
    objects_there = any(
        "kind" in document and "apiVersion" in document for document in repository.documents.get(path, [])
    )
    return objects_there or any(isinstance(entry, Map) and "op" in entry for entries in lists for entry in entries)
