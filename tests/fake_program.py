"""az, terraform, kubectl, kubelogin and gh: what they answer, from a world that they change.

Answers have the shape of the real programs' own; a test changes them with `answers`, by the beginning of the command
line; ` … ` stands for anything, the longest wins.
"""

import contextlib
import io
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

World = dict[str, Any]
LOCK = threading.Lock()


def refuse(words: str, status: int = 1) -> NoReturn:
    print(words, file=sys.stderr)
    sys.exit(status)


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else ""


def locked(folder: str) -> str:
    """Return a lock file for what a root requires, with checksums for five platforms."""
    text = Path(folder, "terraform.tf").read_text(encoding="utf-8")
    required = re.findall(r'source  = "(.*)"\n +version = "~> (.*)"', text)
    hashes = "".join(f'    "h1:{number}=",\n' for number in range(5))
    return "\n".join(
        f'provider "registry.terraform.io/{source}" {{\n  version = "{version}.0"\n  hashes = [\n{hashes}  ]\n}}\n'
        for source, version in required
    )


def terraform(world: World, arguments: list[str]) -> None:
    if arguments == ["version"]:
        return print("Terraform v1.17.0\non linux_amd64")
    root = arguments[0].removeprefix("-chdir=terraform/")
    folder = Path(world["PWD"], "terraform", root)
    if arguments[1:3] == ["providers", "lock"]:
        (folder / ".terraform.lock.hcl").write_text(locked(str(folder)), encoding="utf-8")
        return None
    # Where each environment has a cluster of its own, `init` has a folder for each.
    own = world["TF_DATA_DIR"].partition("/")[2]
    command, made = arguments[1], world["terraform"].setdefault(f"{root} of {own}" if own else root, [])
    for name in [one.partition("=")[2] for one in arguments if one.startswith(("-var-file=", "-backend-config="))]:
        if not (folder / name).exists():
            refuse(f"Error: Failed to read file: {name}")
    values = any(one.startswith("-var-file=") for one in arguments) or (folder / "terraform.tfvars").exists()
    if command in ("plan", "destroy") and not values:
        refuse("Error: No value for required variable")
    there = world["clusters"].get(own) if own else world["cluster"]
    if command == "init":
        if root != "state" and not world["storage"]:
            refuse("Error: Failed to get existing workspaces: the storage account was not found")
        if root != "state" and world["unhonoured"] > 0:
            world["unhonoured"] -= 1
            refuse(
                'Error: Failed to get existing workspaces: containers.Client#ListBlobs:\nStatus=403 Code="AuthorizationPermissionMismatch"'
            )
    elif command == "plan":
        if root == "gitops" and not there:
            refuse("Error: there is no cluster")
    elif command == "show":
        actions = {address: ["no-op"] if address in made else ["create"] for address in world["makes"][root]}
        actions |= {address: ["delete"] for address in made if address not in actions}
        changes = [
            {"address": address, "type": address.split(".")[0], "change": {"actions": action}}
            for address, action in actions.items()
        ]
        print(json.dumps({"resource_changes": changes}))
    elif command == "apply":
        made[:] = [address for address in made if address in world["makes"][root]]
        for address in world["makes"][root]:
            if address not in made:
                made.append(address)
        if root == "state":
            world["storage"] = True
        elif root == "platform" and own:
            names = {"name": f"aks-goal-tracker-{own}", "resourceGroup": f"rg-aks-goal-tracker-{own}"}
            world["clusters"][own] = there or {**world["new_cluster"], **names}
        elif root == "platform":
            world["cluster"] = there or dict(world["new_cluster"])
    elif command == "destroy":
        targets = [one.partition("=")[2] for one in arguments if one.startswith("-target=")]
        made[:] = [address for address in made if targets and address not in targets]
        if root == "platform" and own:
            world["clusters"].pop(own, None)
        elif root == "platform":
            world["cluster"] = None
    elif command == "state" and arguments[2] == "list":
        if not made and not world["storage"]:
            refuse("No state file was found!\n\nState management commands require a state file.")
        print("data.azurerm_client_config.current")
        print("\n".join(made))
    elif command == "state" and arguments[2] == "rm":
        for address in arguments[3:]:
            made.remove(address)
    elif command == "output":
        if not made:
            refuse('Error: Output "github_variables" not found')
        if root == "registry":
            return print(json.dumps({"AZURE_PUSH_CLIENT_ID": "2222", "AZURE_TENANT_ID": "1111"}))
        name = f"aks-goal-tracker-{own}" if own else "aks-goal-tracker"
        print(json.dumps({"AKS_CLUSTER": name, "AZURE_TENANT_ID": "1111"}))
    return None


def az(world: World, arguments: list[str]) -> None:
    line = " ".join(arguments)
    answer: Any = None
    if line.startswith("aks list"):
        answer = [*([world["cluster"]] if world["cluster"] else []), *world["clusters"].values()]
    elif line.startswith("group exists"):
        name = option(arguments, "--name")
        there = name in world["groups"] or world["storage" if name.endswith("-state") else "cluster"]
        there = there or any(name.startswith(one["resourceGroup"]) for one in world["clusters"].values())
        there = there or (name.endswith("-registry") and world["terraform"].get("registry"))
        print("true" if there else "false")
        return
    elif line.startswith("resource list"):
        kind = option(arguments, "--resource-type").rpartition("/")[2]
        of_state = kind == "storageAccounts" and not option(arguments, "--name").startswith("backup")
        group = "rg-aks-goal-tracker-state" if of_state else "rg-aks-goal-tracker"
        there = world["storage"] if of_state else world["cluster"]
        if kind == "registries" and world["terraform"].get("registry"):
            group, there = "rg-aks-goal-tracker-registry", True
        for own, one in world["clusters"].items():
            if option(arguments, "--name").startswith((f"kv-{own}-", f"backup{own}")):
                group, there = one["resourceGroup"], True
        answer = [{"name": option(arguments, "--name"), "resourceGroup": group}] if there else []
    if answer is not None:
        print(json.dumps(answer))


