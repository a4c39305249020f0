"""The runs: what is generated, checked and updated, and with what it takes turns."""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests import support
from tests.bench import measure, templates
from tests.bench.measure import Cost
from tests.bench.templates import Size

DEFAULT, LARGEST = Size(2, 2), Size(100, 5)
SIZES = [Size(services, environments) for services in (1, 2, 10, 50, 100) for environments in (1, 2, 5)]
QUICK = [Size(1, 2), DEFAULT, Size(10, 2), Size(100, 2), LARGEST]
HERE = Path(__file__).parent


@dataclass
class Generation:
    """The runs of one size: ours with validation, a plain template with the same files, an empty one; ours by `make new`."""

    size: Size
    files: int = 0
    rendered: int = 0
    ours: list[Cost] = field(default_factory=list)
    new: list[Cost] = field(default_factory=list)
    plain: list[Cost] = field(default_factory=list)
    empty: list[Cost] = field(default_factory=list)


class Bench:
    """The templates under test, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        """Make our template and the empty one."""
        self.folder = folder
        self.ours = templates.ours(folder / "ours")
        self.empty = templates.empty(folder / "empty")
        # What git needs, and no tool of the field.
        (folder / "bin").mkdir()
        for name in ("git", "sh", "basename", "cat", "dirname", "expr", "sed", "tr", "uname"):
            (folder / "bin" / name).symlink_to(shutil.which(name) or name)
        self.without_tools = str(folder / "bin")

    def copy(
        self,
        template: Path,
        size: Size | None,
        path: str = "",
        keep: Path | None = None,
        script: str = "generate.py",
    ) -> Cost:
        """Run `copier copy` in a process of its own."""
        destination = keep or self.folder / "made"
        arguments = ["copy", "--trust", "--defaults", "--quiet", "--vcs-ref=1.0.0"]
        if size:
            arguments.append(self._data_file(size))
        cost = measure.command(
            [sys.executable, HERE / script, *arguments, template, destination],
            self.folder,
            path or self.without_tools,
        )
        if not keep:
            shutil.rmtree(destination)
        return cost

    def new(self, size: Size) -> Cost:
        """Run what `make new` runs."""
        destination = self.folder / "made"
        arguments = ["--defaults", "--quiet", self._data_file(size)]
        cost = measure.command(
            [sys.executable, "-m", "hooks.new", destination, *arguments], self.ours, self.without_tools
        )
        shutil.rmtree(destination)
        return cost

    def _data_file(self, size: Size) -> str:
        data = self.folder / f"{size}.yaml"
        data.write_text(yaml.safe_dump(size.answers()), encoding="utf-8")
        return f"--data-file={data}"

    def generation(self, size: Size, rounds: int) -> Generation:
        """Generate a product and what it is compared with, in turns."""
        product = self.folder / str(size)
        self.copy(self.ours, size, keep=product)
        plain, rendered = templates.plain(self.ours, product, self.folder / f"plain-{size}")
        result = Generation(size, len(list(support.files(product))), rendered)
        for _ in range(rounds):
            result.ours.append(self.copy(self.ours, size))
            result.new.append(self.new(size))
            result.plain.append(self.copy(plain, None))
            result.empty.append(self.copy(self.empty, None))
        return result

    def steps(self, size: Size, rounds: int) -> dict[str, tuple[float, float]]:
        """Return the processor seconds of each step of a generation: ours, and that of the plain template."""
        runs: list[list[dict[str, float]]] = [[], []]
        for _ in range(rounds):
            for found, template in zip(runs, (self.ours, self.folder / f"plain-{size}"), strict=True):
                answers = size if template == self.ours else None
                found.append(self.copy(template, answers, script="phases.py").json())
        ours, plain = (
            {name: measure.middle(run.get(name, 0.0) for run in found) for name in found[0]} for found in runs
        )
        return {name: (seconds, plain.get(name, 0.0)) for name, seconds in ours.items()}

    def validation(self, size: Size, rounds: int, path: str = "") -> list[Cost]:
        """Run the product's own checks: with the tools of a PATH, or with none."""
        script = self.folder / str(size) / "scripts" / "validate"
        arguments = [] if path else ["--no-tools"]
        return [
            measure.command([sys.executable, "-B", script, *arguments], script.parent, path or self.without_tools)
            for _ in range(rounds)
        ]

    def checks(self, size: Size, rounds: int) -> dict[str, float]:
        """Return the processor seconds of each check, the dearest first."""
        runs = [
            measure.command([sys.executable, HERE / "checks.py"], self.folder / str(size), self.without_tools).json()
            for _ in range(rounds)
        ]
        middles = {name: measure.middle(run[name] for run in runs) for name in runs[0]}
        return dict(sorted(middles.items(), key=lambda entry: -entry[1]))

    def update(self, size: Size, rounds: int) -> tuple[list[Cost], list[Cost]]:
        """Update a product without edits to the next version, in turns with its generation."""
        updates, copies = [], []
        for number in range(rounds):
            product = self.folder / f"update-{size}-{number}"
            copies.append(self.copy(self.ours, size, keep=product))
            templates.commit(product, "made")
            arguments = ["update", "--trust", "--defaults", "--quiet", "--vcs-ref=2.0.0"]
            updates.append(
                measure.command(
                    [sys.executable, HERE / "generate.py", *arguments, product], self.folder, self.without_tools
                )
            )
            assert (product / ".editorconfig").read_text(encoding="utf-8").endswith("# From version 2.\n")
        return updates, copies

    def with_tools(self, size: Size, rounds: int, path: str) -> tuple[list[Cost], list[Cost], str]:
        """Generate with and without the tools of a PATH, in turns; return the names of the tools too."""
        with_tools, without = [], []
        for _ in range(rounds):
            with_tools.append(self.copy(self.ours, size, path))
            without.append(self.copy(self.ours, size))
        checked = self.validation(size, 1, path)[0].printed
        return with_tools, without, next(line for line in checked.splitlines() if line.startswith("checked "))
