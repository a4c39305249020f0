"""Remove everything from Azure again: the cluster goes with all that is in it, and nothing stays that is billed.

Usage: make down

Asks for the cluster's name before it removes anything; CONFIRM=NAME gives it where there is no terminal. Safe to run
again at any point, also after an interruption, or when the cluster does not answer or is gone. The storage of the state
stays.
"""

import argparse
import os
import re
import shlex

from cloud.infrastructure import COMMAND
from cloud.roots import GITOPS, PLATFORM, InterruptedRunError, Root
from gitops.process import CommandError, run
from gitops.repository import application, fail, services

from .installation import azure, settings, terminal
from .installation.azure import Subscription
from .installation.owner import REGISTRY, ROOTS, STATE, TIMES, Owner
from .installation.pipeline import REMOVED
from .installation.programs import confirm, require
from .installation.settings import Settings

# What lives in the cluster and goes with it.
_IN_CLUSTER = re.compile(r"(^|\.)(helm_release|kubernetes_\w+|kubectl_\w+)\.")
_STATE_KIND = "Microsoft.Storage/storageAccounts"


def say_what_goes(wanted: Settings, chosen: Subscription) -> None:
    """Say what will be destroyed."""
    environments = ", ".join(wanted.environments)
    what = f"what was made for {wanted.cluster}" if "cluster" in wanted.existing else wanted.cluster
    print(f"This removes {what} from subscription {chosen.name} ({chosen.id}), for good:")
    if "cluster" in wanted.existing:
        print(
            f"  - what it has put into the cluster, which stays: {application()} ({', '.join(services())}) and add-ons"
        )
    else:
        print(f"  - the cluster with everything in it: {application()} ({', '.join(services())}) in {environments}")
        print(
            f"  - the data of {environments}: all volumes and databases. Prune=false and Delete=false hold against"
            " Argo CD"
        )
        print(
            "    only; volumes are disks that Azure removes with the cluster. Take a backup before, if you need any of"
            " it."
        )
    if wanted.registry and wanted.registry_group == wanted.group and "registry" not in wanted.existing:
        print(f"  - the registry {wanted.registry} with all images")
    if wanted.previews_registry:
        print(f"  - all previews, and their registry {wanted.previews_registry}")
    if wanted.backup_account:
        print(f"  - the storage account {wanted.backup_account} with the backups of the databases")
    if wanted.database_server:
        print(f"  - the database server {wanted.database_server} with its backups")
    if "key_vault" in wanted.existing:
        print(f"  - what {COMMAND} has put into Key Vault {wanted.key_vault}, which stays")
    elif wanted.purge_protection:
        print(f"  - Key Vault {wanted.key_vault}: purge protection keeps it for 90 days, make up brings it back")
    else:
        print(f"  - Key Vault {wanted.key_vault} with its secrets, purged at once")
    nodes = f" and {wanted.node_group}" if wanted.node_group else ""
    if "resource_group" in wanted.existing:
        print(
            f"  - the rest of what {COMMAND} has made in {wanted.group}{nodes.replace('and', 'and the resource group')}"
        )
    else:
        print(f"  - the rest of the resource group{'s' if nodes else ''} {wanted.group}{nodes}")


def say_what_stays(wanted: Settings, *, all_go: bool) -> None:
    """Say what becomes of what belongs to all clusters, and of what was there before."""
    for name in [wanted.group] if "resource_group" in wanted.existing else []:
        print(f"The resource group {name} stays, with what else is in it.")
    if "cluster" in wanted.existing:
        names = " ".join(f"{application()}-{environment}" for environment in wanted.environments)
        print(f"Namespaces stay with their volumes: kubectl delete namespace {names} removes them, for good.")
    for kind, one in wanted.existing.items():
        if isinstance(one, str) and one.startswith("/"):
            print(f"{kind} stays: {one}")
    if wanted.registry and wanted.registry_group != wanted.group:
        goes = f"It also removes the registry {wanted.registry} with all images."
        print(goes if all_go else f"The registry {wanted.registry} stays, with the other clusters.")
    print(f"Git, this folder and the state ({wanted.state_account} in {wanted.state_group}) stay.")


