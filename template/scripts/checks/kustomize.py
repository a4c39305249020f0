"""What kustomize builds of a folder, as far as that can be followed without it: paths, patches, and who names whom."""

import contextlib
import os
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
    *("namePrefix", "nameSuffix", "openapi", "replacements", "vars", "patchesJson6902", "patchesStrategicMerge"),
}
# Those whose own files name more files.
_NAMERS = {"generators", "transformers", "validators", "helmCharts", "helmChartInflationGenerator", "configurations"}
_SCALED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
# By what the entries of a list are told apart in a patch, for kinds of Kubernetes; other lists are replaced.
_KEYS = {
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers", "env", "volumes"), "name"),
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
}


@dataclass
class Build:
    """The objects of a folder after its patches."""

    objects: list[Map] = field(default_factory=list)
    # Whether all that it builds is known.
    whole: bool = True
    # The folders that it is made of, and the files outside of them.
    parts: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def check(repository: Repository) -> Iterator[Problem]:
    """Check the kustomizations of apps/, bootstrap/ and clusters/."""
    named: set[str] = set()
    found = dict(_kustomizations(repository))
    for folder, kustomization in found.items():
        for entry, place in _references(kustomization):
            target = posixpath.normpath(posixpath.join(folder, entry))
            named.add(target)
            elsewhere = _is_remote(entry) or target.startswith(submodules(repository))
            if not elsewhere and not repository.exists(target) and not folder.startswith(repository.laptops()):
                lines = enumerate(repository.text(place[0]).splitlines(), 1)
                line = next((number for number, line in lines if number >= place[1] and entry in line), place[1])
                yield Problem(place[0], line, f"names {entry!r}, which does not exist: add it or remove the line")
    for folder in found:
        yield from build(repository, folder).problems if not folder.startswith(repository.laptops()) else ()
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
    """Yield path and place of everything that a kustomization takes in; what is written out in place is none."""
    found: list[tuple[str, Place]] = []
    for key in ("resources", "bases", "components", "crds", "configurations", "generators", "transformers"):
        found += [(entry, document.where(key)) for entry in document.texts(key)]
    found += [(entry, document.where("patchesStrategicMerge")) for entry in document.texts("patchesStrategicMerge")]
    for key in ("patches", "patchesJson6902", "replacements"):
        found += [(item.text("path"), item.where("path")) for item in document.maps(key)]
    for item in [*document.maps("configMapGenerator"), *document.maps("secretGenerator")]:
        entries = [*item.texts("files"), *item.texts("envs"), item.text("env")]
        found += [(entry.rpartition("=")[2], item.where("files")) for entry in entries]
    for entry, place in found:
        if entry and "\n" not in entry and not entry.startswith("{"):
            yield entry, place


def _is_remote(entry: str) -> bool:
    return bool(re.match(r"[a-z+]+://|git@|git::|[\w-]+[.][\w.-]+/[^/]+/", entry)) or "?ref=" in entry


def submodules(repository: Repository) -> tuple[str, ...]:
    """Return the folders of other repositories, which a checkout may lack."""
    return tuple(re.findall(r"(?m)^\s*path *= *(.+?)\s*$", repository.text(".gitmodules")))


def folder_of(source: Map) -> str:
    """Return the folder of this repository that a source of an Application names; "" where it names none."""
    path = source.text("path").strip("/")
    return posixpath.normpath(path) if path else ""


def deployed(repository: Repository) -> set[str]:
    """Return the folders and files that Applications take as their sources, those of ApplicationSets too."""
    found: set[str] = set()
    applications = [item for path in repository.matching(r"clusters/.*") for item in objects(repository, path)]
    for document in applications:
        for spec in (document.map("spec"), document.map("spec", "template", "spec")):
            found |= {folder_of(source) for source in [spec.map("source"), *spec.maps("sources")]}
    return found - {""}