def kubectl(_world: World, arguments: list[str]) -> None:
    if arguments[0] == "version":
        print("Client Version: v1.36.3\nKustomize Version: v5.7.1")


def kubelogin(_world: World, arguments: list[str]) -> None:
    if arguments == ["--version"]:
        print("kubelogin version \ngit hash: v0.2.22/0123abc\nGo version: go1.25.3\nPlatform: linux/amd64")


def gh_environments(github: World, arguments: list[str]) -> None:
    """Answer for a repository's environments as GitHub does; what a PUT leaves out is lost, the worst that it may mean."""
    _, _, rest = next(one for one in arguments if one.startswith("repos/")).partition("?")[0].partition("/environments")
    name, _, policies = rest.strip("/").partition("/")
    there = github["environments"].get(name)
    method = option(arguments, "--method")
    if not name:
        for one, rules in github["environments"].items():
            reviewers = [{"type": "User", "reviewer": {"id": reviewer}} for reviewer in rules["reviewers"]]
            given = {
                "wait_timer": {"wait_timer": rules["wait_timer"]} if rules["wait_timer"] else None,
                "required_reviewers": {"reviewers": reviewers, "prevent_self_review": rules["prevent_self_review"]}
                if reviewers
                else None,
                "branch_policy": {} if rules["policy"] else None,
            }
            listed = [{"id": 1, "type": kind, **rule} for kind, rule in given.items() if rule is not None]
            print(json.dumps({"name": one, "protection_rules": listed, "deployment_branch_policy": rules["policy"]}))
    elif method and not github["admin"]:
        refuse("gh: Must have admin rights to Repository. (HTTP 403)")
    elif method == "PUT":
        body = json.loads(Path(option(arguments, "--input")).read_text(encoding="utf-8"))
        if github["private"] and github["plan"] == "free":
            refuse("gh: Not Found (HTTP 404)")
        if github["private"] and github["plan"] != "enterprise" and {"reviewers", "wait_timer"} & set(body):
            refuse(
                "gh: Failed to create the environment protection rule. Please ensure the billing plan supports the "
                "required reviewers protection rule. (HTTP 422)"
            )
        github["environments"][name] = {
            "policy": body.get("deployment_branch_policy"),
            "names": there["names"] if there else [],
            "reviewers": [one["id"] for one in body.get("reviewers") or []],
            "wait_timer": body.get("wait_timer", 0),
            "prevent_self_review": body.get("prevent_self_review", False),
        }
    elif policies and (not there or not (there["policy"] or {}).get("custom_branch_policies")):
        refuse("gh: Not Found (HTTP 404)")
    elif policies and method == "POST":
        there["names"].append(["branch", option(arguments, "--raw-field").removeprefix("name=")])
    elif policies:
        for kind, pattern in there["names"]:
            print(json.dumps({"id": 1, "name": pattern, "type": kind}))


def gh(world: World, arguments: list[str]) -> None:
    if arguments == ["--version"]:
        print("gh version 2.83.0 (2025-11-04)\nhttps://github.com/cli/cli/releases/tag/v2.83.0")
    elif "customization/sub" in " ".join(arguments):
        print("repo:example-org@12/goal-tracker@34")
    elif "/environments" in " ".join(arguments):
        gh_environments(world["github"], arguments)
    elif arguments[:2] == ["api", "user"]:
        print(7)
    elif arguments[0] == "api":
        print("true")
    elif arguments[:2] == ["secret", "list"]:
        print("PROPOSALS_KEY")
    elif arguments[:2] == ["variable", "list"]:
        print("[]")
    elif arguments[:2] == ["variable", "set"]:
        world["variables"] = Path(option(arguments, "--env-file")).read_text(encoding="utf-8")


def matches(words: str, line: str) -> bool:
    """Tell whether a line begins with the words before the first ellipsis, and holds those after it."""
    first, *others = words.split(" … ")
    return f"{line} ".startswith(first) and all(other.lower() in line.lower() for other in others)


def called(world: World, name: str, arguments: list[str]) -> dict[str, Any]:
    """Return the answer to a command line: stdout, stderr, status, waits."""
    line = " ".join([name, *arguments])
    said, errors, status = io.StringIO(), io.StringIO(), 0
    world["calls"].append(line)
    given = sorted((words for words in world["answers"] if matches(words, line)), key=len)
    answer: dict[str, Any] = world["answers"][given[-1]] if given else {"times": 0}
    if answer.get("times", 1) > 0:
        answer["times"] = answer.get("times", 10**6) - 1
        return answer
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        try:
            {"az": az, "gh": gh, "kubectl": kubectl, "kubelogin": kubelogin}.get(name, terraform)(world, arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    return {"stdout": said.getvalue(), "stderr": errors.getvalue(), "status": status}
