"""What other repositories push is what Deployments pull."""

import re
import tomllib
from collections.abc import Iterator

from gitops.signatures import SIGNERS

from . import kustomize
from .documents import Map, Problem, Repository
from .objects import Workload, is_own_image, is_workload


def check(repository: Repository) -> Iterator[Problem]:
    """Check the workflow that other repositories call."""
    try:
        signers = tomllib.loads(repository.text(SIGNERS))
    except tomllib.TOMLDecodeError:  # Said by who reads it first.
        return
    renamed: dict[str, str] = {}  # What overlays call an image.
    for overlay in repository.overlays():
        entries = kustomize.kustomization(repository, overlay).maps("images")
        renamed |= {one.text("name"): one.text("newName") for one in entries if one.text("newName")}
    jobs = repository.first(".github/workflows/build-service.yml").map("jobs").values()
    for job in (one for one in jobs if isinstance(one, Map)):
        text = job.text("env", "IMAGE")
        named, prefix = dict(re.findall(r"== '([a-z0-9-]+)' && '([^']+)'", text)), re.search(r"[^'\s]+/(?=\$?\{)", text)
        for path in repository.matching(r"apps/[^/]+/base/[^/]+/deployment[.]yaml") if prefix else ():
            name = path.split("/")[-2]
            if repository.exists(f"src/{name}/Dockerfile") or "unsigned" in signers.get(name, {}):
                continue
            pushed = named.get(name, f"{prefix[0] if prefix else ''}{name}")
            items = [Workload(one) for one in repository.documents[path] if is_workload(one)]
            host = pushed.partition("/")[0] + "/"  # An image of another registry is built by others.
            images = [one.text("image") for item in items for one in item.containers]
            images = [renamed.get(image, image) for image in images]
            own = [image for image in images if is_own_image(image) and image.startswith(host)]
            pulled = [image for image in own if not repository.exists(f"src/{image.rpartition('/')[2]}/Dockerfile")]
            if pulled and pushed not in pulled:
                what = f"pushes {name} to {pushed}, but {path} pulls {pulled[0]}"
                yield Problem(*job.where("env", "IMAGE"), f"{what}: make them the same")