def is_local(repository: Repository, folder: str) -> bool:
    """Tell whether kustomize builds a folder without the network and without other programs."""
    remote = {"helmCharts", "helmChartInflationGenerator"}
    for part in build(repository, folder).parts:
        document = kustomization(repository, part)
        targets = [(entry, os.path.join(repository.root, part, entry)) for entry, _ in _references(document)]
        if remote & set(document) or any(_is_remote(entry) or not os.path.exists(path) for entry, path in targets):
            return False
        for entry in [one for key in ("generators", "transformers", "validators") for one in document.texts(key)]:
            plugins = repository.documents.get(posixpath.normpath(posixpath.join(part, entry)), [])
            if any(plugin.get("apiVersion") != "builtin" for plugin in plugins):
                return False
    return True


def objects(repository: Repository, path: str) -> list[Map]:
    """Return the objects of a file."""
    found = repository.documents.get(path, [])
    # A list of any kind, as kustomize takes it.
    items = [document.maps("items") if document.kind.endswith("List") else [document] for document in found]
    local = ("metadata", "annotations", "config.kubernetes.io/local-config")  # It leaves these out.
    return [item for part in items for item in part if item.kind and item.at(*local) is None]


def build(repository: Repository, folder: str, seen: tuple[str, ...] = ()) -> Build:
    """Return what a folder builds; without a kustomization, that is every object in it."""
    return repository.known(("build", folder), lambda: _build(repository, folder, seen))


def _build(repository: Repository, folder: str, seen: tuple[str, ...]) -> Build:
    result = Build(parts=[folder])
    if any(repository.documents.get(f"{folder}/{name}") for name in NAMES):
        _add(repository, folder, result, (*seen, folder))
    else:
        paths = [path for path in repository.documents if posixpath.dirname(path) == folder]
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
            result.objects += [_renamed(item, kustomization(repository, target)) for item in inner.objects]
            result.parts += inner.parts
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
    result.whole &= not any(
        one.get("options") or "fields" in one for key in ("patches", "labels") for one in document.maps(key)
    )
    for content, selector, written in _patches(repository, folder, document):
        _patch(content, selector, written, result, document.kind == "Component")
    _scale(document, result)
    pairs = dict(document.map("commonLabels"))
    for label in document.maps("labels"):
        if label.get("includeSelectors") or label.get("includeTemplates"):
            pairs |= label.map("pairs")
    namespace, place = document.text("namespace"), document.where("namespace")
    for number, item in enumerate(result.objects):
        key = "name" if item.kind == "Namespace" else "namespace"
        if namespace and (item.kind not in CLUSTER_KINDS or key == "name") and item.at("metadata", key) != namespace:
            item = _with(item, ("metadata", key), namespace, place)
        template = next((at for at in PODS[:2] if item.at(*at, "spec") is not None), None)
        if pairs and template:  # Selectors match as before.
            at = (*template, "metadata", "labels")
            item = _with(item, at, Map.of(document.place, {**item.map(*at), **pairs}), document.place)
        if notes := document.map("commonAnnotations"):
            at = ("metadata", "annotations")
            item = _with(item, at, Map.of(notes.place, {**item.map(*at), **notes}), notes.place)
        result.objects[number] = item


def _copy(value: Map) -> Map:
    copy = Map(value)
    copy.place, copy.places = value.place, dict(value.places)
    return copy


def _with(item: Map, keys: tuple[str, ...], value: Any, place: Place) -> Map:
    """Return a mapping with a value under nested keys, which shares the rest with the one that was given."""
    copy, (key, *rest) = _copy(item), keys
    if rest:
        value, place = _with(item.map(key), tuple(rest), value, place), item.places.get(key, place)
    copy.put(key, value, place)
    return copy


def _renamed(item: Map, document: Map) -> Map:
    """Return an object with the images that a kustomization which others take in gives it."""
    entries = {entry.text("name"): entry for entry in document.maps("images")}
    for at in PODS if entries else ():
        for key in ("initContainers", "containers"):
            containers = list(item.maps(*at, "spec", key))
            for number, one in enumerate(containers):
                image = re.fullmatch(r"(.*?)(:[^:/@]*)?(@.*)?", one.text("image"))
                if image and (entry := entries.get(image[1])):
                    tag = f":{entry['newTag']}" if "newTag" in entry else image[2] or ""
                    digest = f"@{entry['digest']}" if "digest" in entry else image[3] or ""
                    name = entry.text("newName") or image[1]
                    containers[number] = _with(one, ("image",), f"{name}{tag}{digest}", one.where("image"))
            if containers:
                item = _with(item, (*at, "spec", key), containers, item.where(*at, "spec", key))
    return item


