"""Programs that the workflows call and that are not on this machine, as small stand-ins on PATH.

`docker buildx build` builds with buildah on stand-in base images and pushes to the local registry. `az` puts kubectl and
kubelogin where it is told to. `gh` has nothing to do: the git server asks for no credential. `cosign` says what it is to sign.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

_DOCKER = """\
#!/bin/sh
PYTHONPATH={repository} exec {python} -m tests.live.shims "$@"
"""
_AZ = """\
#!/bin/sh
[ "$1 $2" = "aks install-cli" ] || exit 0
while [ $# -gt 0 ]; do
  case $1 in
  --install-location) ln -sf {kubectl} "$2" ;;
  --kubelogin-install-location) printf '#!/bin/sh\\n' >"$2" && chmod +x "$2" ;;
  esac
  shift
done
"""
_GH = "#!/bin/sh\n"
_COSIGN = '#!/bin/sh\necho "cosign $*"\n'


def install(folder: Path, repository: Path, kubectl: Path) -> None:
    """Write the programs into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "docker": _DOCKER.format(repository=repository, python=sys.executable),
        "az": _AZ.format(kubectl=kubectl),
        "gh": _GH,
        "cosign": _COSIGN,
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def docker(arguments: list[str]) -> None:
    """Do what `docker buildx build --push …` does."""
    from . import images

    *options, context = arguments[2:]
    given = {
        name: options[index + 1]
        for index, name in enumerate(options)
        if name.startswith("--") and index + 1 < len(options)
    }
    name, _, value = given["--build-arg"].partition("=")
    images.build(Path(context), given["--tag"], build_args={name: value})
    Path(given["--metadata-file"]).write_text(json.dumps({"containerimage.digest": images.push(given["--tag"])}))


if __name__ == "__main__":
    docker(sys.argv[1:])
