"""Git as companies and people have it: signed commits, own settings, other servers, tokens in addresses."""

import os
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support
from tests.gitserver import GitServer

pytestmark = pytest.mark.slow

ADDRESSES = runpy.run_path(str(support.ROOT / "template" / "scripts" / "gitops" / "repository.py"))
# Each may be somebody's own; together they change most of what git prints.
SETTINGS = """\
[log]
  showSignature = true
  decorate = full
  follow = true
  date = relative
[color]
  ui = always
  diff = always
[column]
  ui = always
[core]
  quotePath = false
[diff]
  noprefix = true
  external = /bin/false
[format]
  pretty = fuller
[status]
  short = true
  branch = true
  showUntrackedFiles = no
[fetch]
  recurseSubmodules = true
  prune = true
[push]
  default = nothing
  followTags = true
  recurseSubmodules = check
[i18n]
  commitEncoding = latin1
  logOutputEncoding = latin1
"""


def script(product: Path, *command: str, **environment: str) -> tuple[int, str, str]:
    """Run a script at a time that stands still; its status and what it printed."""
    now = "2030-01-01T00:00:00Z"
    clock = {"GIT_AUTHOR_DATE": now, "GIT_COMMITTER_DATE": now, "PYTHONPATH": str(support.CLOCK)}
    done = support.run(sys.executable, *command, cwd=product, **{**clock, **environment})
    return done.returncode, done.stdout, done.stderr


def sign_with_ssh(folder: Path) -> str:
    support.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(folder / "key"), cwd=folder)
    (folder / "signers").write_text(f"test@example.com {(folder / 'key.pub').read_text()}")
    return f"""\
[gpg]
  format = ssh
[gpg "ssh"]
  allowedSignersFile = {folder}/signers
[user]
  signingKey = {folder}/key
"""


def sign_with_gpg(folder: Path) -> str:
    if not shutil.which("gpg"):
        pytest.skip("gpg is not on PATH")
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    program = folder / "gpg"
    program.write_text(f'#!/bin/sh\nexec gpg --homedir "{home}" --batch "$@"\n')
    program.chmod(0o755)
    make = ("--passphrase", "", "--quick-generate-key", "Test <test@example.com>", "ed25519", "sign")
    done = support.run(program, *make, cwd=folder)
    assert done.returncode == 0, done.stderr
    return f"[gpg]\n  program = {program}\n"


