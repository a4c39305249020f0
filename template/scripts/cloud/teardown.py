"""Takes from a cluster what would hang, come back or be billed once the cluster itself is removed."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitops.process import CommandError, output
from gitops.repository import plain

from . import azure
from .azure import Subscription
from .settings import Settings

_APPLICATIONS = "applications.argoproj.io"
_APPLICATION_SETS = "applicationsets.argoproj.io"
_PROJECTS = "appprojects.argoproj.io"
_GATEWAYS = "gateways.gateway.networking.k8s.io"
_PAUSE = 5.0

Objects = list[dict[str, Any]]


def _name(item: dict[str, Any]) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def _wait(look: Callable[[], list[str]], seconds: float) -> list[str]:
    """Wait until there is nothing left to see; return what still is when the time is over."""
    started = time.monotonic()
    shown: list[str] | None = None
    while (left := look()) and time.monotonic() - started < seconds:
        if left != shown:
            print(f"   waiting for {', '.join(left)} (at most {seconds - (time.monotonic() - started):.0f} s)")
        shown = left
        time.sleep(_PAUSE)
    return left


class Cluster:
    """A cluster that is being emptied."""

    def __init__(self, chosen: Subscription, settings: Settings, folder: Path) -> None:
        """Sign in, with a kubeconfig of its own in the folder.

        Raises:
            CommandError: the Kubernetes API does not answer, or not to us.
        """
        self._chosen = chosen
        self._settings = settings
        self._kubeconfig = str(folder / "kubeconfig")
        where = ("--resource-group", settings.group, "--name", settings.cluster)
        chosen.ask("aks", "get-credentials", *where, "--file", self._kubeconfig, "--overwrite-existing")
        output("kubelogin", "convert-kubeconfig", "--login", "azurecli", "--kubeconfig", self._kubeconfig)
        self._kubectl("get", "namespaces", "--output=name")

    def _kubectl(self, *arguments: str) -> str:
        return output("kubectl", "--kubeconfig", self._kubeconfig, "--request-timeout=30s", *arguments)

    def _items(self, kind: str) -> Objects:
        """Return all objects of a kind; none where the cluster does not know it."""
        try:
            listed = self._kubectl("get", kind, "--all-namespaces", "--output=json")
        except CommandError as error:
            if "the server doesn't have a resource type" in error.details:
                return []
            raise
        items: Objects = json.loads(listed)["items"]
        return items

    def _delete(self, kind: str, items: Objects) -> None:
        for item in items:
            if "deletionTimestamp" not in item["metadata"]:
                names = ("--namespace", item["metadata"]["namespace"], item["metadata"]["name"])
                self._kubectl("delete", kind, *names, "--wait=false", "--ignore-not-found")

    def _release(self, kind: str, items: Objects) -> None:
        """Remove the finalizers of objects."""
        finalized = [item for item in items if item["metadata"].get("finalizers")]
        self._patch(kind, finalized, {"metadata": {"finalizers": None}})

    def _patch(self, kind: str, items: Objects, patch: dict[str, Any]) -> None:
        for item in items:
            names = ("--namespace", item["metadata"]["namespace"], item["metadata"]["name"])
            try:
                self._kubectl("patch", kind, *names, "--type=merge", f"--patch={json.dumps(patch)}")
            except CommandError as error:
                if "NotFound" not in error.details:  # Gone meanwhile: what was wanted.
                    raise

    def remove_applications(self, seconds: float) -> None:
        """Remove Applications with what they made; first whatever would make them again.

        Their projects stay: an Application that goes needs its project.

        Raises:
            CommandError: kubectl failed.
        """
        self._remove_all(_APPLICATION_SETS, self._items(_APPLICATION_SETS), seconds)
        applications = self._items(_APPLICATIONS)
        makers = [item for item in applications if self._makes_applications(item)]
        # Without its finalizer: it must not take the projects away before the Applications that need them.
        self._release(_APPLICATIONS, makers)
        self._remove_all(_APPLICATIONS, makers, seconds)
        self._remove_all(_APPLICATIONS, [item for item in applications if item not in makers], seconds)
        # A project's finalizer waits for its Applications, of which there are none any more.
        self._release(_PROJECTS, self._items(_PROJECTS))

    def _makes_applications(self, application: dict[str, Any]) -> bool:
        if application["metadata"]["name"] == self._settings.cluster:
            return True
        made = application.get("status", {}).get("resources", [])
        return any(item["kind"] in ("Application", "ApplicationSet") for item in made)

    def _remove_all(self, kind: str, items: Objects, seconds: float) -> None:
        """Remove objects; where nothing finishes them in time, say which and finish them without."""
        if not items:
            return
        wanted = {_name(item) for item in items}
        print(f"   removing {kind.split('.')[0]}: {', '.join(sorted(wanted))}")
        if kind == _APPLICATIONS:
            # An Application is deleted only once it has stopped trying to sync.
            self._patch(kind, items, {"operation": None})
        self._delete(kind, items)

        def left() -> Objects:
            return [item for item in self._items(kind) if _name(item) in wanted]

        if not _wait(lambda: [_name(item) for item in left()], seconds):
            return
        for item in left():
            told = [condition["message"] for condition in item.get("status", {}).get("conditions", [])]
            waits = ", ".join(item["metadata"].get("finalizers", [])) or "the API server"
            print(plain(f"   {_name(item)} hangs: it waits for {waits}" + (f" ({'; '.join(told)})" if told else "")))
        print("   taking their finalizers away: what they have made goes with the cluster")
        self._release(kind, left())
        if hanging := _wait(lambda: [_name(item) for item in left()], 60):
            raise CommandError(f"{', '.join(hanging)} can't be removed: see what kubectl describe says of them")

    def remove_load_balancers(self, seconds: float) -> None:
        """Remove Gateways and Services of type LoadBalancer, and wait until Azure has taken down what they had.

        Raises:
            CommandError: kubectl failed.
        """
        self._delete(_GATEWAYS, self._items(_GATEWAYS))
        self._delete("services", self._services())

        def left() -> list[str]:
            found = [f"Gateway {_name(item)}" for item in self._items(_GATEWAYS)]
            found += [f"Service {_name(item)}" for item in self._services()]
            return found + [f"address of {name}" for name in azure.public_addresses(self._chosen, self._settings)]

        if hanging := _wait(left, seconds):
            print(f"   still there after {seconds:.0f} s: {', '.join(hanging)}")
            print(f"   going on: they are in {self._settings.node_group}, which Azure removes with the cluster")

    def _services(self) -> Objects:
        return [item for item in self._items("services") if item["spec"].get("type") == "LoadBalancer"]
