"""Argo CD as its own manifest runs it, in pods: the manifest is real, its image holds what was built here."""

from __future__ import annotations

import functools
import re
import shutil
import tempfile
from pathlib import Path

from . import argocd_chart, images, toolchain
from .build import Tools
from .processes import step
from .settings import ARGOCD, ARGOCD_CHART, CACHE

_CHART_CHECKSUM = "h1:kngQVnz+M+ytW/urkUWTSh8+zI+Hi/XhLespL5roYK0="
_NAMES = ("server", "repo-server", "application-controller", "applicationset-controller")
_LINKS = " && ".join(f"ln -s argocd /usr/local/bin/argocd-{name}" for name in _NAMES)
_DOCKERFILE = f"""\
FROM argocd-base
USER 0
COPY argocd kustomize entrypoint.sh git-verify-wrapper.sh gpg-wrapper.sh /usr/local/bin/
RUN {_LINKS}
USER 999
ENTRYPOINT ["/usr/local/bin/entrypoint.sh"]
"""


def build(tools: Tools) -> tuple[Path, str, str]:
    """Build Argo CD's image; the chart's manifest, and the images in it that a product runs: Argo CD's and Redis'.

    The image of Argo CD is the one that the product puts in the place of the chart's.
    """
    module = toolchain.module("github.com/argoproj/argo-cd/v3", ARGOCD)
    chart = toolchain.module("github.com/argoproj/argo-cd/v3", ARGOCD_CHART, _CHART_CHECKSUM)
    install = chart / "manifests" / "install.yaml"
    named = set(re.findall(r"^\s+image: (\S+)$", install.read_text(), re.M))
    [argocd] = [image.replace(ARGOCD_CHART, ARGOCD) for image in named if "/argocd:" in image]
    [redis] = [image for image in named if "/redis:" in image]
    with step("stand-in images of Argo CD"), tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name in ("argocd", "kustomize"):
            shutil.copy2((tools.bin / name).resolve(), context / name)
        for source in (module / "entrypoint.sh", *(module / "hack").glob("g*-wrapper.sh")):
            shutil.copy(source, context)
            (context / source.name).chmod(0o755)
        (context / "Dockerfile").write_text(_DOCKERFILE)
        images.build(context, argocd)
    return install, argocd, redis


@functools.cache
def chart(tools: Tools) -> Path:
    """Put the images into the registry, once for a run; a folder with a `helm` that has the chart."""
    install, argocd, redis = build(tools)
    images.push(argocd)
    images.push_base(redis)
    folder = CACHE / "helm"
    argocd_chart.write(folder, (tools.bin / "helm").resolve(), install)
    return folder
