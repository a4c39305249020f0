"""Writes template/scripts/checks/fields.txt: the fields of Kubernetes' own kinds and of those that products use.

Run `python -m tests.fields` after the version of Kubernetes or a schema in tests/schemas has changed.
"""

import json
import textwrap
from typing import Any

from kubernetes_validate.utils import schema_contents

from tests import support

VERSION = "1.36.0"
TABLE = support.ROOT / "template" / "scripts" / "checks" / "fields.txt"
SCHEMAS = support.ROOT / "tests" / "schemas"
# Kinds that people write by hand into apps/; of the others the name is enough.
KINDS = {
    "v1": ("ConfigMap", "Namespace", "PersistentVolumeClaim", "Pod", "Secret", "Service", "ServiceAccount"),
    "apps/v1": ("DaemonSet", "Deployment", "StatefulSet"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "batch/v1": ("CronJob", "Job"),
    "networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
}
# Volumes of clouds, and what is seldom written: not looked into.
UNREAD = {"managedFields", "sourceHydrator", "kustomize", "helm", "directory", "plugin", "generator", "generatorRef"}
UNREAD |= {
    "filters",
    "find",
    "frontend",
    "generators",
    "jwtTokens",
    "manifest",
    "rewrite",
    "sourceIntegrity",
    "templateFrom",
}
CLOSED = {"Affinity", "EphemeralContainer", "ManagedFieldsEntry", "OwnerReference", "EphemeralVolumeSource"}
CUSTOM = {
    ("argoproj.io/v1alpha1", "Application"): "argoproj.io/application_v1alpha1.json",
    ("argoproj.io/v1alpha1", "ApplicationSet"): "argoproj.io/applicationset_v1alpha1.json",
    ("argoproj.io/v1alpha1", "AppProject"): "argoproj.io/appproject_v1alpha1.json",
    ("external-secrets.io/v1", "ClusterSecretStore"): "external-secrets.io/clustersecretstore_v1.json",
    ("external-secrets.io/v1", "ExternalSecret"): "external-secrets.io/externalsecret_v1.json",
    ("gateway.networking.k8s.io/v1", "Gateway"): "gateway.networking.k8s.io/gateway_v1.json",
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): "gateway.networking.k8s.io/httproute_v1.json",
}
# What the server asks for beside what the schemas say.
REQUIRED = {"PersistentVolumeClaimSpec": ("accessModes", "resources"), "ExecAction": ("command",)}
REQUIRED["ClusterSecretStoreSpecProviderAzurekv"] = ("vaultUrl",)
# https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
_LISTS = "bases buildMetadata components configurations crds generators resources transformers validators"
_MAPS = "commonAnnotations commonLabels"
_ANY = "generatorOptions helmCharts helmGlobals images labels metadata openapi patchesJson6902 patchesStrategicMerge"
_ANY += " replacements sortOptions vars imageTags helmChartInflationGenerator"
_FIELDS = {
    **dict.fromkeys(_LISTS.split(), "[text]"),
    **dict.fromkeys(_MAPS.split(), "{text}"),
    **dict.fromkeys(_ANY.split(), "any"),
    **dict.fromkeys(("apiVersion", "kind", "namePrefix", "nameSuffix", "namespace"), "text"),
    **dict.fromkeys(("configMapGenerator", "secretGenerator"), "[Generator]"),
    "patches": "[Patch]",
    "replicas": "[Replica]",
}
KUSTOMIZE = {
    "Kustomization": [f"{name} {of}" for name, of in sorted(_FIELDS.items())],
    # https://helm.sh/docs/topics/charts/#the-chartyaml-file
    "Chart": [
        *("annotations {text}", "apiVersion! text", "appVersion text", "condition text", "dependencies any"),
        *("deprecated bool", "description text", "home text", "icon text", "keywords [text]", "kubeVersion text"),
        *("maintainers any", "name! text", "sources [text]", "tags text", "type text", "version! text"),
    ],
    "Generator": [
        *("behavior text", "env text", "envs [text]", "files [text]", "literals [text]", "name! text"),
        *("namespace text", "options any", "type text"),
    ],
    "Patch": ["options {bool}", "patch text", "path text", "target {text}"],
    "Replica": ["count! int", "name! text"],
}
HEADER = f"""\
# The fields of kinds, from the schemas of Kubernetes {VERSION} and of the custom resources used here. `!` behind a name:
# required. [T] is a list, {{T}} a mapping of names to T; port is a number or a name, any is not looked into.
"""


def _definitions() -> dict[str, Any]:
    path = f"kubernetes-json-schema/v{VERSION}-local-strict/_definitions.json"
    return dict(schema_contents(path, "")["$defs"])


