"""Make or change everything in Azure: storage for the state, the platform, Argo CD with the bootstrap Application.

Usage: make up

Safe to run again at any point, also after a failure or an interruption: each step finds what is there. Changes are
shown and made after a yes; APPROVE=yes makes them at once. Those that destroy a registry, a vault, a cluster, a
database or a public address need the cluster's name instead: typed, or as CONFIRM=NAME. ARM_SUBSCRIPTION_ID chooses
another subscription.
"""

import argparse
import os
import re
import shlex

from cloud import kept, plans
from cloud.infrastructure import COMMAND
from cloud.roots import GITOPS, PLATFORM, InterruptedRunError, Root
from gitops.process import CommandError, run
from gitops.repository import argocd_namespace, fail, main_branch

from .installation import azure, check_azure, network, providers, settings, terminal
from .installation.owner import OF_CLUSTER, ROOTS, STATE, TIMES, Owner
from .installation.pipeline import NEXT, prepare
from .installation.programs import confirm, require


def change(root: Root, runner: Owner, name: str, environments: list[str]) -> None:
    """Show what a root would change, and make it once approved: by the cluster's name if data or addresses go.

    Args:
        root: the one to change.
        runner: who changes it.
        name: what a person types before data or addresses go.
        environments: those that the command was called for; all where it names none.
    """
    approved = os.environ.get("APPROVE") == "yes"
    otherwise = f"nothing of {root.name} was changed: type it, or without a terminal run "
    runner.drop_plan(root)
    try:
        plan = runner.plan(root)
        if runner.adopt(root, plan):
            plan = runner.plan(root)
        if lost := kept.destroyed(plan):
            print(f"\nThis destroys {', '.join(lost)} for good: the data in it, or the address that is in use.")
            given = os.environ.get("CONFIRM", "" if approved else None)
            confirm(name, given, otherwise + settings.again("up", environments, f"CONFIRM={shlex.quote(name)}"))
        elif not approved and plans.digest(plan) != plans.NO_CHANGES:
            confirm("yes", None, otherwise + settings.again("up", environments, "APPROVE=yes"))
        runner.apply_plan(root)
    finally:
        runner.drop_plan(root)


def require_state_storage(chosen: azure.Subscription, wanted: settings.Settings) -> None:
    """End where another subscription holds the state: what it names would be changed there, and the rest made here."""
    name = wanted.state_account
    try:
        free = chosen.ask("storage", "account", "check-name", "--name", name)["nameAvailable"]
    except CommandError as error:
        # A new subscription does not say, nor does one to whoever has rights in a group alone.
        if re.search(f"{check_azure.UNREGISTERED}|AuthorizationFailed", error.details):
            return
        raise
    if not free and not azure.group_exists(chosen, wanted.state_group):
        cure = f"az account set --subscription NAME, or {check_azure.another('state_storage')}"
        raise CommandError(f"the state storage {name} is in another subscription than {chosen.name}: {cure}")


def require_group(chosen: azure.Subscription, wanted: settings.Settings) -> None:
    """End where the resource group is there before anything was made, or is to be there and is not."""
    name = wanted.group
    there = azure.group_exists(chosen, name)
    if "resource_group" in wanted.existing:
        if not there:
            raise CommandError(f"the resource group {name}, which is to be there, is not in this subscription: make it")
    elif there:
        cure = f"choose another cluster_name, or if nobody needs what is in it, {azure.delete_group(chosen, name)}"
        raise CommandError(f"the resource group {name} is there, but not in the state of this repository: {cure}")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    settings.add_choice(parser)
    arguments = parser.parse_args()
    terminal.outlive()
    require(COMMAND, "az", "kubelogin")
    clusters = settings.clusters(arguments.environments)
    chosen = azure.subscription()
    for wanted in clusters:
        print(f"{wanted.cluster} in {wanted.location}, subscription {chosen.name} ({chosen.id})")
    require_state_storage(chosen, clusters[0])
    prepare()
    providers.prepare()

    again = settings.again("up", arguments.environments)
    steps: list[tuple[Root, settings.Settings | None]]
    steps = [(root, None) for root in ROOTS if root not in OF_CLUSTER]
    steps += [(root, wanted) for wanted in clusters for root in ROOTS if root in OF_CLUSTER]
    for number, (root, of) in enumerate(steps, 1):
        environment = of.environment if of else None
        runner = Owner(chosen, environment)
        step = f"step {number} of {len(steps)}, {root.name}" + (f" of {environment}" if environment else "")
        print(f"\n== {step}: {root.makes} ({TIMES[root][0]})")
        try:
            runner.connect(root) if root is not STATE else runner.init(root)
            if of and root is PLATFORM and not runner.resources(root):
                require_group(chosen, of)
            if of and of.private_api and root is GITOPS:
                network.require_api_server(chosen, of)
            runner.take_up(root)
            change(
                root, runner, of.cluster if of else " ".join(one.cluster for one in clusters), arguments.environments
            )
        except CommandError as error:
            cure = f"fix the cause (make doctor looks for it) and run {again} again, it goes on from there"
            fail(f"{step}, failed: {error}; what was made stays: {cure}")
        except InterruptedRunError:
            fail(f"{step}, was interrupted: what was made stays; {again} goes on from there")

    print(
        f"\nDone. Argo CD brings the rest from {main_branch()}, as far as it is pushed; until it has,"
        f" kubectl --namespace {argocd_namespace()} get applications shows it."
    )
    print(f"Next: {NEXT}.")
    for wanted in clusters:
        print(
            f"To use kubectl: az aks get-credentials --subscription {chosen.id} --resource-group {wanted.cluster_group}"
            f" --name {wanted.cluster} && kubelogin convert-kubeconfig --login azurecli"
        )


if __name__ == "__main__":
    run(main, "interrupted; make up goes on from there")
