"""Objects have the kinds and fields that Kubernetes, Argo CD and kustomize know, with values of the right type."""

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from . import objects
from .documents import Map, Problem, Repository

_QUANTITY = re.compile(r"[-+]?(\d+[.]?\d*|[.]\d+)([eE][-+]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_FREE_NAMES = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
_VALUES = {
    ("Container", "imagePullPolicy"): ("Always", "IfNotPresent", "Never"),
    ("ContainerPort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("CronJobSpec", "concurrencyPolicy"): ("Allow", "Forbid", "Replace"),
    ("DeploymentStrategy", "type"): ("RollingUpdate", "Recreate"),
    ("HTTPGetAction", "scheme"): ("HTTP", "HTTPS"),
    ("NetworkPolicyPort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("NetworkPolicySpec", "policyTypes"): ("Ingress", "Egress"),
    ("PersistentVolumeClaimSpec", "accessModes"): (
        *("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"),
    ),
    ("PodSpec", "restartPolicy"): ("Always", "OnFailure", "Never"),
    ("SeccompProfile", "type"): ("RuntimeDefault", "Localhost", "Unconfined"),
    ("ServicePort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("ServiceSpec", "type"): ("ClusterIP", "LoadBalancer", "NodePort", "ExternalName"),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenDeleted"): ("Retain", "Delete"),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenScaled"): ("Retain", "Delete"),
    ("StatefulSetUpdateStrategy", "type"): ("RollingUpdate", "OnDelete"),
}
# Deeper than any object goes: an anchor may hold itself.
_DEPTH = 40


@cache
def _table() -> tuple[dict[str, list[str]], dict[str, dict[str, str]], set[str]]:
    """Return the kinds of each apiVersion, each definition's fields with their types, and groups known in full."""
    text = Path(__file__).with_name("fields.txt").read_text(encoding="utf-8")
    kinds: dict[str, list[str]] = {}
    fields: dict[str, dict[str, str]] = {}
    own: set[str] = set()
    for line in re.sub(r"\n +", " ", text).splitlines():
        name, found, rest = line.partition(": ")
        if line.startswith("#") or not found:
            continue
        if match := re.fullmatch(r"(some )?kinds of (?P<version>\S+)", name):
            kinds[match["version"]] = rest.split(", ")
            if not match[1]:
                own.add(match["version"].rpartition("/")[0])
        else:
            fields[name] = dict(tuple(item.split(" ", 1)) for item in rest.split(", "))  # type: ignore[misc]
    kinds["kustomize.config.k8s.io/v1beta1"] = ["Kustomization"]
    kinds["kustomize.config.k8s.io/v1alpha1"] = ["Component"]
    fields["Component"] = fields["Kustomization"]
    return kinds, fields, own


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at every object, and at every kustomization."""
    patches = objects.patches(repository)
    for folder in ("apps/", "bootstrap/", "clusters/"):
        for path, document in repository.below(folder):
            if path.endswith("/kustomization.yaml") and "kind" not in document:
                yield from fields_of(path, document, "Kustomization", False)
            elif path.endswith("/Chart.yaml"):
                yield from fields_of(path, document, "Chart", True)
            elif "kind" in document or "apiVersion" in document:
                yield from _inspect_object(path, document, path not in patches)


def _meant(name: Any, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.75)
    return f"did you mean {close[0]}?" if close else ""


def _inspect_object(path: str, document: Map, whole: bool) -> Iterator[Problem]:
    kinds, fields, own = _table()
    kind, version = document.text("kind"), document.text("apiVersion")
    if not kind or not version:
        if "metadata" not in document and version not in kinds and not any(kind in names for names in kinds.values()):
            return  # Of something else, as Chart.yaml.
        missing = "apiVersion" if kind else "kind"
        yield Problem(path, document.line, f"has no {missing}: say what it is")
        return
    if kind == "List":
        for item in document.maps("items"):
            yield from _inspect_object(path, item, whole)
        return
    known = kinds.get(version, [])
    if kind not in known:
        right = [other for other, names in kinds.items() if kind in names]
        group = version.rpartition("/")[0]
        line = document.line_of("apiVersion")
        if right and group not in ("", *(other.rpartition("/")[0] for other in right)) and "." in group:
            return  # A kind of another group that is called the same, as Service of Knative.
        if right:
            yield Problem(path, line, f"{version} has no kind {kind}: write apiVersion: {right[0]}")
        elif "." not in group or group in own:
            cure = _meant(kind, known) or _meant(version, kinds) or "mend apiVersion or kind"
            yield Problem(path, document.line_of("kind"), f"there is no kind {kind} in {version}: {cure}")
        elif known and (cure := _meant(kind, known)):
            yield Problem(path, document.line_of("kind"), f"there is no kind {kind} in {version}: {cure}")
        return
    yield from _inspect_name(path, document)
    if kind in fields:
        yield from fields_of(path, document, kind, whole)


def _inspect_name(path: str, document: Map) -> Iterator[Problem]:
    if document.get("kind") in ("Kustomization", "Component"):
        return
    name = document.at("metadata", "name")
    if not isinstance(name, str) or not name:
        yield Problem(path, document.line_of("metadata"), "has no metadata.name: give it a name, as a text")
    elif not _NAME.fullmatch(name) and document.get("kind") not in _FREE_NAMES:
        line = document.line_at("metadata", "name")
        yield Problem(path, line, f"{name!r} can't name an object: use lower-case letters, digits and '-'")


def fields_of(path: str, value: Map, name: str, whole: bool, depth: int = 0) -> Iterator[Problem]:
    """Yield what is wrong with the fields of a definition; `whole`: none that is required is left to others."""
    known = {field.rstrip("!"): of for field, of in _table()[1][name].items()}
    for field in value:
        if field == "$patch":
            continue
        if field not in known:
            cure = _meant(field, known) or "remove it, or mend the indent"
            yield Problem(path, value.line_of(field), f"{_short(name)} has no field {field}: {cure}")
            continue
        yield from _inspect_value(path, value, field, known[field], value[field], whole, depth)
        allowed = _VALUES.get((name, field), ())
        found = value[field] if isinstance(value[field], list) else [value[field]]
        for one in found if allowed else []:
            if one not in allowed and one is not None:
                yield Problem(path, value.line_of(field), f"{field} can't be {one!r}: use {' or '.join(allowed)}")
    for field in _table()[1][name]:
        if whole and field.endswith("!") and value.get(field[:-1]) is None:
            cure = "write it" if field[:-1] not in value else "give it a value"
            yield Problem(path, value.line, f"{_short(name)} lacks {field[:-1]}: {cure}")


def _short(name: str) -> str:
    return name.removesuffix("Spec") or name


def _inspect_value(
    path: str, parent: Map, field: str, of: str, value: Any, whole: bool, depth: int
) -> Iterator[Problem]:
    line = value.line if isinstance(value, Map) and value.line else parent.line_of(field)
    if of == "any" or value is None or depth > _DEPTH:
        return
    wrong = ""
    if of.startswith("["):
        if isinstance(value, list):
            for item in value:
                yield from _inspect_value(path, parent, field, of[1:-1], item, whole, depth + 1)
        else:
            wrong = "a list: begin each entry with `- `"
    elif of.startswith("{"):
        if isinstance(value, Map):
            for key, item in value.items():
                yield from _inspect_value(path, value, str(key), of[1:-1], item, whole, depth + 1)
        else:
            wrong = "a mapping: write `name: value` below it, with more indent"
    elif of in _SIMPLE:
        accepts, wrong = _SIMPLE[of]
        wrong = "" if accepts(value) else wrong
    elif isinstance(value, Map):
        yield from fields_of(path, value, of, whole, depth + 1)
    else:
        wrong = "a mapping: write its fields below it, with more indent"
    if wrong:
        yield Problem(path, line, f"{field} is not {wrong}")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_quantity(value: Any) -> bool:
    text = str(value)
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and bool(_QUANTITY.fullmatch(text))


_SIMPLE: dict[str, Any] = {
    "bool": (lambda value: isinstance(value, bool), "true or false: write one of them, without quotes"),
    "int": (_is_int, "a whole number: write digits, without quotes"),
    "number": (lambda value: _is_int(value) or isinstance(value, float), "a number: write digits, without quotes"),
    "port": (lambda value: isinstance(value, str) or _is_int(value), "a number or a text: write one of them"),
    "quantity": (_is_quantity, "a quantity: write a number with a unit, as 100m or 256Mi"),
    "text": (lambda value: isinstance(value, str), "a text: quote it"),
}