@pytest.mark.parametrize("keys", [sign_with_ssh, sign_with_gpg])
def test_commits_are_signed_where_people_sign_theirs(
    keys: Callable[[Path], str], pushed_product: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(f"{keys(tmp_path)}[commit]\n  gpgSign = true\n")
    settings = {"GIT_CONFIG_GLOBAL": str(config)}
    remote = tmp_path / "remote.git"
    for command, branch in (
        (("bump-image", "dev", "frontend=v1", "backend=v1"), "main"),
        (("bump-image", "dev", "frontend=v2"), "main"),
        (("rollback", "dev"), "main"),
        (("promote", "dev", "prod"), "promote/dev-to-prod"),
    ):
        status, _, said = script(pushed_product, f"scripts/{command[0]}", *command[1:], **settings)
        assert status == 0, said
        verified = support.run("git", "verify-commit", branch, cwd=remote, **settings)
        assert verified.returncode == 0, (command, verified.stderr)
    before = support.git("rev-parse", "main", cwd=remote)
    config.write_text("[commit]\n  gpgSign = true\n[gpg]\n  program = /bin/false\n")
    status, _, said = script(pushed_product, "scripts/bump-image", "dev", "frontend=v3", **settings)
    assert (status, len(said.splitlines())) == (1, 1)
    assert "failed to sign the data" in said
    assert support.git("rev-parse", "main", cwd=remote) == before


def test_what_people_set_for_themselves_changes_nothing(pushed_product: Path, tmp_path: Path) -> None:
    keys = sign_with_ssh(tmp_path)
    (tmp_path / "plain").write_text(keys)
    (tmp_path / "theirs").write_text(keys + SETTINGS)
    support.git("-c", f"include.path={tmp_path}/plain", "commit", "-q", "-S", "--allow-empty", "-m", "Grüße", cwd=pushed_product)  # fmt: skip
    support.git("push", "-q", "origin", "main", cwd=pushed_product)
    support.git("tag", "-a", "-m", "Mine", "mine", cwd=pushed_product)
    tip = support.git("rev-parse", "HEAD", cwd=pushed_product)
    remote = tmp_path / "remote.git"
    start = shutil.copytree(remote, tmp_path / "start.git")
    seen = []
    for config in ("plain", "theirs"):
        shutil.rmtree(remote)
        shutil.copytree(start, remote)
        product = shutil.copytree(pushed_product, tmp_path / f"with-{config}")
        settings = {"GIT_CONFIG_GLOBAL": str(tmp_path / config), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        theirs = {"GIT_EXTERNAL_DIFF": "/bin/false", "LANG": "de_DE.UTF-8"} if config == "theirs" else {}
        printed = [
            script(product, *command, **settings, **theirs)
            for command in (
                ("scripts/bump-image", "dev", f"frontend=sha-{tip}", "backend=v1"),
                ("scripts/bump-image", "dev", "backend=v2"),
                ("scripts/rollback", "dev"),
                ("scripts/history", "dev"),
                ("scripts/status", "dev"),
                ("scripts/promote", "dev", "prod"),
                ("scripts/changed-services", "--released", "dev"),
                ("scripts/changed-services", f"{tip}^"),
            )
        ]
        for base in (f"{tip}^", "HEAD~2"):
            done = support.run("scripts/changed-environments", base, cwd=product, **settings, **theirs)
            printed.append((done.returncode, done.stdout, done.stderr))
        seen.append((printed, support.git("for-each-ref", cwd=remote)))
    assert seen[0] == seen[1]
    assert {printed[0] for printed in seen[0][0]} == {0, 1}, "only status fails, as there is no cluster"


@pytest.mark.parametrize(
    "command",
    [
        ("bump-image", "dev", "frontend=v1"),
        ("rollback", "dev"),
        ("promote", "dev", "prod"),
        ("status",),
        ("history", "dev"),
        ("verify-images", "dev"),
        ("changed-services", "--released", "dev"),
        ("changed-services", "HEAD"),
        ("template-update",),
        ("template-propose",),
    ],
    ids=lambda command: "-".join(command[:2]),
)
def test_a_project_in_a_folder_of_another_repository_is_refused(
    command: tuple[str, ...], rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    parts = shutil.ignore_patterns(".github", "terraform")
    product = shutil.copytree(rendered("defaults"), tmp_path / "platform", ignore=parts)
    support.git("init", "-q", "-b", "main", cwd=tmp_path)
    support.git("commit", "-q", "--allow-empty", "-m", "Begin", cwd=tmp_path)
    status, printed, said = script(product, f"scripts/{command[0]}", *command[1:])
    assert (status, printed) == (1, "")
    cure = "platform/ is a folder of another Git repository: run git init in it, and push it by itself"
    assert said == f"{command[0]}: {cure}\n"


@pytest.mark.parametrize("command", [("status",), ("history", "dev"), ("diff",), ("template-update",)], ids="-".join)
def test_before_git_init_that_is_the_cure(
    command: tuple[str, ...], rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    parts = shutil.ignore_patterns(".github", "src")
    product = shutil.copytree(rendered("jenkins-with-own-images-on-acr"), tmp_path / "platform", ignore=parts)
    status, printed, said = script(product, f"scripts/{command[0]}", *command[1:])
    assert (status, printed) == (1, "")
    cure = "run git init -b main && git add --all && git commit -m Begin"
    assert said == f"{command[0]}: this is no Git repository yet: {cure}\n"


@pytest.mark.parametrize("command", [("promote", "dev", "prod"), ("rollback", "dev"), ("status",)], ids="-".join)
def test_without_a_remote_its_address_is_the_cure(command: tuple[str, ...], own_product: Path) -> None:
    said = script(own_product, f"scripts/{command[0]}", *command[1:])[2].splitlines()[0]
    assert said.startswith(f"{command[0]}: ")
    assert "there is no remote origin: git remote add origin https://github.com/example-org/goal-tracker" in said


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r"),
        ("https://ghp_token@github.com/o/r", "https://github.com/o/r"),
        ("https://user:pa:s@s#?@git.example:8443/o/r.git/", "https://git.example:8443/o/r"),
        ("http://localhost:3000/o/r.git", "http://localhost:3000/o/r"),
        ("git@github.com:o/r.git", "https://github.com/o/r"),
        ("github.com:o/r.git", "https://github.com/o/r"),
        ("me@git.example:/group/sub/r.git", "https://git.example/group/sub/r"),
        ("ssh://git@gitlab.example:2222/group/r.git", "https://gitlab.example/group/r"),
        ("ssh://git@ssh.github.com:443/o/r.git", "https://github.com/o/r"),
        ("ssh://git@altssh.gitlab.com:443/o/r.git", "https://gitlab.com/o/r"),
        ("git@ssh.dev.azure.com:v3/org/my%20project/r", "https://dev.azure.com/org/my%20project/_git/r"),
        ("ssh://git@ssh.dev.azure.com/v3/org/project/r", "https://dev.azure.com/org/project/_git/r"),
        ("org@vs-ssh.visualstudio.com:v3/org/project/r", "https://dev.azure.com/org/project/_git/r"),
        ("https://org@dev.azure.com/org/project/_git/r", "https://dev.azure.com/org/project/_git/r"),
        ("/srv/git/r.git", "/srv/git/r"),
        ("../r.git", "../r"),
        ("file:///srv/git/r.git", "file:///srv/git/r"),
    ],
)
def test_the_page_of_a_remote_is_found_whatever_way_git_takes(remote: str, page: str) -> None:
    assert ADDRESSES["web_page"](remote) == page


@pytest.mark.parametrize(
    ("web", "page"),
    [
        ("https://github.com/o/r", "compare/main...deploy/dev?expand=1"),
        ("https://gitlab.example/o/r", "-/merge_requests/new?merge_request%5Bsource_branch%5D=deploy/dev"),
        ("https://dev.azure.com/o/p/_git/r", "pullrequestcreate?sourceRef=deploy/dev&targetRef=main"),
        ("https://bitbucket.org/o/r", "pull-requests/new?source=deploy/dev&dest=main"),
    ],
)
def test_each_forge_has_its_own_page_for_a_new_request(web: str, page: str) -> None:
    assert ADDRESSES["request_page"](web, "deploy/dev", "main") == f"{web}/{page}"


def test_a_token_in_the_address_of_the_remote_is_never_printed(pushed_product: Path, tmp_path: Path) -> None:
    with GitServer(tmp_path) as server:
        url = server.create("o/r").replace("http://", "http://user:s3cret@")
        support.git("push", "-q", url, "main", cwd=pushed_product)
        support.git("remote", "set-url", "origin", url, cwd=pushed_product)
        said = "".join(
            "".join(script(pushed_product, *command)[1:])
            for command in (
                ("scripts/bump-image", "dev", "frontend=v1", "backend=v1"),
                ("scripts/promote", "dev", "prod"),
                ("scripts/verify-images", "dev"),
                ("scripts/from-template", "doctor"),
            )
        )
        assert f"open the pull request at {server.url}/o/r/compare/" in said
        assert f"origin is {server.url}/o/r.git, but Argo CD watches" in said
    said += "".join("".join(script(pushed_product, f"scripts/{name}", "dev")[1:]) for name in ("rollback", "status"))
    said += script(pushed_product, "scripts/from-template", "doctor")[1]
    assert "can't be reached" in said
    assert "s3cret" not in said


def test_variables_of_git_do_not_lead_to_another_repository(pushed_product: Path, tmp_path: Path) -> None:
    """A hook of Git sets them, and so does a shell that keeps a home folder in Git."""
    other = tmp_path / "other"
    support.git("init", "-q", "-b", "main", str(other), cwd=tmp_path)
    for theirs in (
        {"GIT_DIR": str(other / ".git")},
        {"GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(tmp_path)},
        {"GIT_INDEX_FILE": str(tmp_path / "index")},
        {"GIT_OBJECT_DIRECTORY": str(tmp_path / "objects")},
        {"GIT_NAMESPACE": "theirs"},
    ):
        status, printed, said = script(pushed_product, "scripts/bump-image", "dev", f"frontend={len(theirs)}", **theirs)
        assert (status, said) == (0, ""), theirs
        assert printed.startswith("dev: "), theirs


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_a_letter_of_a_name_is_told_the_rest(encoding: str, pushed_product: Path) -> None:
    [tags] = pushed_product.glob("apps/*/overlays/dev/imagetags/kustomization.yaml")
    tags.write_text(tags.read_text().replace("unreleased", "v1"))
    support.git("-c", "user.name=Łucja", "commit", "-qam", "Deploy", cwd=pushed_product)
    support.git("push", "-q", "origin", "main", cwd=pushed_product)
    status, printed, said = script(pushed_product, "scripts/history", "dev", PYTHONIOENCODING=encoding)
    assert (status, said) == (0, "")
    assert "\\u0141ucja" in printed


def test_a_clone_that_can_not_be_written_to_can_be_looked_at(pushed_product: Path) -> None:
    (pushed_product / ".git" / "deploy.lock").mkdir()  # Rights mean nothing to root.
    assert script(pushed_product, "scripts/bump-image", "dev", "frontend=v1")[0] == 1
    status, printed, said = script(pushed_product, "scripts/history", "dev")
    assert (status, printed) == (0, "dev: no deployments yet\n")
    assert said.startswith("history: as of this clone, because the server can't be asked (")