def _scale(document: Map, result: Build) -> None:
    scaled = [number for number, item in enumerate(result.objects) if item.kind in _SCALED]
    named = {result.objects[number].name: number for number in scaled}
    for entry in document.maps("replicas"):
        if (number := named.get(entry.text("name"))) is not None:
            count, place = entry.get("count"), entry.where("count")
            result.objects[number] = _with(result.objects[number], ("spec", "replicas"), count, place)


def _patches(repository: Repository, folder: str, document: Map) -> Iterator[tuple[Any, Map | None, Place]]:
    """Yield each patch: part of an object or a list of operations, the target that it names, and its place."""
    for entry in document.maps("patches"):
        where = posixpath.normpath(posixpath.join(folder, entry.text("path")))
        contents: list[Any] = [*repository.documents.get(where, []), *repository.lists.get(where, [])]
        if where.endswith(".json") and repository.exists(where):
            with contextlib.suppress(yaml.YAMLError):
                contents = parse(repository.text(where), (where, 1))
        if entry.text("patch"):
            path, line = entry.where("patch")
            try:
                contents = parse(entry.text("patch"), (path, line + 1))
            except yaml.YAMLError:
                contents = []
        target = entry.map("target") if "target" in entry else None
        for content in contents:
            if target is not None:
                yield content, target, target.place
            elif isinstance(content, Map):
                yield content, None, content.place


def _patch(content: Any, target: Map | None, place: Place, result: Build, in_component: bool) -> None:
    """Change what a patch is for; one that changes nothing is a problem."""
    # Classes as [[:alpha:]] are of Go alone.
    if target and ({"labelSelector", "annotationSelector"} & set(target) or "[[:" in str(target)):
        result.whole = False
        return
    wanted = Map.of(place, {"kind": content.kind, "name": content.name}) if target is None else target
    hits = [number for number, item in enumerate(result.objects) if _is_for(wanted, item)]
    for number in reversed(hits):
        item = result.objects[number]
        if isinstance(content, list):
            result.objects[number] = own = _deep(item)
            for operation in content:
                _operate(own, operation)
        elif content.get("$patch") == "delete":
            del result.objects[number]
        else:
            part = content  # With the kind and name of what a target chooses.
            for at in (("apiVersion",), ("kind",), ("metadata", "name")):
                part = _with(part, at, item.at(*at), part.place)
            result.objects[number] = _merged(item, part, "." not in item.group or item.group.endswith(".k8s.io"))
    if not hits and result.whole and not in_component and wanted.text("name"):  # Others are for what may come.
        what = " ".join(filter(None, ["there is no", wanted.text("kind") or "object", wanted.text("name")]))
        found = Problem(*place, f"the patch changes nothing: {what}: fix its kind or name, or remove it")
        result.problems.append(found)


def _is_for(target: Map, item: Map) -> bool:
    version = item.text("apiVersion").rpartition("/")[2]
    found = {"kind": item.kind, "name": item.name, "group": item.group, "version": version}
    try:
        return all(re.fullmatch(target.text(key) or ".*", value) for key, value in found.items())
    except re.error:
        return False


def _merged(old: Map, patch: Map, by_key: bool) -> Map:
    """Return an object with a patch merged as the API server does."""
    result = _copy(old)
    for key, value in patch.items():
        before = old.get(key)
        if value is None or (isinstance(value, Map) and value.get("$patch") == "delete"):
            result.pop(key, None)
            continue
        if isinstance(value, Map) and isinstance(before, Map) and "$patch" not in value:
            value = _merged(before, value, by_key)
        elif by_key and key in _KEYS and isinstance(value, list) and isinstance(before or [], list):
            value = _merged_lists(before or [], value, key)
        if not key.startswith("$"):
            result.put(key, value, patch.places.get(key, patch.place))
    return result


