"""Programs that the workflows call and that are not on this machine, as small stand-ins on PATH.

`docker buildx build` and `buildctl` build with buildah on stand-in base images and push to the local registry. `az` puts
kubectl and kubelogin where it is told to. `gh` says what it is to do, since the git server asks for no credential. `cosign`
notes what it signs, and verifies what it has noted.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from .settings import CACHE

_BUILDER = """\
#!/bin/sh
XDG_CACHE_HOME={cache} PYTHONPATH={repository} exec {python} -m tests.live.shims {name} "$@"
"""
_AZ = """\
#!/bin/sh
case "$1 $2" in
"aks install-cli") ;;
"acr login") echo token && exit ;;
*) exit 0 ;;
esac
while [ $# -gt 0 ]; do
  case $1 in
  --install-location) ln -sf {kubectl} "$2" ;;
  --kubelogin-install-location) printf '#!/bin/sh\\n' >"$2" && chmod +x "$2" ;;
  esac
  shift
done
"""
_GH = """\
#!/bin/sh
echo "gh $*"
[ "$1 $2" != "pr comment" ] || cat "$GITHUB_STEP_SUMMARY"
"""
_COSIGN = """\
#!/bin/sh
echo "cosign $*"
for image; do :; done
case $1 in
sign) echo "$image" >>{signed} ;;
verify) grep -qxF "$image" {signed} || {{ echo "no signatures found" >&2; exit 1; }} ;;
esac
"""


def install(folder: Path, repository: Path, kubectl: Path, *builders: str) -> None:
    """Write the programs into a folder; `builders` are those of `docker` and `buildctl-daemonless.sh` that there are."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        **{
            # A workflow has a home of its own, where no base image is.
            builder: _BUILDER.format(cache=CACHE.parent, repository=repository, python=sys.executable, name=builder)
            for builder in builders
        },
        "az": _AZ.format(kubectl=kubectl),
        "gh": _GH,
        "cosign": _COSIGN.format(signed=folder / "signed"),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def docker(arguments: list[str]) -> None:
    """Do what `docker buildx build --push …` does; of an engine, only say that it is there."""
    if arguments[:2] != ["buildx", "build"]:
        return
    *options, context = arguments[2:]
    given = {
        name: options[index + 1]
        for index, name in enumerate(options)
        if name.startswith("--") and index + 1 < len(options)
    }
    _build(Path(context), given["--tag"], given["--build-arg"], Path(given["--metadata-file"]))


def buildctl(arguments: list[str]) -> None:
    """Do what `buildctl-daemonless.sh build --output type=image,name=…,push=true …` does."""
    joined = " ".join(arguments)

    def given(pattern: str) -> str:
        found = re.search(pattern, joined)
        assert found, f"{pattern}: {joined}"
        return found[1]

    context, image = given(r"--local context=(\S+)"), given(r"--output type=image,name=([^,\s]+),push=true")
    _build(Path(context), image, given(r"--opt build-arg:(\S+)"), Path(given(r"--metadata-file (\S+)")))


def _build(context: Path, image: str, argument: str, metadata: Path) -> None:
    from . import images

    name, _, value = argument.partition("=")
    images.build(context, image, build_args={name: value})
    metadata.write_text(json.dumps({"containerimage.digest": images.push(image)}))


if __name__ == "__main__":
    {"docker": docker, "buildctl-daemonless.sh": buildctl}[sys.argv[1]](sys.argv[2:])
