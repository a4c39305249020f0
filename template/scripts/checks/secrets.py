"""No secret is in Git, and each environment reads its own: by a store that lets in no other, and by names."""

import difflib
import re
from collections.abc import Iterator

from . import kustomize
from .applications import of_kind, target_of
from .documents import Map, Problem, Repository
from .environments import Platform, platforms

# What terraform/platform gives an entry that nobody has set.
_NOT_SET = '"(not set)"'
# Names of fields of Argo CD.
_CREDENTIAL = re.compile(r"password|[a-z]Key\b|keyData|[tT]oken")
# Kinds that the operator of a cluster may not know.
_REFUSED = ("ClusterExternalSecret", "ClusterPushSecret", "PushSecret")


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look for Secrets in Git; what else may be one is for a scanner to say."""
    cure = "keep it in Key Vault, with an ExternalSecret"
    for top in ("apps", "bootstrap", "clusters"):
        for item in of_kind(repository, "Secret", top):
            closed = "sops" in item or "avp.kubernetes.io/path" in item.map("metadata", "annotations")
            local = item.place[0].startswith(repository.laptops())  # Where passwords protect nothing.
            if (item.get("data") or item.get("stringData")) and not (closed or local or _is_open(item)):
                yield Problem(*item.place, f"Secret {item.name} is in clear: {cure}")
        for path, document in repository.below(f"{top}/"):
            for item in document.maps("secretGenerator") if not path.startswith(repository.laptops()) else ():
                yield Problem(*item.place, f"Secret {item.get('name')} is in clear: {cure}")


def _is_open(item: Map) -> bool:
    """Tell whether a Secret names a repository or a cluster for Argo CD, without credentials."""
    kind = item.at("metadata", "labels", "argocd.argoproj.io/secret-type")
    return bool(kind) and "data" not in item and not _CREDENTIAL.search(str(item.map("stringData")))


def check(repository: Repository) -> Iterator[Problem]:
    """Check every store of the vault, and what ExternalSecrets ask of it."""
    operators = "".join(map(repository.text, repository.matching(r"clusters/[^/]+/external-secrets[.]yaml")))
    for top in ("apps", "clusters"):
        for kind in _REFUSED:
            for item in of_kind(repository, kind, top) if f"process{kind}: false" in operators else ():
                what = f"{kind} is a kind that External Secrets has turned off here"
                yield Problem(*item.where("kind"), f"{what}: write an ExternalSecret for each environment")
    for platform in platforms(repository):
        if platform.values:
            yield from _Vault(repository, platform).check()


class _Vault:
    """The Key Vault of a cluster, with the stores through which it is read."""

    def __init__(self, repository: Repository, platform: Platform) -> None:
        """Find out who may read what."""
        self.repository, self.platform = repository, platform
        self.url = f"https://{platform.values.get('key_vault_name')}.vault.azure.net"
        self.secrets = platform.values.get("environment_secrets")
        self.variables = platform.values.get("service_secrets", [])
        self.overlays = [one for one in repository.overlays() if one.rpartition("/")[2] in platform.environments]
        self.stores = {item.name: item for item in of_kind(repository, "ClusterSecretStore", platform.folder)}

    def check(self) -> Iterator[Problem]:
        """Check list, stores, environments and add-ons."""
        known = [overlay.rpartition("/")[2] for overlay in self.overlays]
        for name in sorted(set(self.secrets or ()) - set(self.platform.environments)):
            what = f"environment_secrets names {name}, which is no environment"
            yield Problem(*self.platform.where("environment_secrets"), f"{what}: remove it")
        for store in self.stores.values():
            at = ("spec", "provider", "azurekv", "vaultUrl")
            ours = store.name.removeprefix("key-vault-") in known  # Others are for add-ons, or other vaults.
            if ours and store.at(*at) == self.url:
                yield from self._check_store(store)
            elif ours and store.at(*at):
                what = f"is not the vault {self.platform.values.get('key_vault_name')} of {self.platform.path}"
                yield Problem(*store.where(*at), f"{what}: make them the same")
        for folder in [
            *self.overlays,
            *(one for one in sorted(kustomize.deployed(self.repository)) if one.startswith(f"{self.platform.folder}/")),
        ]:
            built = kustomize.build(self.repository, folder)
            own = {item.name for item in built.objects if item.kind == "SecretStore"}
            for secret in (item for item in built.objects if item.kind == "ExternalSecret"):
                inside = secret.text("metadata", "namespace") or target_of(self.repository, folder)
                for reference, place, key in _asked(secret):
                    if reference.get("kind", "SecretStore") == "ClusterSecretStore":
                        yield from self._check_asked(inside, reference, place, key, secret)
                    elif reference.text("name") in self.stores.keys() - own:
                        what = f"there is no SecretStore {reference.get('name')}"
                        yield Problem(*reference.place, f"{what}: add kind: ClusterSecretStore")

    def _check_store(self, store: Map) -> Iterator[Problem]:
        """A store lets one namespace in, and signs in by an account of its own."""
        conditions, at = store.maps("spec", "conditions"), ("spec", "conditions")
        allowed = [one for condition in conditions for one in condition.texts("namespaces")]
        overlay = next((one for one in self.overlays if f"key-vault-{one.rpartition('/')[2]}" == store.name), "")
        own = target_of(self.repository, overlay)
        if len(allowed) != 1 or any(set(condition) - {"namespaces"} for condition in conditions):
            what = "does not let in exactly one namespace"
            yield Problem(*store.where(*at), f"{what}: name it in namespaces, and no other")
        elif own and allowed != [own]:
            yield Problem(*store.where(*at), f"lets {allowed[0]} read the secrets of {own}: write {own}")
        account = ("spec", "provider", "azurekv", "serviceAccountRef", "name")
        if store.text(*account) != store.name:
            yield Problem(
                *store.where(*account), f"signs in as {store.text(*account) or 'nobody of its own'}: write {store.name}"
            )

    def _check_asked(self, namespace: str, reference: Map, place: Map, key: str, secret: Map) -> Iterator[Problem]:
        """A question goes to a store that lets the namespace in, for a secret that it may read."""
        name, store = reference.text("name"), self.stores.get(reference.text("name"))
        if store is None:
            ours = name.removeprefix("key-vault-") in self.platform.environments
            if not ours and not difflib.get_close_matches(name, self.stores, 1, 0.9):
                return  # Others may have made it for everybody.
            cure = f"use one of {', '.join(sorted(self.stores))}" if self.stores else "add it in clusters/"
            yield Problem(*reference.where("name"), f"there is no ClusterSecretStore {name}: {cure}")
            return
        if not _lets_in(store, namespace):
            better = [other for other, one in self.stores.items() if _lets_in(one, namespace)]
            if better:
                what = f"the store {name} does not let {namespace} in"
                yield Problem(*reference.where("name"), f"{what}: write {better[0]}")
            else:
                what = f"does not let {namespace} read secrets"
                yield Problem(*store.where("spec", "conditions"), f"{what}: add it to namespaces")
            return
        environment = name.removeprefix("key-vault-")
        names = (self.secrets or {}).get(environment)
        if names is None or store.at("spec", "provider", "azurekv", "vaultUrl") != self.url:
            return
        if key == "find":
            yield Problem(*place.where(key), "no store may list the vault: name each secret in data instead")
            return
        wanted = place.text(key).removeprefix("secret/")
        variables = [f"{environment}-{one.lower().replace('_', '-')}" for one in self.variables]
        if wanted.lower() in variables:
            if wanted not in names and not leaves_out(secret):
                what = f"gives pods what {wanted} holds before anybody has set it"
                cure = f"add to spec.target a template that leaves {_NOT_SET} out, or name it in environment_secrets"
                yield Problem(*secret.where("spec", "target"), f"{what}: {cure}")
            return
        if "/" not in wanted and wanted.lower() not in [one.lower() for one in names]:
            meant = [
                one for other in self.secrets or () for one in names if one == environment + wanted.removeprefix(other)
            ]
            near = difflib.get_close_matches(wanted, variables, 1) if self.variables else []
            cure = (
                f"write {(meant + near)[0]}"
                if meant or near
                else f"add it to environment_secrets in {self.platform.path}"
            )
            yield Problem(*place.where(key), f"{environment} may not read {wanted}: {cure}")


def leaves_out(secret: Map) -> bool:
    """Tell whether the template of an ExternalSecret takes every entry but those that nobody has set."""
    templates = secret.maps("spec", "target", "template", "templateFrom")
    return len(templates) == 1 and f"if ne $value {_NOT_SET}" in templates[0].text("literal")


def _asked(secret: Map) -> Iterator[tuple[Map, Map, str]]:
    """Yield each question to a store: the reference to it, and where the key of the secret is."""
    own = secret.map("spec", "secretStoreRef")
    for entry in secret.maps("spec", "data"):
        yield entry.map("sourceRef", "storeRef") or own, entry.map("remoteRef"), "key"
    for entry in secret.maps("spec", "dataFrom"):
        store = entry.map("sourceRef", "storeRef") or own
        if "find" in entry:
            yield store, entry, "find"
        elif "extract" in entry:
            yield store, entry.map("extract"), "key"


def _lets_in(store: Map, namespace: str) -> bool:
    """Tell whether a namespace may read through a store; yes, where that takes more than a comparison."""
    conditions = store.maps("spec", "conditions")
    return not conditions or any(
        namespace in condition.texts("namespaces") or set(condition) - {"namespaces"} for condition in conditions
    )
