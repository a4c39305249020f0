"""Images are pinned: those of others by digest, our own by a tag in each overlay that names one build."""

import tomllib
from collections.abc import Iterator

from gitops import imagetags
from gitops.signatures import SIGNERS

from .documents import Map, Problem, Repository
from .objects import Environment, environments, is_own_image

# Istio writes the image of its proxy there.
_FILLED_IN = "auto"


def check(repository: Repository) -> Iterator[Problem]:
    """Check the images of every overlay."""
    for environment in environments(repository):
        if "/overlays/" in environment.folder:
            yield from _check_environment(repository, environment)


def name_of(image: str) -> str:
    """Return an image without tag and digest."""
    name = image.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def _check_environment(repository: Repository, environment: Environment) -> Iterator[Problem]:
    kustomization, path = environment.kustomization, f"{environment.folder}/imagetags/kustomization.yaml"
    tags = repository.first(path)
    if not tags:
        yield Problem(path, 0, "is missing: restore it from history, scripts/bump-image needs it")
        return
    if "imagetags" not in [entry.strip("./") for entry in kustomization.texts("components")]:
        yield Problem(*kustomization.where("components"), "components does not name imagetags: add it")
    named = {image.text("name"): image for image in kustomization.maps("images")}
    tagged = {image.text("name"): image for image in tags.maps("images")}
    containers = [one for item in environment.workloads for one in item.containers]
    images = {one.text("image"): one for one in containers if one.text("image") not in ("", _FILLED_IN)}
    for one in containers:
        if not one.text("image"):
            what = f"container {one.get('name')} has no image"
            yield Problem(*one.where("name"), f"{what}: fix its name, as a patch adds what is not there, or add image")
    pinned = {name for name, image in named.items() if "digest" in image}
    for image, container in images.items():
        place, name = container.where("image"), name_of(image)
        # The tag of another image may be here; and what replaces a word in the place of an image is not followed.
        if name not in tagged and ("digest" in named.get(name, ()) or not ("/" in name or environment.complete)):
            continue
        if is_own_image(image):
            if name not in tagged:
                cure = f"add it, as newTag: {imagetags.UNRELEASED}, or name tag and digest in {container.place[0]}"
                yield Problem(*tags.where("images"), f"has no tag of {name}: {cure}")
            if "/" not in name and not named.get(name, Map()).get("newName"):
                yield Problem(*place, f"image {name} names no registry: write it in full, as ghcr.io/OWNER/{name}")
        elif name in tagged:
            cure = "write it otherwise, as docker.io/library/NAME, or without tag and digest"
            yield Problem(*place, f"image {image} gets the tag that {path} sets for {name}: {cure}")
        elif "@sha256:" not in image and name not in pinned:
            yield Problem(*place, f"image {image} may change under its tag: add @sha256:… behind it")
    for name, entry in named.items():
        if name in tagged and {"newTag", "digest"} & set(entry):
            yield Problem(*entry.where("newTag"), f"sets the tag of {name}, which {path} is for: remove it here")
    for entry in tagged.values():
        tag, digest = entry.text("newTag"), entry.text("digest")
        try:  # Of what is no text, `parse` speaks.
            imagetags.parse_version(f"{tag}@{digest}" if digest else tag or imagetags.UNRELEASED)
        except ValueError as error:
            yield Problem(*entry.where("newTag"), f"{entry.get('name')}: {error}")
    try:
        imagetags.parse(repository.text(path), path)
    except ValueError as error:
        _, number, what = str(error).split(":", 2)
        yield Problem(path, int(number), what.strip())


def check_signers(repository: Repository) -> Iterator[Problem]:
    """Check that what is said of a service's builder can be meant."""
    text = repository.text(SIGNERS)
    try:
        signers = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        yield Problem(SIGNERS, 0, f"is not valid TOML ({error}): fix the line")
        return
    for name, entry in signers.items():
        lines = (line.partition("#")[0].strip() for line in text.splitlines())
        line = next((number for number, line in enumerate(lines, 1) if line == f"[{name}]"), 0)
        tags = "".join(map(repository.text, repository.matching(r"apps/[^/]+/overlays/[^/]+/imagetags/.*")))
        if not repository.matching(rf"apps/[^/]+/base/{name}/.*") and f"/{name}" not in tags:
            yield Problem(SIGNERS, line, f"names {name}, which is no service: fix the name, or remove the entry")
        elif not isinstance(entry, dict) or list(entry) not in (["repository"], ["unsigned"]) or "" in entry.values():
            cure = 'give it repository = "OWNER/NAME" or unsigned = "REASON", one of the two'
            yield Problem(SIGNERS, line, f"{name}: {cure}")
