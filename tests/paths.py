"""The paths of the last release, in every answer set: what later versions may not rename or drop without saying so.

Copier deletes what a newer version does not have, edited or not. `make paths` writes the list anew; run it once a version
is released.
"""

import string
import tempfile
from pathlib import Path

from tests import support

FILE = Path(__file__).with_name("released_paths.txt")
_HEADER = (
    "# Made by `make paths` from version {version}. Answer sets by letter, then the paths that each of them has.\n"
)
_FROM_TEMPLATE = (
    "runs from the template, by scripts/from-template; an edit of it goes there, or into a script of one's own"
)
# What went on purpose: a pattern, and what becomes of the file in products that have edited it.
REMOVED: dict[str, str] = {
    "scripts/checks/commands.py": "Tools check scripts now; a check of one's own goes into a file of its own there.",
    "scripts/checks/workloads.py": "Tools and the cluster check pods now; a check of one's own goes into a file of its own.",
    "scripts/checks/routes.py": "Gone where no Gateway is; routes that were added by hand are the cluster's to check.",
    r"jenkins/plan[.]Jenkinsfile": "its job finds no pipeline: change requests are planned after the merge, by apply.Jenkinsfile",
    "clusters/*/external-secrets/clustersecretstore.yaml": "Each environment has a store of its own, key-vault-ENVIRONMENT.yaml;"
    " a namespace that was added to the old one needs a store, too.",
    "terraform/gitops/external_secrets.tf": "Gone where nothing reads Key Vault, as the operator is.",
    "scripts/merged-changes": "an own pipeline calls scripts/changed-environments, and scripts/roll-out with HEAD.",
    "scripts/only-image-tags": "an own pipeline calls scripts/changed-services --released ENVIRONMENT without it.",
    "scripts/cloud/cluster.py": "make down takes the cluster away whole.",
    "scripts/cloud/check_tools.py": "`make doctor` runs from the template; an own check is a script of one's own",
    "scripts/cloud/tools.py": "only the commands for infrastructure took it, and those run from the template",
    "scripts/gitops/proposals.py": "an own script takes it from gitops/publish.py",
    "src/*/requirements*.in": "what it names stands in pyproject.toml",
    "src/*/tests/test_shutdown.py": "the template tests the sample's server; a changed one needs a test of one's own",
    "terraform/*/tests/*.tftest.hcl": "the template runs them (tests/terraform/plans); own ones stay, in a file of another name.",
    "clusters/*/project.yaml": "its kinds go into clusters/*/projects/ENVIRONMENT.yaml",
    "scripts/ci-variables": _FROM_TEMPLATE,
    "scripts/doctor": _FROM_TEMPLATE,
    "scripts/down": _FROM_TEMPLATE,
    "scripts/up": _FROM_TEMPLATE,
    "scripts/cloud/azure.py": _FROM_TEMPLATE,
    "scripts/cloud/check_azure.py": _FROM_TEMPLATE,
    "scripts/cloud/check_nodes.py": _FROM_TEMPLATE,
    "scripts/cloud/check_repository.py": _FROM_TEMPLATE,
    "scripts/cloud/github.py": _FROM_TEMPLATE,
    "scripts/cloud/jenkins.py": _FROM_TEMPLATE,
    "scripts/cloud/pipeline.py": _FROM_TEMPLATE,
    "scripts/cloud/report.py": _FROM_TEMPLATE,
    "scripts/cloud/settings.py": _FROM_TEMPLATE,
}


def read(text: str) -> dict[str, set[str]]:
    """Return the paths of each answer set."""
    names: dict[str, str] = {}
    paths: dict[str, set[str]] = {}
    for line in text.splitlines()[1:]:
        letters, _, rest = line.partition(" ")
        if letters.endswith(":"):
            names[letters[0]] = rest
            paths[rest] = set()
        else:
            for letter in letters:
                paths[names[letter]].add(rest)
    return paths


def render(version: str, paths: dict[str, set[str]]) -> str:
    """Return the text that `read` reads."""
    letters = dict(zip(sorted(paths), string.ascii_letters, strict=False))
    lines = [f"{letter}: {name}\n" for name, letter in letters.items()]
    for path in sorted(set().union(*paths.values())):
        having = "".join(letter for name, letter in letters.items() if path in paths[name])
        lines.append(f"{having} {path}\n")
    return _HEADER.format(version=version) + "".join(lines)


def main() -> None:
    """Write the list from what is checked out."""
    version = support.git("describe", "--tags", "--always", cwd=support.ROOT)
    with tempfile.TemporaryDirectory() as scratch:
        template = support.export_template(Path(scratch, "template"))
        paths = {
            name: set(support.relative(support.render(template, Path(scratch, name), support.answers(name))))
            for name in support.VALID
        }
    FILE.write_text(render(version, paths), encoding="utf-8")


if __name__ == "__main__":
    main()
