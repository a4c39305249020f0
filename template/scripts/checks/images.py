"""Images are pinned: those of others by digest, our own by a tag in each overlay that names one build."""

import tomllib
from collections.abc import Iterator
from typing import Any

from gitops import imagetags
from gitops.signatures import SIGNERS

from .documents import Map, Problem, Repository
from .objects import applications, group, is_own_image, objects, workload


def check(repository: Repository) -> Iterator[Problem]:
    """Check that images which are named in full are pinned."""
    for application in applications(repository):
        set_to = [
            entry.text("name")
            for path, document in repository.below(f"{application}/overlays/")
            if path.endswith("/kustomization.yaml")
            for entry in document.maps("images")
            if "digest" in entry
        ]
        for path, container in _containers(repository, application):
            image, line = container.get("image"), container.line_of("image")
            if not isinstance(image, str) or not image:
                yield Problem(path, container.line, f"container {container.get('name')} has no image: name one")
            elif not is_own_image(image) and "@sha256:" not in image and _name(image) not in set_to:
                yield Problem(path, line, f"image {image} may change under its tag: add @sha256:… behind it")


def check_tags(repository: Repository) -> Iterator[Problem]:
    """Check the images of every overlay."""
    for overlay in repository.overlays():
        yield from _check_overlay(repository, overlay)


def _containers(repository: Repository, application: str) -> Iterator[tuple[str, Map]]:
    for path, document in objects(repository, application):
        if item := workload(path, document):
            for container in item.all_containers():
                yield path, container


def _name(image: str) -> str:
    """Return an image without tag and digest."""
    name = image.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def _check_overlay(repository: Repository, overlay: str) -> Iterator[Problem]:
    path = f"{overlay}/kustomization.yaml"
    tags_path = f"{overlay}/imagetags/kustomization.yaml"
    kustomization, tags = repository.first(path), repository.first(tags_path)
    if kustomization is None:
        return
    if tags is None:
        yield Problem(tags_path, 0, "is missing: restore it from history, scripts/bump-image needs it")
        return
    if "imagetags" not in [entry.strip("./") for entry in kustomization.texts("components")]:
        yield Problem(path, kustomization.line_of("components"), "components does not name imagetags: add it")
    application = "/".join(overlay.split("/")[:2])
    others = [folder for folder in repository.overlays() if folder != overlay]
    images = [
        (where, container.line_of("image"), container.text("image"))
        for where, container in _containers(repository, application)
        if group(where) not in others
    ]
    wanted = {image: (where, line) for where, line, image in images if image and is_own_image(image)}
    named = {image.text("name"): image for image in kustomization.maps("images")}
    tagged = {image.text("name"): image for image in tags.maps("images")}
    for name, (where, line) in wanted.items():
        if name not in tagged:
            cure = f"add it, as newTag: {imagetags.UNRELEASED}, or name tag and digest in {where}"
            yield Problem(tags_path, tags.line_of("images"), f"has no tag of {name}: {cure}")
        if "/" not in name and not named.get(name, Map()).get("newName"):
            yield Problem(where, line, f"image {name} names no registry: write it in full, as ghcr.io/OWNER/{name}")
    for where, line, text in images:
        if not is_own_image(text) and _name(text) in tagged:
            cure = "write it otherwise, as docker.io/library/NAME, or without tag and digest"
            yield Problem(where, line, f"image {text} gets the tag that {tags_path} sets for {_name(text)}: {cure}")
    known = {_name(image) for _, _, image in images}
    for path_of, entries in ((path, named), (tags_path, tagged)):
        for name, image in entries.items():
            if name not in known:
                yield Problem(path_of, image.line, f"sets the image {name}, which no container has: remove it")
    for name, image in named.items():
        if name in wanted and ("newTag" in image or "digest" in image):
            line = image.line_of("newTag")
            yield Problem(path, line, f"sets the tag of {name}, which {tags_path} is for: remove it here")
    for image in tags.maps("images"):
        yield from _check_tag(tags_path, image)
    try:
        imagetags.parse(repository.text(tags_path), tags_path)
    except ValueError as error:
        _, number, what = str(error).split(":", 2)
        yield Problem(tags_path, int(number), what.strip())


def _check_tag(path: str, image: Map) -> Iterator[Problem]:
    tag: Any = image.get("newTag")
    line = image.line_of("newTag")
    if not isinstance(tag, str):
        yield Problem(path, line, f"newTag of {image.get('name')} is not a text: quote it")
        return
    digest = image.text("digest")
    try:
        imagetags.parse_version(f"{tag}@{digest}" if digest else tag)
    except ValueError as error:
        yield Problem(path, line, f"{image.get('name')}: {error}")


def check_signers(repository: Repository) -> Iterator[Problem]:
    """Check that what is said of a service's builder can be meant."""
    text = repository.text(SIGNERS)
    try:
        signers = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        yield Problem(SIGNERS, 0, f"is not valid TOML ({error}): mend the line")
        return
    for name, entry in signers.items():
        line = next((number for number, line in enumerate(text.splitlines(), 1) if line.strip() == f"[{name}]"), 0)
        if not any(repository.exists(f"{folder}/base/{name}") for folder in applications(repository)):
            yield Problem(SIGNERS, line, f"names {name}, which is no service: mend the name, or remove the entry")
        elif (
            not isinstance(entry, dict) or list(entry) not in (["repository"], ["unsigned"]) or not all(entry.values())
        ):
            cure = 'give it repository = "OWNER/NAME" or unsigned = "REASON", one of the two'
            yield Problem(SIGNERS, line, f"{name}: {cure}")
