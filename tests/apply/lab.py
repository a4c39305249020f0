"""Products that are applied side by side, each in an Azure of its own, and what becomes of them when an answer changes."""

import copy
import json
import runpy
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import support
from tests.apply import server
from tests.apply.product import Changes, FailedError, Product
from tests.apply.world import World

Answers = dict[str, Any]
_destroyed = runpy.run_path(str(support.ROOT / "template" / "scripts" / "cloud" / "kept.py"))["destroyed"]


@dataclass
class Outcome:
    """What a change of an answer does: the plans of all roots, or why there is none."""

    plans: dict[str, Changes] = field(default_factory=dict)
    refused: str = ""
    by_hand: str = ""
    """Why the pipeline can't make the change, so that a person runs `make up`."""
    failed: str = ""
    """What went wrong when the plan was applied, or what the next plan would still change."""

    def all(self, *actions: str) -> list[str]:
        """Return the addresses of what has one of these actions done to it, in all roots."""
        return sorted(
            address for changes in self.plans.values() for address, done in changes.items() if set(actions) <= set(done)
        )

    @property
    def lost(self) -> list[str]:
        """What the pipeline refuses to destroy, by the product's own rule."""
        changes = [
            {"address": address, "type": address.split(".")[0], "change": {"actions": actions}}
            for of_root in self.plans.values()
            for address, actions in of_root.items()
        ]
        return sorted(_destroyed({"resource_changes": changes}))


class Lab:
    """Renders products and applies them, each once."""

    def __init__(self, render: Callable[[Answers, Path], object], configuration: Path, folder: Path) -> None:
        """Work below a folder."""
        self._render, self._configuration, self._folder = render, configuration, folder
        self._pem = server.certificate(folder)
        self._lock, self._number = threading.Lock(), 0
        self._applied: dict[str, tuple[threading.Lock, list[tuple[World, Path]]]] = {}

    def _next(self) -> Path:
        with self._lock:
            self._number += 1
            return self._folder / str(self._number)

    @contextmanager
    def new(self, answers: Answers, world: World | None = None) -> Iterator[Product]:
        """Give a product that nothing was made of yet, in a new subscription unless another is given."""
        folder = self._next()
        with self._lock:
            # Copier compiles its templates for one product at a time.
            self._render(answers, folder / "product")
        if world is None:
            world = World()
            world.give(server.PERSON, "Owner")
        with server.Azure(world, self._pem) as azure:
            yield Product(folder / "product", azure, self._configuration, folder / "data")
        shutil.rmtree(folder)

    def applied(self, answers: Answers) -> tuple[World, Path]:
        """Return the Azure in which a product was applied, to be copied, and the state that was not kept there."""
        with self._lock:
            lock, made = self._applied.setdefault(json.dumps(answers, sort_keys=True), (threading.Lock(), []))
        with lock:
            if not made:
                kept = self._next()
                with self.new(answers) as product:
                    product.apply()
                    shutil.copytree(product.folder / "terraform", kept, ignore=shutil.ignore_patterns("*.tf"))
                    made.append((product.azure.world, kept))
            return made[0]

    @contextmanager
    def again(self, answers: Answers, before: Answers) -> Iterator[Product]:
        """Give a product in the Azure in which that of other answers was applied."""
        world, kept = self.applied(before)
        with self.new(answers, copy.deepcopy(world)) as product:
            for path in kept.rglob("*.tfstate"):
                shutil.copy(path, product.folder / "terraform" / path.parent.name / path.name)
            for path in kept.rglob(".terraform.lock.hcl"):
                if (new := product.folder / "terraform" / path.parent.name).is_dir():
                    shutil.copy(path, new / path.name)
            yield product

    def _same(self, product: Product, before: Answers) -> frozenset[str]:
        """Return the roots that are the same with other answers, and so have nothing to do."""
        folder = self._next()
        with self._lock:
            self._render(before, folder)

        def files(top: Path, root: str) -> dict[str, bytes]:
            paths = (top / "terraform" / root).rglob("*.tf*")
            return {path.name: path.read_bytes() for path in paths if ".tfstate" not in path.name}

        same = frozenset(root for root in product.roots if files(folder, root) == files(product.folder, root))
        shutil.rmtree(folder)
        return same

    def change(self, before: Answers, after: Answers) -> Outcome:
        """Change answers of an applied product: plan all roots, apply, and plan again."""
        outcome = Outcome()
        with self.again(after, before) as product:
            product.left_alone = self._same(product, before)
            made = True
            try:
                # The person's part of it; the pipeline has no right to these roots.
                for root, cluster in product.runs:
                    product.init(root, cluster)
                    outcome.plans[f"{root} {cluster}".strip()] = product.plan(root, cluster)
                    if not root.startswith("platform") and not outcome.lost:
                        product.run(root, cluster, "apply", "it.tfplan")
            except FailedError as error:
                outcome.refused = reason(str(error))
                return outcome
            try:
                for cluster in [cluster for root, cluster in product.runs if root == "platform"]:
                    made = False
                    if before.get("ci") != after.get("ci"):
                        outcome.by_hand = "there is no pipeline yet that could"
                    elif not outcome.lost:
                        product.environment = pipeline(product, cluster, "apply")
                        try:
                            product.run("platform", cluster, "apply", "-auto-approve")
                            made = True
                        except FailedError as error:
                            outcome.by_hand = reason(str(error))
                        product.environment = None
                if not made:
                    product.apply()
                if plans := product.plans():
                    outcome.failed = f"the next plan is not empty: {plans}"
            except FailedError as error:
                outcome.failed = reason(str(error))
        return outcome


def reason(text: str) -> str:
    """Return what Terraform says is wrong, in one line."""
    return " ".join(text.split())


def pipeline(product: Product, cluster: str, purpose: str) -> dict[str, str]:
    """Return the variables of a run of the pipeline: its identity, by the token that names such a run."""
    world = product.azure.world
    ends = f"-{cluster}-ci-{purpose}" if cluster else f"-ci-{purpose}"
    identity = next(
        one
        for one in world.resources.values()
        if one.kind == "microsoft.managedidentity/userassignedidentities" and one.body["name"].endswith(ends)
    )
    credential = next(
        one
        for key, one in world.resources.items()
        if key.startswith(f"{identity.id.lower()}/federatedidentitycredentials/")
    )
    named = credential.body["properties"]
    return product.azure.pipeline(identity.body["properties"]["clientId"], named["subject"], named["issuer"])
