"""The file of image tags is read as kustomize reads it, or refused; written, it is always the same."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import support

sys.path.insert(0, str(support.ROOT / "template" / "scripts"))
from gitops import imagetags, repository

HEAD = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
DIGEST = "sha256:" + "0" * 64
IMAGES = [{"name": "ghcr.io/acme/web", "newTag": "1.2.3"}, {"name": "h:5000/api", "newTag": "123", "digest": DIGEST}]
# As kustomize, prettier, yamlfmt and people write it.
READ = [
    f'images:\n- name: ghcr.io/acme/web\n  newTag: 1.2.3\n- digest: {DIGEST}\n  name: h:5000/api\n  newTag: "123"\n{HEAD}',
    f"# A comment\n---\n{HEAD}images:  # of dev\n\n    -   newTag: '1.2.3'\n        name: \"ghcr.io/acme/web\"\n"
    f"    # The API\n    -\n      name: h:5000/api # here\n      digest: {DIGEST}\n      newTag: '123'\n",
    f"{HEAD}images:\n  - name: ghcr.io/acme/web\n    newName: ghcr.io/acme/web\n    newTag: 1.2.3\n"
    f"  - name: h:5000/api\n    newTag: '123'\n    digest: {DIGEST}\n",
    HEAD + yaml.safe_dump({"images": IMAGES}),
]
# What means something else to kustomize than it seems, or may.
REFUSED = {
    "newTag: 12e4": "12e4 is not a text, quote it",
    "newTag: 0x1f": "is not a text",
    "newTag: 2024-01-15": "is not a text",
    "newTag: 1.10": "is not a text",
    "newTag: null": "is not a text",
    "newTag: on": "is not a text",
    'newTag: "v\\x31"': "write name, newTag and digest of each image on lines of their own",
    "newTag: &a v1": "can't be sure of",
    "newTag: !!str v1": "can't be sure of",
    "newTag: v1 v2": "can't be sure of",
    "newTag: v1,": "can't be sure of",
    "newTag: |\n      v1": "can't be sure of",
    "newTag: v1\n    newTag: v2": "can't be sure of",
    "newTag: v1\n     digest: x": "can't be sure of",
    "newTag: v1\n    <<: *a": "can't be sure of",
    "newTag:\n      v1": "can't be sure of",
    "newTag: v1\n---": "can't be sure of",
    "newTag: v1\n    tagSuffix: x": "can't be sure of",
    "newName: ghcr.io/evil/web\n    newTag: v1": "newName of web does not belong here",
    "digest: x": "an image has no newTag, add it",
    "newTag: v1\n  - name: web\n    newTag: v2": "web is there twice",
    "newTag: v1\nnamespace: x": "'namespace' does not belong here",
    "newTag: v1\nimages: []": "can't be sure of",
    "newTag: [v1]": "can't be sure of",
    "newTag: v1\n  - {name: api, newTag: v2}": "can't be sure of",
    "newTag: v1\n   - name: api\n     newTag: v2": "can't be sure of",
    "newTag: v1\n  -name: api": "can't be sure of",
    "newTag: v1\n  name: api": "can't be sure of",
}


@pytest.fixture(autouse=True)
def no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "images", dict)


@pytest.mark.parametrize("text", READ)
def test_whoever_wrote_it_it_is_read_as_yaml_and_written_in_one_form(text: str) -> None:
    assert sorted(yaml.safe_load(text)["images"], key=lambda image: str(image["name"]))[0]["newTag"] == "1.2.3"
    versions = imagetags.parse(text, "tags")
    assert versions == {image["name"]: imagetags.Version(image["newTag"], image.get("digest", "")) for image in IMAGES}
    written = imagetags.render("dev", versions)
    assert yaml.safe_load(written)["images"] == IMAGES
    assert imagetags.parse(written, "tags") == versions


@pytest.mark.parametrize("entry", REFUSED)
def test_what_may_mean_something_else_is_refused_in_one_line_with_its_cure(entry: str) -> None:
    with pytest.raises(ValueError, match=r"^tags:\d+: ") as refusal:
        imagetags.parse(f"{HEAD}images:\n  - name: web\n    {entry}\n", "tags")
    assert REFUSED[entry] in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_services_of_one_image_get_one_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "images", lambda: {"web": "acme/app", "worker": "acme/app"})
    versions = imagetags.parse(imagetags.render("dev", {"web": imagetags.Version("v1")}), "tags")
    assert versions == {"web": imagetags.Version("v1"), "worker": imagetags.Version("v1")}


def test_generation_writes_the_file_as_the_pipeline_does(rendered: Callable[[str], Path]) -> None:
    for path in rendered("defaults").glob("apps/*/overlays/*/imagetags/kustomization.yaml"):
        text = path.read_text(encoding="utf-8")
        assert imagetags.render(path.parts[-3], imagetags.parse(text, "tags")) == text
