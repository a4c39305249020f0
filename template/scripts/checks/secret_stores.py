"""Each environment reads its own secrets: by a store that lets in no other, and none that Azure would refuse it."""

import copy
import posixpath
import re
from collections.abc import Iterator
from typing import Any

import yaml

from .documents import Map, Problem, Repository, parse
from .objects import KUSTOMIZATIONS, objects

_NAMES = re.compile(r"^environment_secrets\s*=\s*\{(?P<entries>[^}]*)\}", re.MULTILINE)
_ENTRY = re.compile(r'^\s*"?(?P<environment>[\w-]+)"?\s*[=:]\s*\[(?P<names>[^\]]*)\]', re.MULTILINE)
# The operator of this cluster does not know them.
_REFUSED = ("ClusterExternalSecret", "ClusterPushSecret", "PushSecret")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every store of the vault, and what ExternalSecrets ask of it."""
    for path, document in [*objects(repository, "apps"), *objects(repository, "clusters")]:
        if document.get("kind") in _REFUSED:
            what = f"{document['kind']} is a kind that External Secrets has turned off here"
            yield Problem(path, document.line_of("kind"), f"{what}: write an ExternalSecret for each environment")
    for values, text in repository.platforms().items():
        yield from _Vault(repository, values, text).check()


def _listed(text: str) -> dict[str, list[str]] | None:
    """Return the secrets that a file of values lets each environment read; None where it does not speak of them."""
    block = _NAMES.search(re.sub(r"(?m)(^|\s)(//|[#]).*$", "", text))
    if block is None:
        return None
    return {
        entry["environment"]: re.findall(r'"([^"]*)"', entry["names"]) for entry in _ENTRY.finditer(block["entries"])
    }


class _Vault:
    """The Key Vault of a cluster, with the stores through which it is read."""

    def __init__(self, repository: Repository, path: str, text: str) -> None:
        """Find out who may read what."""
        self.repository, self.path = repository, path
        name = re.search(r'^key_vault_name\s*=\s*"([^"]*)"', text, re.MULTILINE)
        self.url = f"https://{name[1]}.vault.azure.net" if name else ""
        listed = re.search(r"^environments\s*=\s*\[([^\]]*)\]", text, re.MULTILINE)
        environments = re.findall(r'"([^"]*)"', listed[1]) if listed else []
        self.overlays = [path for path in repository.overlays() if posixpath.basename(path) in environments]
        self.secrets = _listed(text)
        self.cluster = next((repository.cluster(name) for name in environments), "clusters/")
        self.stores = {
            document.text("metadata", "name"): (where, document)
            for where, document in objects(repository, self.cluster)
            if document.get("kind") == "ClusterSecretStore"
        }

    def check(self) -> Iterator[Problem]:
        """Check list, stores, environments and add-ons."""
        found: set[Problem] = set()
        environments = {posixpath.basename(overlay) for overlay in self.overlays}
        for name in sorted(set(self.secrets or ()) - environments):
            found.add(Problem(self.path, 0, f"environment_secrets names {name}, which is no environment: remove it"))
        for name, (path, document) in self.stores.items():
            if document.at("spec", "provider", "azurekv", "vaultUrl") == self.url:
                found.update(self._check_store(name, path, document))
        folders = [path for path, _ in objects(self.repository, self.cluster) if path.count("/") > 2]
        for folder in [*self.overlays, *sorted({posixpath.dirname(path) for path in folders})]:
            found.update(self._check_reader(folder))
        yield from sorted(found)

    def _check_store(self, name: str, path: str, document: Map) -> Iterator[Problem]:
        """A store lets one namespace in, and signs in by an account of its own."""
        conditions = document.maps("spec", "conditions")
        line = document.line_at("spec", "conditions")
        allowed = [one for condition in conditions for one in condition.texts("namespaces")]
        others = [key for condition in conditions for key in condition if key != "namespaces"]
        overlay = next((one for one in self.overlays if f"key-vault-{posixpath.basename(one)}" == name), "")
        own = _namespace(self.repository, overlay)
        if len(allowed) != 1 or others:
            yield Problem(path, line, "does not let in exactly one namespace: name it in namespaces, and no other")
        elif own and allowed != [own]:
            yield Problem(path, line, f"lets {allowed[0]} read the secrets of {own}: write {own}")
        account = document.text("spec", "provider", "azurekv", "serviceAccountRef", "name")
        if account != name:
            line = document.line_at("spec", "provider", "azurekv", "serviceAccountRef", "name")
            yield Problem(path, line, f"signs in as {account or 'nobody of its own'}: write {name}")

    def _check_reader(self, folder: str) -> Iterator[Problem]:
        """What runs in a namespace asks stores that let it in, for secrets that they may read."""
        namespace = _namespace(self.repository, folder)
        for secret in _built(self.repository, folder):
            for reference, place, key in secret.asked():
                yield from self._check_asked(folder, namespace, secret, reference, place, key)

    def _check_asked(
        self, folder: str, namespace: str, secret: "_Secret", reference: Map, place: Map, key: str
    ) -> Iterator[Problem]:
        name, where = reference.text("name"), secret.where(reference, "name")
        if reference.get("kind", "SecretStore") != "ClusterSecretStore":
            application = "/".join(folder.split("/")[:2])
            own = [one.text("metadata", "name") for _, one in objects(self.repository, application) if _is_store(one)]
            if name not in own:
                cure = "add it, or name the kind of another"
                yield Problem(secret.path, reference.line, f"there is no SecretStore {name}: {cure}")
            return
        if name not in self.stores:
            cure = f"use one of {', '.join(sorted(self.stores))}" if self.stores else "add it in clusters/"
            yield Problem(*where, f"there is no ClusterSecretStore {name}: {cure}")
            return
        path, store = self.stores[name]
        if not _lets_in(store, namespace):
            better = [other for other, (_, one) in self.stores.items() if _lets_in(one, namespace)]
            if better:
                yield Problem(*where, f"the store {name} does not let {namespace} in: write {better[0]}")
            else:
                line = store.line_at("spec", "conditions")
                yield Problem(path, line, f"does not let {namespace} read secrets: add it to namespaces")
            return
        environment = name.removeprefix("key-vault-")
        names = (self.secrets or {}).get(environment)
        if names is None or store.at("spec", "provider", "azurekv", "vaultUrl") != self.url:
            return
        if key == "find":
            yield Problem(*secret.where(place, key), "no store may list the vault: name each secret in data instead")
            return
        wanted = place.text(key).removeprefix("secret/")
        if "/" not in wanted and wanted.lower() not in [one.lower() for one in names]:
            cure = f"add it to environment_secrets in {self.path}"
            for other in self.secrets or {}:
                counterpart = f"{environment}{wanted.removeprefix(other)}"
                if wanted.startswith(f"{other}-") and counterpart in names:
                    cure = f"write {counterpart}"
            yield Problem(*secret.where(place, key), f"{environment} may not read {wanted}: {cure}")


def _is_store(document: Map) -> bool:
    return document.get("kind") == "SecretStore"


def _lets_in(store: Map, namespace: str) -> bool:
    """Tell whether a namespace may read through a store; yes, where that takes more than a comparison."""
    conditions = store.maps("spec", "conditions")
    return not conditions or any(
        namespace in condition.texts("namespaces") or set(condition) - {"namespaces"} for condition in conditions
    )


def _kustomization(repository: Repository, folder: str) -> tuple[str, Map]:
    paths = [f"{folder}/{name}" for name in KUSTOMIZATIONS]
    return next(((path, found) for path in paths if (found := repository.first(path))), (paths[0], Map()))


def _namespace(repository: Repository, folder: str) -> str:
    return _kustomization(repository, folder)[1].text("namespace")


class _Secret:
    """An ExternalSecret as a folder builds it: with the place that each value comes from."""

    def __init__(self, path: str, document: Map) -> None:
        """Begin with the object itself."""
        self.path, self.document = path, copy.deepcopy(document)
        self._files: dict[int, tuple[str, int]] = {}
        self._places: dict[tuple[int, str], tuple[str, int]] = {}

    def where(self, parent: Map, key: str) -> tuple[str, int]:
        """Return file and line of a value."""
        path, line = self._files.get(id(parent), (self.path, 0))
        return self._places.get((id(parent), key)) or (path, line or parent.line_of(key))

    def asked(self) -> Iterator[tuple[Map, Map, str]]:
        """Yield each question to a store: the reference to it, and where the key of the secret is."""
        spec = self.document.at("spec")
        own = spec.at("secretStoreRef") if isinstance(spec, Map) else None
        for entry in self.document.maps("spec", "data"):
            store, reference = entry.at("sourceRef", "storeRef") or own, entry.at("remoteRef")
            if isinstance(store, Map) and isinstance(reference, Map):
                yield store, reference, "key"
        for entry in self.document.maps("spec", "dataFrom"):
            store = entry.at("sourceRef", "storeRef") or own
            if isinstance(store, Map) and isinstance(entry.get("find"), Map):
                yield store, entry, "find"
            elif isinstance(store, Map) and isinstance(extract := entry.get("extract"), Map):
                yield store, extract, "key"

    def operate(self, place: tuple[str, int], operation: Map) -> None:
        """Do what an operation of a patch says; one that can't be followed changes nothing."""
        *keys, last = operation.text("path").split("/")[1:] or [""]
        parent: Any = self.document
        for key in keys:
            parent = _child(parent, key)
        self._set(parent, last, operation.get("op") == "remove", operation.get("value"), place)

    def merge(self, place: tuple[str, int], patch: Map, into: Map | None = None) -> None:
        """Lay a partial object over it: lists are replaced, null removes."""
        target = self.document if into is None else into
        for key, value in patch.items():
            line = (place[0], place[1] or patch.line_of(key))
            if isinstance(value, Map) and isinstance(target.get(key), Map):
                self.merge(place, value, target[key])
            elif key not in ("$patch", "apiVersion", "kind"):
                self._set(target, key, value is None, value, line)

    def _set(self, parent: Any, key: str, removed: bool, value: Any, place: tuple[str, int]) -> None:
        value = copy.deepcopy(value)
        self._note(value, place)
        if isinstance(parent, Map):
            parent.pop(key, None)
            if not removed:
                parent[key] = value
                self._places[id(parent), key] = place
        elif isinstance(parent, list) and not removed:
            parent[:] = [*parent, value] if key == "-" else parent
            if key.isdigit() and int(key) < len(parent):
                parent[int(key)] = value

    def _note(self, value: Any, place: tuple[str, int]) -> None:
        if isinstance(value, Map):
            self._files[id(value)] = place
        for item in value.values() if isinstance(value, Map) else value if isinstance(value, list) else ():
            self._note(item, place)