def remove(root: Root, runner: Owner, elsewhere: set[str], *, cluster_stays: bool = False) -> None:
    """Remove what a root has made; the objects in a cluster go with it, and people keep their roles elsewhere."""
    print(f"\n== {root.name}: {root.makes} ({TIMES[root][1]})")
    runner.init(root)
    if elsewhere:
        runner.leave_people(root, elsewhere)
    made = runner.resources(root)
    outside = [address for address in made if cluster_stays or not _IN_CLUSTER.search(address)]
    if not outside:
        print("   goes with the cluster" if made else "   nothing left to remove")
        return
    runner.destroy(root, *(f"-target={address}" for address in outside if outside != made))


def take_down(wanted: Settings, chosen: Subscription, again: str) -> None:
    """Remove a cluster with all that belongs to it; where that fails, tell the command that goes on."""
    runner = Owner(chosen, wanted.environment)
    step = ""
    try:
        stays = "cluster" in wanted.existing and azure.cluster(chosen, wanted) is not None
        for root in (GITOPS, PLATFORM):
            step = f"{root.name} of {wanted.environment}" if wanted.environment else root.name
            remove(root, runner, wanted.outside(chosen.id), cluster_stays=stays)
        # Last: a make up after an interruption has to find in the state what is in a cluster that is still there.
        if lost := runner.resources(GITOPS):
            runner.forget(GITOPS, lost)
    except CommandError as error:
        fail(f"{step} failed: {error}; fix the cause and run {again} again, it goes on from there")
    except InterruptedRunError:
        fail(f"{step} was interrupted: run {again} again, it goes on from there")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    settings.add_choice(parser)
    arguments = parser.parse_args()
    terminal.outlive()
    require(COMMAND, "az")
    clusters = settings.clusters(arguments.environments)
    if any("cluster" in one.existing for one in clusters):
        require("kubelogin")
    all_go = len(clusters) == len(settings.clusters())
    wanted, groups = clusters[0], [one.group for one in clusters if "resource_group" not in one.existing]
    chosen = azure.subscription()
    if not azure.owned(chosen, wanted.state_account, _STATE_KIND):
        if left := [group for group in groups if azure.group_exists(chosen, group)]:
            fail(
                f"the state storage {wanted.state_account} is not in subscription {chosen.name}, but {left[0]} is:"
                f" choose the right subscription, or run {azure.delete_group(chosen, left[0])}"
            )
        for one in clusters:
            if "resource_group" in one.existing and (names := azure.left_in(chosen, one.group, one.cluster)):
                fail(
                    f"the state storage {wanted.state_account} is not in subscription {chosen.name}, but {one.group}"
                    f" holds {', '.join(names)} with the tag cluster={one.cluster}: choose the right subscription, or"
                    " remove them one by one"
                )
        holds = " nor ".join([wanted.state_account, *groups])
        print(f"Nothing to remove: subscription {chosen.name} does not hold {holds}.")
        return
    for one in clusters:
        say_what_goes(one, chosen)
    say_what_stays(wanted, all_go=all_go)
    name = " ".join(one.cluster for one in clusters)
    told = settings.again("down", arguments.environments, f"CONFIRM={shlex.quote(name)}")
    cure = f"nothing was removed: type it, or without a terminal run {told}"
    confirm(name, os.environ.get("CONFIRM"), cure)

    for one in clusters:
        take_down(one, chosen, settings.again("down", arguments.environments))
    if all_go and REGISTRY in ROOTS:
        groups.append(wanted.registry_group)
        try:
            remove(REGISTRY, Owner(chosen), set())
        except CommandError as error:
            fail(f"registry failed: {error}; fix the cause and run make down again, it goes on from there")

    groups += [one.node_group for one in clusters if one.node_group]
    if left := [name for name in groups if azure.group_exists(chosen, name)]:
        fail(
            f"{', '.join(left)} is still there and is billed: look what it holds, then"
            f" {azure.delete_group(chosen, left[0])}"
        )
    if not all_go:
        print("\nDone. What all clusters share stays, and so do the other clusters.")
        print(f"Note: {REMOVED}.")
        return
    print("\nDone. Nothing is left but the state storage, a few cents a month, which make up uses again.")
    print(f"To remove it too, with the history of the state: {azure.delete_group(chosen, wanted.state_group)}")
    print(f"and rm -f terraform/{STATE.name}/terraform.tfstate*")
    print(f"Note: {REMOVED}.")


if __name__ == "__main__":
    run(main, "interrupted: run make down again, it goes on from there")
