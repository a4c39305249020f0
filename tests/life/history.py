"""A template with a history: its own released versions, and versions around this one that only these tests have."""

import re
import shutil
from pathlib import Path

from tests import support

TERRAFORM_TESTS = ["terraform/platform/tests/cluster.tftest.hcl", "terraform/state/tests/state_storage.tftest.hcl"]
OLDER, THIS, NEXT, LATER = "v0.0.1", "v1000.0.0", "v1001.0.0", "v1002.0.0"


def released() -> list[str]:
    """Return the released versions, which are the tags of this repository; none in a copy without history."""
    if not (support.ROOT / ".git").exists():
        return []
    return [tag for tag in support.git("tag", "--list", cwd=support.ROOT).split() if re.fullmatch(r"v[\d.]+", tag)]


def write(template: Path) -> Path:
    """Make the template in a folder, with a tag for each version."""
    if released():
        support.git("clone", "-q", "--no-hardlinks", str(support.ROOT), str(template), cwd=support.ROOT)
        support.git("checkout", "-q", "-B", "versions", cwd=template)
    else:
        template.mkdir()
        support.git("init", "-q", "-b", "versions", cwd=template)
    for tag, change in ((OLDER, _older), (THIS, lambda _: None), (NEXT, _next), (LATER, _later)):
        if tag in (OLDER, THIS):
            for part in (*support.TEMPLATE_PARTS, "CHANGELOG.md"):
                path = template / part
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            support.export_template(template)
            shutil.copy(support.ROOT / "CHANGELOG.md", template)
        change(template)
        release(template, tag)
    return template


def release(template: Path, tag: str) -> None:
    """Commit what there is and tag it."""
    support.git("add", "-A", cwd=template)
    support.git("commit", "-q", "--allow-empty", "-m", f"Release {tag}", cwd=template)
    support.git("tag", tag, cwd=template)


def edit(template: Path, path: str, *changes: tuple[str, str]) -> None:
    """Change a file of the template; each text must be there."""
    file = template / path
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"{path} has no {old!r}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def log(template: Path, heading: str, line: str) -> None:
    """Add a version to the changelog."""
    text = (template / "CHANGELOG.md").read_text(encoding="utf-8")
    first, _, rest = text.partition("\n## ")
    (template / "CHANGELOG.md").write_text(f"{first}\n## {heading}\n\n- {line}\n\n## {rest}", encoding="utf-8")


def _services(template: Path, file: str) -> Path:
    return next(template.glob(f"template/apps/*/base/*service*/{file}"))


def _older(template: Path) -> None:
    """A version before this one: lines, files, a target and a question missing, defaults different."""
    deployment = _services(template, "deployment.yaml.jinja").relative_to(template).as_posix()
    edit(template, deployment, ("  revisionHistoryLimit: 5\n", ""))
    edit(template, "includes/pod/probes-of-requests.yaml", ("periodSeconds: 10\n", "periodSeconds: 20\n"))
    policy = _services(template, "networkpolicy.yaml.jinja").relative_to(template).as_posix()
    edit(template, policy, ("apiVersion: ", "# Who may talk to whom.\napiVersion: "))
    # Overlays named the repositories.
    edit(
        template,
        deployment,
        ("# Tag and digest are set", "# Repository, tag and digest are set"),
        ('image: "#{ service.image }#"', 'image: "#{ service.name }#"'),
    )
    [overlay] = template.glob("template/apps/*/overlays/*/kustomization.yaml.jinja")
    edit(
        template,
        overlay.relative_to(template).as_posix(),
        (
            "components:\n  - imagetags\n",
            "components:\n  - imagetags\nimages:\n#% for service in service_list %#\n"
            '  - name: "#{ service.name }#"\n    newName: "#{ service.image }#"\n#% endfor %#\n',
        ),
    )
    [tags] = template.glob("template/apps/*/overlays/*/imagetags/kustomization.yaml.jinja")
    edit(
        template,
        tags.relative_to(template).as_posix(),
        ('image in service_list | map(attribute="image") | unique', 'image in service_list | map(attribute="name")'),
    )
    (template / "template" / ".editorconfig").unlink()
    (template / "template" / "scripts" / "history").unlink()
    # Products had the Terraform tests up to 0.22, and no record of the commit.
    for name in TERRAFORM_TESTS:
        (template / "template" / name).parent.mkdir(exist_ok=True)
        (template / "template" / name).write_text('mock_provider "azurerm" {}\n', encoding="utf-8")
    record = '#% if _copier_conf.vcs_ref_hash %#\ncommit: "#{ _copier_conf.vcs_ref_hash }#"\n#% endif %#\n'
    edit(template, "template/scripts/updates/origin.yaml.jinja", (record, ""))
    # The program of updates came with them up to 0.16.
    (template / "template" / "scripts" / "updates" / "merge.py").write_text("# The merge.\n", encoding="utf-8")
    makefile = (template / "template" / "Makefile.jinja").read_text(encoding="utf-8")
    target = re.search(r"\.PHONY: history\n.*?\n\n", makefile, re.DOTALL)
    assert target
    (template / "template" / "Makefile.jinja").write_text(makefile.replace(target[0], ""), encoding="utf-8")
    edit(template, "includes/rules.jinja", ('"advanced", "size", ', '"advanced", '))
    edit(template, "copier.yml", ("\nsize:\n  type: str\n", "\nsize:\n  type: str\n  when: false\n"))
    edit(template, "copier.yml", ("  default: westeurope\n", "  default: northeurope\n"))
    log(template, "0.0.1", "Before everything.")


