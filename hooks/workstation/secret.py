"""Give a variable of services its value in Key Vault, and restart the pods that use it.

Usage: make secret ENV=ENVIRONMENT NAME=NAME

The value is typed, and not shown, or piped in; a line break at its end does not count. It goes to Key Vault and stays
nowhere else: not in Git, the state, the shell's history or the arguments of a program.
"""

import argparse
import getpass
import sys
import time
import warnings
from typing import Any

from gitops import cluster
from gitops.process import CommandError, call, run
from gitops.repository import application, check_environment, one_line, plain

from .installation import azure, settings
from .installation.programs import require

# Seconds in which External Secrets has read a value.
_PATIENCE = 60.0


def read(environment: str, name: str) -> str:
    """Return the value.

    Raises:
        CommandError: it is empty or no text, or the terminal would show it.
    """
    if sys.stdin.isatty():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            value = getpass.getpass(f"{name} of {environment}: ")
        except getpass.GetPassWarning as error:
            raise CommandError("this terminal would show the value: pipe it in") from error
        except EOFError:  # Ctrl-D.
            value = ""
    else:
        try:  # Whatever the language of the terminal is.
            value = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise CommandError("the value is not UTF-8, nothing was changed: pipe it in as text") from error
    if not value.strip():
        raise CommandError("the value is empty: nothing was changed")
    return value


def store(vault: str, entry: str, value: str) -> None:
    """Write a value to Key Vault, from the standard input of az.

    Raises:
        CommandError: az failed.
    """
    at = ("--subscription", azure.subscription().id, "--vault-name", vault, "--name", entry)
    source = ("--file", "/dev/stdin", "--encoding", "utf-8")
    done = call("az", "keyvault", "secret", "set", *at, *source, "--output", "none", stdin=value, timeout=120)
    if done.returncode:
        cure = "run make up first, or see whether you may"
        raise CommandError(f"Key Vault {vault} does not take it, nothing was changed: {cure} ({one_line(done.stderr)})")


def readers(environment: str, namespace: str, entry: str) -> list[dict[str, Any]]:
    """Return the ExternalSecrets of a namespace that ask for an entry."""
    found = cluster.ask(environment, "--namespace", namespace, "get", "externalsecrets.external-secrets.io")["items"]
    return [
        item for item in found if entry in [one["remoteRef"]["key"].lower() for one in item["spec"].get("data", [])]
    ]


def bring(environment: str, namespace: str, entry: str) -> set[str]:
    """Have External Secrets read an entry now; return the Secrets that hold it.

    Raises:
        CommandError: nothing asks for it, it was not read, or the cluster can't be asked.
    """
    before = {item["metadata"]["name"]: item.get("status", {}) for item in readers(environment, namespace, entry)}
    if not before:
        raise CommandError(f"no ExternalSecret in {namespace} asks for {entry} yet")
    now = f"force-sync={time.time():.0f}"
    cluster.run(environment, "--namespace", namespace, "annotate", "--overwrite", "externalsecret", *before, now)
    end = time.monotonic() + _PATIENCE
    while True:
        found = readers(environment, namespace, entry)
        waits = [
            item["metadata"]["name"]
            for item in found
            if item.get("status", {}).get("refreshTime") == before.get(item["metadata"]["name"], {}).get("refreshTime")
        ]
        if not waits:
            return {item["spec"]["target"].get("name", item["metadata"]["name"]) for item in found}
        if time.monotonic() > end:
            cure = f"kubectl --namespace {namespace} describe externalsecret {waits[0]} says why"
            raise CommandError(f"External Secrets has not read it in {_PATIENCE:.0f} s: {cure}")
        time.sleep(1)


def restart(environment: str, namespace: str, secrets: set[str]) -> list[str]:
    """Restart the Deployments whose variables come from some Secrets; return their names."""
    names = []
    for item in cluster.ask(environment, "--namespace", namespace, "get", "deployments.apps")["items"]:
        pod = item["spec"]["template"]["spec"]
        containers = [*pod.get("initContainers", []), *pod["containers"]]
        variables = [one.get("valueFrom", {}) for container in containers for one in container.get("env", [])]
        used = [one["secretKeyRef"]["name"] for one in variables if "secretKeyRef" in one]
        if secrets.intersection(used):
            names.append(item["metadata"]["name"])
    if names:
        cluster.run(environment, "--namespace", namespace, "rollout", "restart", "deployment", *names)
    return names


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", metavar="ENVIRONMENT")
    parser.add_argument("name", metavar="NAME")
    arguments = parser.parse_args()
    environment, name = check_environment(arguments.environment), arguments.name
    [wanted] = [one for one in settings.clusters() if environment in one.environments]
    if name not in wanted.secrets:
        known = f"choose one of {', '.join(wanted.secrets)}" if wanted.secrets else "Add a secret, in docs/services.md"
        raise CommandError(f"no service has a secret {name!r}: {known}" if name else f"no secret is named: {known}")
    require("az", "kubectl")
    entry, namespace = settings.entry(environment, name), f"{application()}-{environment}"
    store(wanted.key_vault, entry, read(environment, name))
    print(f"{name} of {environment} is set: {entry} in {wanted.key_vault}")
    try:
        restarted = restart(environment, namespace, bring(environment, namespace, entry))
    except CommandError as error:
        print(plain(f"The cluster does not have it yet: {error}"))
        print("External Secrets reads it within an hour. Pods get it when they start:")
        print(f"  kubectl --namespace {namespace} rollout restart deployment NAME")
        return
    if restarted:
        print(f"Restarted: {', '.join(restarted)}. To wait for them: make wait-healthy ENV={environment}")


if __name__ == "__main__":
    run(main)