def _merged_lists(old: list[Any], entries: list[Any], key: str) -> list[Any]:
    result = [] if any(isinstance(one, Map) and one.get("$patch") == "replace" for one in entries) else list(old)
    for entry in (one for one in entries if isinstance(one, Map) and one.get("$patch") != "replace"):
        name = "port" if key == "ports" and "port" in entry else _KEYS[key]
        same = [at for at, one in enumerate(result) if isinstance(one, Map) and one.get(name) == entry.get(name)]
        if entry.get("$patch") == "delete":
            result = [one for at, one in enumerate(result) if at not in same]
        elif same:
            result[same[0]] = _merged(result[same[0]], entry, True)
        else:
            result.append(entry)
    return result


def _deep(value: Any) -> Any:
    if isinstance(value, Map):
        copy = _copy(value)
        copy.update({key: _deep(item) for key, item in value.items()})
        return copy
    return [_deep(item) for item in value] if isinstance(value, list) else value


def _operate(target: Map, operation: Any) -> None:
    """Do what an operation of a patch says; one that is not known, or whose place is not there, does nothing."""
    op = operation.get("op") if isinstance(operation, Map) else None
    if op not in ("add", "copy", "move", "remove", "replace"):
        return
    value, place = operation.get("value"), operation.where("value")
    if op in ("copy", "move"):
        value = _found(target, _steps(operation.text("from")))
        if op == "move":
            _set(target, operation.text("from"), None, operation.place, "remove")
        op = "add"
    _set(target, operation.text("path"), value, place, op)


def _steps(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]] or [""]


def _found(value: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, Map) else None
    return value


def _set(target: Map, pointer: str, value: Any, place: Place, op: str) -> None:
    *keys, last = _steps(pointer)
    parent, values = _found(target, keys), [] if op == "remove" else [_deep(value)]
    if isinstance(parent, Map):
        parent.pop(last, None)
        for one in values:
            parent.put(last, one, place)
    elif isinstance(parent, list) and (last == "-" or last.isdigit()):
        at = len(parent) if last == "-" else int(last)
        parent[at : at + (op != "add")] = values


def _check_files(repository: Repository, found: dict[str, Map], named: set[str]) -> Iterator[Problem]:
    """Check that something names every file that is meant for the cluster, below the folder of a kustomization."""
    groups = {item.group for folder in found for item in build(repository, folder).objects}
    for path in [*repository.documents, *repository.lists]:
        folder = posixpath.dirname(path)
        is_kustomization = posixpath.basename(path) in NAMES
        above = posixpath.dirname(folder) if is_kustomization else folder
        while above and above not in found and above not in named and not repository.exists(f"{above}/Chart.yaml"):
            above = posixpath.dirname(above)
        if above not in found or repository.exists(f"{above}/Chart.yaml"):
            continue
        if is_kustomization and folder not in named and found[folder].kind != "Component":
            yield Problem(
                *found[above].place,
                f"does not name the folder {posixpath.relpath(folder, above)}: add it to resources, or remove it",
            )
        elif is_kustomization or path in named or _NAMERS & set(found[above]):
            continue
        elif _has_effect(repository, path, groups) and not _is_for_people(repository, path):
            what = f"is not named in {found[above].place[0]}, so it has no effect"
            yield Problem(path, 0, f"{what}: add it to resources, or remove it")


def _is_for_people(repository: Repository, path: str) -> bool:
    """Tell whether a page or a command names a file, as one that people apply by hand."""
    pages = repository.matching(r"(?!(?:apps|bootstrap|clusters)/.*[.]ya?ml|[.]gitops-ignore[.]yaml).*")
    return any(path in repository.text(one) for one in pages)


def _has_effect(repository: Repository, path: str, groups: set[str]) -> bool:
    """Tell whether a file is meant for the cluster: it holds objects of groups in use, or operations of a patch."""
    lists = repository.lists.get(path, [])
    objects_there = any(
        "kind" in document and "apiVersion" in document and document.group in groups
        for document in repository.documents.get(path, [])
    )
    return objects_there or any(isinstance(entry, Map) and "op" in entry for entries in lists for entry in entries)