def _next(template: Path) -> None:
    """A version after this one: a question renamed and reshaped, one new that a file depends on, a rule stricter."""
    copier = (template / "copier.yml").read_text(encoding="utf-8")
    question = re.search(r"^iac:\n(?:  .*\n)+", copier, re.MULTILINE)
    assert question
    tool = (
        "program:\n  type: str\n  help: Program that makes the infrastructure.\n"
        "  choices: [Terraform, OpenTofu]\n  default: Terraform\n\n"
        "notes:\n  type: bool\n  help: Write notes?\n  default: true\n\n"
        'iac:\n  type: str\n  when: false\n  default: "#{ program | lower }#"\n'
    )
    (template / "copier.yml").write_text(copier.replace(question[0], tool), encoding="utf-8")
    edit(
        template,
        "copier.yml",
        (
            "&conditional_files\n  |\n",
            "&conditional_files\n  |\n    #% if not notes %#\n    NOTES.md\n    #% endif %#\n",
        ),
    )
    edit(
        template,
        "includes/rules.jinja",
        ('"iac"', '"program", "notes"'),
        ('"francesouth", ', ""),
        ('YES_OR_NO = ["advanced", ', 'YES_OR_NO = ["advanced", "notes", '),
    )
    edit(
        template,
        "hooks/migrate_answers.py",
        (
            "CHANGES: tuple[Change, ...] = ()",
            'CHANGES: tuple[Change, ...] = (\n    Change("1001.0.0", "iac", "program", '
            '{"terraform": "Terraform", "opentofu": "OpenTofu"}.get),\n)',
        ),
    )
    (template / "template" / "NOTES.md").write_text("# Notes\n", encoding="utf-8")
    (template / "template" / "limits.yaml").write_text(_blocks("alpha", "beta"), encoding="utf-8")
    log(template, "1001.0.0", "Notes.")


def _later(template: Path) -> None:
    """One more: a block like others comes before them, and a file that products may have edited goes."""
    (template / "template" / "limits.yaml").write_text(_blocks("first", "alpha", "beta"), encoding="utf-8")
    (template / "template" / "NOTES.md").unlink()
    edit(template, "copier.yml", ("    NOTES.md\n", "    CHANGES.md\n"))
    deployment = _services(template, "deployment.yaml.jinja").relative_to(template).as_posix()
    edit(template, deployment, ("  revisionHistoryLimit: 5\n", "  revisionHistoryLimit: 3\n"))
    log(template, "1002.0.0", "A shorter history.")


def _blocks(*names: str) -> str:
    block = (
        "  - resources:\n      limits:\n        cpu: 100m\n        memory: 100Mi\n      requests:\n        cpu: 10m\n"
    )
    return "---\nitems:\n" + "".join(f"{block}    name: {name}\n" for name in names)
