"""A chart that stands for `argo-cd`, which no package registry has: Argo CD's own manifest, with the product's values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from .settings import REPOSITORY

# With its blocks, which are comments here: with all that any product has.
_VALUES = REPOSITORY / "template" / "terraform" / "gitops" / "values" / "argocd.yaml.jinja"
# Values of the chart → the object in Argo CD's own manifest that they are about.
_CONFIG_MAPS = {"cm": "argocd-cm", "params": "argocd-cmd-params-cm", "rbac": "argocd-rbac-cm"}
_WORKLOADS = {
    "controller": "argocd-application-controller",
    "server": "argocd-server",
    "repoServer": "argocd-repo-server",
    "applicationSet": "argocd-applicationset-controller",
    "redis": "argocd-redis",
}
_OPTIONAL = {"dex": "argocd-dex-server", "notifications": "argocd-notifications-controller"}
_HELM = """\
#!/bin/sh
# The chart argo-cd can't be had here: {chart} stands for it.
skip=
for argument; do
  shift
  if [ -n "$skip" ]; then
    skip=
    continue
  fi
  case $argument in
  --repo | --version) skip=yes && continue ;;
  argo-cd) argument={chart} ;;
  esac
  set -- "$@" "$argument"
done
exec {helm} "$@"
"""


def write(folder: Path, helm: Path, install: Path) -> None:
    """Write a `helm` into a folder that finds the chart there; `install` is Argo CD's manifest."""
    values = yaml.safe_load(_VALUES.read_text())
    off = {name for key, name in _OPTIONAL.items() if not values[key]["enabled"]}
    objects = [item for item in yaml.safe_load_all(install.read_text()) if item and _name(item) not in off]
    for item in objects:
        _set(item, values)
    chart = folder / "argo-cd"
    for name in ("files", "templates"):
        (chart / name).mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: argo-cd\nversion: 0.0.0\n")
    # As it is: what looks like a template in it is none.
    (chart / "files" / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    (chart / "templates" / "objects.yaml").write_text('{{ .Files.Get "files/objects.yaml" }}\n')
    (folder / "helm").write_text(_HELM.format(chart=chart, helm=helm))
    (folder / "helm").chmod(0o755)


def _name(item: Any) -> str:
    labels = item["metadata"].get("labels", {})
    return str(labels.get("app.kubernetes.io/name", item["metadata"]["name"]))


def _set(item: Any, values: Any) -> None:
    name = item["metadata"]["name"]
    for key, config_map in _CONFIG_MAPS.items():
        if (item["kind"], name) == ("ConfigMap", config_map):
            given = values["configs"].get(key, {}).items()
            item.setdefault("data", {}).update(
                {entry: value if isinstance(value, str) else json.dumps(value) for entry, value in given}
            )
    for key, workload in _WORKLOADS.items():
        if item["kind"] in ("Deployment", "StatefulSet") and name == workload:
            pod = item["spec"]["template"]["spec"]
            for each in [*pod.get("initContainers", []), *pod["containers"]]:
                each["imagePullPolicy"] = "IfNotPresent"
                each["image"] = re.sub(r"(/argocd):.*", rf"\1:{values['global']['image']['tag']}", each["image"])
            [container, *_] = pod["containers"]
            container.setdefault("args", []).extend(values[key].get("extraArgs", []))
            container.setdefault("env", []).extend(values[key].get("env", []))
            container["resources"] = values[key].get("resources", {})