class _Table:
    def __init__(self) -> None:
        self.definitions = _definitions()
        self.types: dict[str, list[str]] = {}
        self.named: dict[str, str] = {}

    def type_of(self, schema: dict[str, Any], name: str) -> str:
        """Return the type of a field, and note the definitions that it needs."""
        if "$ref" in schema:
            full = schema["$ref"].rsplit("/", 1)[-1]
            return self._definition(full)
        if alternatives := schema.get("anyOf") or schema.get("oneOf"):
            kinds = {str(item.get("type")) for item in alternatives}
            return "port" if kinds == {"integer", "string"} else "any"
        of = schema.get("type")
        types = [one for one in (of if isinstance(of, list) else [of]) if one != "null"]
        kind = types[0] if len(types) == 1 else None
        if schema.get("x-kubernetes-int-or-string") or sorted(map(str, types)) == ["integer", "string"]:
            return "port"
        if kind == "array":
            return f"[{self.type_of(schema.get('items', {}), name)}]"
        if kind == "object" and schema.get("properties"):
            # Said once where a schema repeats it, as Application does with its sources.
            name = self.named.setdefault(json.dumps(schema, sort_keys=True), name)
            self.fields(name, schema)
            return name
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            inner = self.type_of(schema["additionalProperties"], name)
            return f"{{{inner}}}"
        return {"string": "text", "integer": "int", "number": "number", "boolean": "bool"}.get(str(kind), "any")

    def _definition(self, full: str) -> str:
        short, schema = full.rsplit(".", 1)[-1], self.definitions[full]
        if short == "Quantity":
            return "quantity"
        if short in ("IntOrString", "Time", "MicroTime", "FieldsV1"):
            return {"IntOrString": "port"}.get(short, "text")
        if short in CLOSED or (short.endswith("VolumeSource") and "api.core.v1" in full and "Azure" in short):
            return "any"
        if not schema.get("properties"):
            return self.type_of(schema, short)
        self.fields(short, schema)
        return short

    def fields(self, name: str, schema: dict[str, Any]) -> None:
        """Note the fields of a definition."""
        if name in self.types:
            return
        self.types[name] = []
        required = {*schema.get("required", []), *REQUIRED.get(name, ())}
        for field, inner in sorted(schema["properties"].items()):
            if field in ("status", "operation"):
                continue
            if (
                field in UNREAD
                or (name.endswith("SpecProvider") and field != "azurekv")
                or (name == "Volume" and _rare(field))
            ):
                known = "any"
            else:
                known = self.type_of(inner, name + field[0].upper() + field[1:])
            self.types[name].append(f"{field}{'!' if field in required else ''} {known}")


def _rare(volume: str) -> bool:
    common = ("name", "configMap", "csi", "downwardAPI", "emptyDir", "hostPath", "persistentVolumeClaim")
    return volume not in (*common, "projected", "secret")


def _custom(table: _Table) -> dict[str, list[str]]:
    """Note the custom resources of products; return their kinds by apiVersion."""
    kinds: dict[str, list[str]] = {}
    for (version, kind), path in sorted(CUSTOM.items()):
        schema = json.loads((SCHEMAS / path).read_text(encoding="utf-8"))
        properties = schema["properties"] | {"metadata": {"$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}}
        table.fields(kind, {"properties": properties, "required": ["spec"]})
        kinds.setdefault(version, []).append(kind)
    return kinds


def render() -> str:
    """Return the text of the table."""
    table = _Table()
    kinds: dict[str, list[str]] = {}
    for schema in table.definitions.values():
        for named in schema.get("x-kubernetes-group-version-kind", []):
            version, kind = f"{named['group']}/{named['version']}".lstrip("/"), named["kind"]
            if kind in KINDS.get(version, ()):
                required = [
                    *schema.get("required", []),
                    *({"spec"} & set(schema["properties"]) - ({"spec"} if kind == "Namespace" else set())),
                ]
                table.fields(kind, {**schema, "required": required})
            if not kind.endswith("List") and kind not in ("DeleteOptions", "WatchEvent"):
                kinds.setdefault(version, []).append(kind)
    lines = [HEADER]
    for version, names in sorted(kinds.items()):
        lines += _wrapped(f"kinds of {version}: {', '.join(sorted(names))}")
    for version, names in sorted(_custom(table).items()):
        lines += _wrapped(f"some kinds of {version}: {', '.join(sorted(names))}")
    lines.append("")
    for name, fields in sorted((table.types | KUSTOMIZE).items()):
        lines += _wrapped(f"{name}: {', '.join(fields)}")
    return "\n".join(lines) + "\n"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    TABLE.write_text(render(), encoding="utf-8")