def _child(parent: Any, key: str) -> Any:
    if isinstance(parent, Map):
        return parent.get(key)
    return parent[int(key)] if isinstance(parent, list) and key.isdigit() and int(key) < len(parent) else None


def _built(repository: Repository, folder: str, seen: frozenset[str] = frozenset()) -> list[_Secret]:
    """Return the ExternalSecrets that kustomize would build of a folder."""
    _, kustomization = _kustomization(repository, folder)
    secrets: list[_Secret] = []
    components: list[str] = []
    for key in ("resources", "bases", "components"):
        for entry in kustomization.texts(key):
            target = posixpath.normpath(posixpath.join(folder, entry))
            if target in seen:
                continue
            found = repository.documents.get(target)
            if found is None:
                secrets += _built(repository, target, seen | {folder})
                components += [target] if key == "components" else []
            secrets += [_Secret(target, one) for one in found or () if one.get("kind") == "ExternalSecret"]
    for source in [*components, folder]:
        _patch(repository, source, secrets)
    return secrets


def _patch(repository: Repository, folder: str, secrets: list[_Secret]) -> None:
    path, kustomization = _kustomization(repository, folder)
    for patch in kustomization.maps("patches"):
        where = posixpath.normpath(posixpath.join(folder, patch.text("path")))
        if patch.text("path"):
            found: list[Any] = [*repository.documents.get(where, []), *repository.lists.get(where, [])]
            place = (where, 0)
        else:
            found, place = _inline(patch.text("patch")), (path, patch.line_of("patch"))
        for one in found:
            for secret in secrets:
                if not _is_target(patch.at("target"), one, secret.document):
                    continue
                if isinstance(one, Map):
                    secret.merge(place, one)
                for operation in one if isinstance(one, list) else ():
                    if isinstance(operation, Map):
                        secret.operate((place[0], place[1] or operation.line_of("value")), operation)


def _inline(text: str) -> list[Any]:
    try:
        return parse(text)
    except yaml.YAMLError:
        return []


def _is_target(target: Any, patch: Any, document: Map) -> bool:
    """Tell whether a patch is for an object; where a selector decides, it is."""
    wanted = target if isinstance(target, Map) else Map()
    if not wanted and isinstance(patch, Map):
        return (patch.get("kind"), patch.at("metadata", "name")) == ("ExternalSecret", document.at("metadata", "name"))
    try:
        return all(
            re.fullmatch(wanted.text(key) or ".*", document.text(*at))
            for key, at in (("kind", ("kind",)), ("name", ("metadata", "name")))
        )
    except re.error:
        return False
