"""The network of the cluster on this machine, and taking it away again."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

from .processes import environment, program, run
from .settings import (
    BRIDGE,
    CLIENT,
    CLIENT_ADDRESS,
    CLIENT_GATEWAY,
    CLIENT_LINK,
    NODE_PREFIX,
    PODS,
    STATE,
)

CNI_BINARIES = Path("/usr/lib/cni")

TABLES = (
    ("ip", "kube-proxy"),
    ("ip6", "kube-proxy"),
    ("inet", "gitops-live"),
    ("inet", "gitops-live-policies"),
)
"""The nftables tables of kube-proxy and of the harness."""

_SYSCTLS = ("net/ipv4/ip_forward", "vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
"""What the harness, or the kubelet on its own, sets on the whole machine; put back afterwards."""


def up() -> None:
    """Make the node's bridge, the client's namespace and the rule that masquerades what pods send to the world."""
    saved = {name: Path("/proc/sys", name).read_text() for name in _SYSCTLS}
    (STATE / "sysctls.json").write_text(json.dumps(saved))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    ip = program("ip")
    run(ip, "link", "add", BRIDGE, "type", "bridge")
    run(ip, "address", "add", NODE_PREFIX, "dev", BRIDGE)
    run(ip, "link", "set", BRIDGE, "up")
    run(ip, "netns", "add", CLIENT)
    run(ip, "link", "add", CLIENT_LINK, "type", "veth", "peer", "name", "eth0", "netns", CLIENT)
    run(ip, "address", "add", f"{CLIENT_GATEWAY}/24", "dev", CLIENT_LINK)
    run(ip, "link", "set", CLIENT_LINK, "up")
    for args in (
        ("address", "add", f"{CLIENT_ADDRESS}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
        ("route", "add", "default", "via", CLIENT_GATEWAY),
    ):
        run(ip, "-n", CLIENT, *args)
    run(
        program("nft"),
        "-f",
        "-",
        stdin=f"""
table inet gitops-live {{
    chain world {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {PODS} ip daddr != {{ {PODS}, 10.96.0.0/14 }} masquerade
    }}
}}
""",
    )


def write_cni(directory: Path) -> None:
    """Write the CNI configuration: a point-to-point link for each pod.

    So traffic between pods passes this machine's firewall; on a bridge network policies could not see it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "cniVersion": "0.4.0",
        "name": "live",
        "plugins": [
            {
                "type": "ptp",
                "mtu": 1400,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(STATE / "cni"),
                    "ranges": [[{"subnet": PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }
    (directory / "10-live.conflist").write_text(json.dumps(config, indent=2))


def down() -> None:
    """Take everything away that `up`, kube-proxy and the policy engine made. Nothing there is no error."""
    for family, table in TABLES:
        _try("nft", "delete", "table", family, table)
    _try("ip", "link", "delete", BRIDGE)
    _try("ip", "link", "delete", CLIENT_LINK)
    _try("ip", "netns", "delete", CLIENT)
    saved = STATE / "sysctls.json"
    if saved.exists():
        for name, value in json.loads(saved.read_text()).items():
            Path("/proc/sys", name).write_text(value)
        saved.unlink()


def _try(*args: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(args, env=environment(), capture_output=True, check=False)
