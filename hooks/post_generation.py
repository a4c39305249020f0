"""Validate a freshly generated product, or one that was just updated, and say what to do next.

Run by Copier in the product's folder: as a task after `copier copy`, as the last migration after `copier update`, when
the tree is merged. The checks themselves live in the product, in scripts/validate. All that it writes are image tags of
services that an update brings or takes away: Copier leaves the files of tags alone.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import yaml

# Status of scripts/validate when nothing but a linter complains. Whatever versions are on this machine's PATH, they are
# no reason to take a sound product away: their findings are shown.
_LINTERS_ONLY = 2

_ROLES = (
    ("infrastructure", "terraform"),
    ("the one Application", "bootstrap"),
    ("what runs on the cluster", "clusters"),
    ("Kubernetes objects", "apps"),
    ("source code", "src"),
    ("pipeline", ".github/workflows"),
    ("pipeline", "jenkins"),
    ("commands", "scripts"),
)


def unresolved_conflicts(product: Path) -> list[str]:
    """Return the files that an update left with conflicts; none outside a git repository."""
    done = subprocess.run(
        ["git", "diff", "--name-only", "--diff-filter=U"], cwd=product, capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def carry_tags(product: Path) -> None:
    """Give services that came an image tag, and take that of services that went; no tag of another changes."""
    sys.path.insert(0, str(product / "scripts"))
    sys.dont_write_bytecode = True
    from gitops import imagetags  # type: ignore[import-not-found]

    for path in product.glob("apps/*/overlays/*/imagetags/kustomization.yaml"):
        overlay = path.parents[1]
        images = (yaml.safe_load((overlay / "kustomization.yaml").read_text(encoding="utf-8")) or {}).get("images", [])
        named = [image["name"] for image in images]
        versions = imagetags.parse(path.read_text(encoding="utf-8"), str(path))
        base = overlay.parents[1] / "base"
        kept = {name: version for name, version in versions.items() if name in named or (base / name).is_dir()}
        come = {name: imagetags.Version(imagetags.UNRELEASED) for name in named if name not in kept}
        if kept | come != versions:
            path.write_text(imagetags.render(overlay.name, kept | come), encoding="utf-8")


def validate(product: Path) -> subprocess.CompletedProcess[str]:
    """Run the product's own checks."""
    return subprocess.run(
        [sys.executable, "-B", str(product / "scripts" / "validate")],
        cwd=product,
        capture_output=True,
        text=True,
        check=False,
    )


def git_repository(product: Path) -> str:
    """Return the repository's address, as the bootstrap Application has it."""
    text = (product / "bootstrap" / "templates" / "application.yaml").read_text(encoding="utf-8")
    return next(line.split(":", 1)[1].strip(" \"'") for line in text.splitlines() if "repoURL:" in line)


def summary(product: Path, report: str) -> str:
    """Return what was made, what was checked, and the next three commands."""
    lines = ["", "Made:"]
    for role, folder in _ROLES:
        count = sum(len(names) for _, _, names in os.walk(product / folder))
        if count:
            lines.append(f"  {folder + '/':<20} {role} ({count} files)")
    lines += ["Valid: " + report.replace("\n", "; "), "Next:"]
    lines.append(f"  cd {product} && git init -b main && git add -A && git commit -m 'Begin'")
    lines.append(f"  git remote add origin {git_repository(product)} && git push -u origin main")
    lines.append("  make up    # `make doctor` says which tools it needs")
    return "\n".join(lines)


def report(how: str) -> None:
    """Tell scripts/template-update how the merge ended; it can't tell a half-way tree from a merged one by itself."""
    if path := os.environ.get("TEMPLATE_UPDATE_REPORT"):
        Path(path).write_text(how, encoding="utf-8")


def main() -> int:
    """Run the hook and return its exit status."""
    product = Path.cwd()
    updating = os.environ.get("STAGE") == "after"
    if updating:
        # What a conflict, or a person, has made unreadable is named by what follows.
        with contextlib.suppress(
            SyntaxError, ValueError, ImportError, yaml.YAMLError, KeyError, TypeError, AttributeError
        ):
            carry_tags(product)
    if updating and (conflicts := unresolved_conflicts(product)):
        print("The update conflicts with your changes. Resolve these files, then run `make validate`:", file=sys.stderr)
        print("\n".join(f"  {path}" for path in conflicts), file=sys.stderr)
        report("conflicts")
        return 1
    done = validate(product)
    if done.returncode not in (0, _LINTERS_ONLY):
        print(done.stdout + done.stderr, end="", file=sys.stderr)
        if updating:
            print("The update is merged but not valid: mend the above, then run `make validate`.", file=sys.stderr)
            report("invalid")
        return 1
    findings, checked, rest = done.stdout.rpartition("checked ")
    if done.returncode == _LINTERS_ONLY:
        print(f"Linters on this machine find, in a product that is sound otherwise:\n{findings}")
    said = checked + rest.strip()
    print(f"Valid: {said}" if updating else summary(product, said))
    if updating:
        report("merged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
