"""Stand-ins for what a cloud gives its cluster: addresses for load balancers and disks for volume claims."""

from __future__ import annotations

import http.client
import ipaddress
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .api import Api, ApiError, Object
from .processes import LiveError, say
from .settings import LOAD_BALANCERS, NODE_NAME

PROVISIONER = "live.local/directory"
"""The name of the provisioner in the storage classes."""


def follow(
    api: Api, path: str, handle: Callable[[str, Object], None], stop: threading.Event, seconds: int = 4
) -> threading.Thread:
    """Call `handle` for each object of a collection and each change, in a thread, until `stop` is set.

    It begins anew after `seconds`: a watch that begins while the server does has been seen to stay silent.
    """

    def loop() -> None:
        while not stop.is_set():
            try:
                for kind, item in api.watch(path, seconds):
                    if stop.is_set():
                        return
                    handle(kind, item)
            except (OSError, LiveError, ValueError, http.client.HTTPException) as error:
                if not stop.is_set() and not isinstance(error, ConnectionError | TimeoutError):
                    say(f"watch of {path}: {error}")
            time.sleep(0.5)

    thread = threading.Thread(target=loop, name=f"follow {path}", daemon=True)
    thread.start()
    return thread


class LoadBalancer:
    """Gives every Service of type LoadBalancer an address, which kube-proxy then serves on this machine."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._free = ipaddress.ip_network(LOAD_BALANCERS).hosts()
        self._given: dict[str, str] = {}

    def handle(self, kind: str, service: Object) -> None:
        """Set `status.loadBalancer` of a new Service."""
        meta = service["metadata"]
        wants = kind != "DELETED" and service["spec"].get("type") == "LoadBalancer"
        if not wants or service.get("status", {}).get("loadBalancer", {}).get("ingress"):
            return
        address = self._given.setdefault(meta["uid"], str(next(self._free)))
        status = {"status": {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}}
        _unless_gone(
            lambda: self._api.patch(f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status", status)
        )


class Storage:
    """Makes a directory of this machine into the volume of each claim, and deletes it as the class says.

    As with a cloud's disk, the volume is made when a pod first wants it, belongs to root until the kubelet applies the
    pod's `fsGroup`, and holds a `lost+found`: what works here is not owed to a friendlier volume.
    """

    def __init__(self, api: Api, directory: Path, classes: dict[str, str], default: str) -> None:
        self._api = api
        self._directory = directory
        self.classes = classes
        for name, policy in classes.items():
            annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if name == default else {}
            storage_class = {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name, "annotations": annotations},
                "provisioner": PROVISIONER,
                "reclaimPolicy": policy,
                "volumeBindingMode": "WaitForFirstConsumer",
                "allowVolumeExpansion": True,
            }
            try:
                api.request("POST", "/apis/storage.k8s.io/v1/storageclasses", storage_class)
            except ApiError as error:
                if error.status != 409:
                    raise

    def handle_claim(self, kind: str, claim: Object) -> None:
        """Make the volume of a claim that waits for one."""
        meta, spec = claim["metadata"], claim["spec"]
        name = spec.get("storageClassName")
        wanted = "volume.kubernetes.io/selected-node" in meta.get("annotations", {})
        if kind == "DELETED" or spec.get("volumeName") or not wanted:
            return
        storage_class = self._api.find(f"/apis/storage.k8s.io/v1/storageclasses/{name}") if name else None
        if not storage_class or storage_class["provisioner"] != PROVISIONER:
            return
        volume = f"pvc-{meta['uid']}"
        path = self._directory / volume
        (path / "lost+found").mkdir(mode=0o700, parents=True, exist_ok=True)
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec["accessModes"],
                "storageClassName": name,
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": meta["namespace"],
                    "name": meta["name"],
                    "uid": meta["uid"],
                },
                "local": {"path": str(path)},
                "nodeAffinity": {
                    "required": {
                        "nodeSelectorTerms": [
                            {
                                "matchExpressions": [
                                    {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]}
                                ]
                            }
                        ]
                    }
                },
            },
        }
        _unless_gone(lambda: self._api.request("POST", "/api/v1/persistentvolumes", body))

    def handle_volume(self, kind: str, volume: Object) -> None:
        """Delete the volume and its data when its claim is gone and its policy is Delete."""
        spec = volume["spec"]
        if kind == "DELETED" or volume.get("status", {}).get("phase") not in ("Released", "Failed"):
            return
        if spec.get("persistentVolumeReclaimPolicy") != "Delete" or "local" not in spec:
            return
        name = volume["metadata"]["name"]
        _unless_gone(lambda: self._api.request("DELETE", f"/api/v1/persistentvolumes/{name}"))
        shutil.rmtree(self._directory / name, ignore_errors=True)


def _unless_gone(call: Callable[[], object]) -> None:
    """Do it; that the object is gone (404) or there already (409) is no error: the next event tells."""
    try:
        call()
    except ApiError as error:
        if error.status not in (404, 409):
            raise
