"""BuildKit: refuses a push without a sign-in, and names each image's digest."""

import hashlib
import itertools
import json
import os
import sys
from pathlib import Path

arguments = sys.argv[1:]
values = dict(itertools.pairwise(arguments))
output = values.get("--output", "")
context = next(word.removeprefix("context=") for word in arguments if word.startswith("context="))
assert Path(context, "Dockerfile").is_file(), f"{context} has no Dockerfile"
if "push=true" in output:
    config = Path(os.environ["DOCKER_CONFIG"], "config.json")
    if not config.is_file() or not json.loads(config.read_text())["auths"]:
        sys.exit("unauthorized")
digest = "sha256:" + hashlib.sha256(output.encode()).hexdigest()
Path(values["--metadata-file"]).write_text(json.dumps({"containerimage.digest": digest}, indent=2))
print("#1 building")
