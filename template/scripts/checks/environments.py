"""Environments agree everywhere: overlays, image tags, Applications, projects and infrastructure."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from gitops import imagetags

from .documents import Map, Problem, Repository

# Values of the cluster of one environment.
_OWN = "terraform/platform/{}.tfvars"


def check(repository: Repository) -> Iterator[Problem]:
    """Check every environment of every application."""
    overlays = sorted(
        posixpath.dirname(path)
        for path in repository.documents
        if re.fullmatch(r"apps/[^/]+/overlays/[^/]+/kustomization.yaml", path)
    )
    applications = {
        document.at("spec", "source", "path"): (path, document)
        for path, document in repository.below("clusters/")
        if document.get("kind") == "Application" and document.at("spec", "source", "path")
    }
    for folder, (path, document) in applications.items():
        source = document["spec"]["source"]
        if not repository.exists(f"{folder}/kustomization.yaml"):
            yield Problem(
                path, source.line_of("path"), f"the folder {folder} does not exist: add it, or remove the Application"
            )
    for overlay in overlays:
        yield from _check_images(repository, overlay)
        if overlay not in applications:
            yield Problem(
                f"{overlay}/kustomization.yaml", 0, "no Application in clusters/ deploys it: add one, or remove it"
            )
        else:
            yield from _check_application(repository, overlay, *applications[overlay])
    yield from _check_addresses(repository)
    names = [posixpath.basename(overlay) for overlay in overlays]
    yield from _check_terraform(repository, names)
    for path, text in repository.platforms().items():
        yield from _check_vault(repository, path, text)
        yield from _check_database(repository, path, text)


def _base_images(repository: Repository, application: str) -> dict[str, tuple[str, int]]:
    """Return the images that the base leaves to the overlays, with where they stand."""
    images: dict[str, tuple[str, int]] = {}
    for path, document in repository.below(f"apps/{application}/base/"):
        for container in document.maps("spec", "template", "spec", "containers"):
            image = container.get("image")
            if isinstance(image, str) and "/" not in image and ":" not in image:
                images[image] = (path, container.line_of("image"))
    return images


def check_images(repository: Repository) -> Iterator[Problem]:
    """Check that images the base names in full are pinned."""
    for path, document in repository.below("apps/"):
        for container in document.maps("spec", "template", "spec", "containers"):
            image = container.get("image")
            if isinstance(image, str) and ("/" in image or ":" in image) and "@sha256:" not in image:
                yield Problem(
                    path, container.line_of("image"), f"image {image} may change under its tag: add @sha256:…"
                )


def _check_images(repository: Repository, overlay: str) -> Iterator[Problem]:
    path = f"{overlay}/kustomization.yaml"
    tags_path = f"{overlay}/imagetags/kustomization.yaml"
    kustomization, tags = repository.first(path), repository.first(tags_path)
    if kustomization is None:
        return
    if tags is None:
        yield Problem(tags_path, 0, "is missing: restore it from history, scripts/bump-image needs it")
        return
    if "imagetags" not in kustomization.texts("components"):
        yield Problem(path, kustomization.line_of("components"), "components does not name imagetags: add it")
    wanted = _base_images(repository, overlay.split("/")[1])
    environment = posixpath.basename(overlay)
    named = {str(image.get("name")): image for image in kustomization.maps("images")}
    tagged = {str(image.get("name")): image for image in tags.maps("images")}
    for name in wanted:
        if name not in named:
            yield Problem(path, kustomization.line_of("images"), f"images does not set {name}: add its newName")
        if name not in tagged:
            cure = f"run scripts/bump-image {environment} {name}=TAG"
            yield Problem(tags_path, tags.line_of("images"), f"has no tag of {name}: {cure}")
    for where, entries in ((path, named), (tags_path, tagged)):
        for name, image in entries.items():
            if name not in wanted:
                yield Problem(where, image.line, f"sets the image {name}, which no container has: remove it")
    for image in tags.maps("images"):
        yield from _check_tag(tags_path, image)
    try:
        imagetags.parse(repository.text(tags_path), tags_path)
    except ValueError as error:
        _, line, what = str(error).split(":", 2)
        yield Problem(tags_path, int(line), what.strip() + ": scripts/bump-image writes this file, edit it with that")


def _check_tag(path: str, image: Map) -> Iterator[Problem]:
    tag, digest = image.get("newTag"), image.get("digest", "")
    line = image.line_of("newTag")
    if not isinstance(tag, str):
        yield Problem(path, line, f"newTag of {image.get('name')} is not a text: quote it")
        return
    try:
        imagetags.parse_version(f"{tag}@{digest}" if digest else tag)
    except ValueError as error:
        yield Problem(path, line, f"{image.get('name')}: {error}")


def _check_application(repository: Repository, overlay: str, path: str, document: Map) -> Iterator[Problem]:
    destination = document.at("spec", "destination")
    namespace = document.at("spec", "destination", "namespace")
    line = destination.line_of("namespace") if isinstance(destination, Map) else document.line
    kustomization = repository.first(f"{overlay}/kustomization.yaml")
    if kustomization is not None and kustomization.get("namespace") != namespace:
        yield Problem(path, line, f"deploys to {namespace}, but {overlay} is of {kustomization.get('namespace')}")
    made = repository.first(f"{overlay}/namespace.yaml")
    if made is not None:
        if made.at("metadata", "name") != namespace:
            yield Problem(
                f"{overlay}/namespace.yaml", made.line_of("metadata"), f"is not {namespace}, as {path} has it"
            )
        if made.at("metadata", "labels", "pod-security.kubernetes.io/enforce") != "restricted":
            line_of_labels = made["metadata"].line_of("labels")
            yield Problem(
                f"{overlay}/namespace.yaml", line_of_labels, "does not enforce the restricted pod security level"
            )
    project = document.at("spec", "project")
    projects = {
        p.at("metadata", "name"): (where, p)
        for where, p in repository.below(f"clusters/{path.split('/')[1]}/")
        if p.get("kind") == "AppProject"
    }
    if project not in projects:
        yield Problem(path, document["spec"].line_of("project"), f"there is no AppProject {project}: add it")
        return
    where, found = projects[project]
    if namespace not in [target.get("namespace") for target in found.maps("spec", "destinations")]:
        yield Problem(where, found["spec"].line_of("destinations"), f"does not allow the namespace {namespace}: add it")


def _check_addresses(repository: Repository) -> Iterator[Problem]:
    """Every Application that reads this repository names it in the same words as the bootstrap Application."""
    own: Any = None
    for where, document in repository.below("bootstrap/"):
        if document.get("kind") == "Application":
            own = document.at("spec", "source", "repoURL")
            path = document.at("spec", "source", "path")
            if not repository.exists(f"{path}/kustomization.yaml"):
                yield Problem(where, document["spec"].line, f"{path} does not exist")
    for path, document in repository.below("clusters/"):
        source = document.at("spec", "source")
        ours = document.get("kind") == "Application" and isinstance(source, Map) and "chart" not in source
        if ours and source.get("repoURL") != own:
            yield Problem(path, source.line_of("repoURL"), f"is another repository than bootstrap's {own}")
        if document.get("kind") == "AppProject" and own not in document.texts("spec", "sourceRepos"):
            name = document.at("metadata", "name")
            if any(spec.get("project") == name for spec in _own_specs(repository)):
                line = document["spec"].line_of("sourceRepos")
                yield Problem(path, line, f"sourceRepos does not allow {own}: add it")


def _own_specs(repository: Repository) -> Iterator[Map]:
    for _, document in repository.below("clusters/"):
        spec = document.at("spec")
        if document.get("kind") == "Application" and isinstance(spec, Map) and "chart" not in (spec.at("source") or {}):
            yield spec


def _text(text: str, key: str) -> str | None:
    """Return a text that a file of values sets at its top."""
    match = re.search(rf'^{key}\s*=\s*"([^"]*)"', text, re.MULTILINE)
    return match[1] if match else None


def _listed(text: str) -> tuple[list[str], int]:
    """Return the environments that a file of values lists, and the line."""
    match = re.search(r"^environments\s*=\s*\[([^\]]*)\]", text, re.MULTILINE)
    line = text.count("\n", 0, match.start()) + 1 if match else 0
    return re.findall(r'"([^"]*)"', match[1]) if match else [], line


def _check_terraform(repository: Repository, names: list[str]) -> Iterator[Problem]:
    files = {path: _listed(text) for path, text in repository.platforms().items()}
    for path, (listed, line) in files.items():
        for name in sorted(set(listed) - set(names)):
            where = "apps/*/overlays"
            yield Problem(path, line, f"environment {name} is in {path} but not in {where}: add it, or remove it")
    for name in sorted(set(names) - {name for listed, _ in files.values() for name in listed}):
        path, (_, line) = next(iter(files.items())) if len(files) == 1 else (_OWN.format(name), ([], 0))
        if files:
            where = "apps/*/overlays"
            yield Problem(path, line, f"environment {name} is in {where} but not in {path}: add it, or remove it")


def _on_cluster(repository: Repository, text: str) -> Iterator[tuple[str, Map]]:
    """Yield what runs on the cluster of a file of values: everything, where there is one cluster."""
    everything = len(repository.platforms()) == 1
    own = [f"clusters/{_text(text, 'cluster_name')}/", *(f"/overlays/{name}/" for name in _listed(text)[0])]
    for path, document in [*repository.below("apps/"), *repository.below("clusters/")]:
        if everything or "/base/" in path or any(part in path for part in own):
            yield path, document


def _check_vault(repository: Repository, path: str, text: str) -> Iterator[Problem]:
    vault = _text(text, "key_vault_name")
    for store_path, document in _on_cluster(repository, text):
        address = document.at("spec", "provider", "azurekv", "vaultUrl")
        if vault and address and address != f"https://{vault}.vault.azure.net":
            store = document["spec"]["provider"]["azurekv"]
            yield Problem(store_path, store.line_of("vaultUrl"), f"is not the vault {vault} of {path}")


def _check_database(repository: Repository, path: str, text: str) -> Iterator[Problem]:
    """What Git says about the database server is what terraform/platform makes."""
    server, subnet = _text(text, "database_server_name"), _text(text, "database_subnet")
    if server is None:
        return
    host = f"{server}.postgres.database.azure.com"
    for where, document in _on_cluster(repository, text):
        for template in (("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
            for container in document.maps(*template, "spec", "containers"):
                for variable in container.maps("env"):
                    if variable.get("name") in ("DB_HOST", "PGHOST") and variable.get("value") != host:
                        yield Problem(where, variable.line_of("value"), f"is not the server {host} of {path}")
        for rule in document.maps("spec", "egress"):
            for peer in rule.maps("to"):
                cidr = peer.at("ipBlock", "cidr")
                to_postgres = 5432 in [port.get("port") for port in rule.maps("ports")]
                if cidr and to_postgres and cidr != subnet:
                    yield Problem(where, peer.line, f"{cidr} is not database_subnet of {path}")
