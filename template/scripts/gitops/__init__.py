"""What the scripts of this repository share: where things are, image tags, and safe commits to the main branch.

Every package imports this one first, so that a machine that can't run the scripts is told so by each of them.
"""

import os
import sys

if os.name == "nt":
    sys.exit("error: these scripts do not run on Windows itself: run them in WSL, https://aka.ms/wsl")
if sys.version_info < (3, 11):  # noqa: UP036 - for those who have an older one
    version = f"{sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}"
    sys.exit(f"error: Python 3.11 or newer is needed, {version}: install a newer one, and put it first on PATH")

# Variables of a hook, or of a shell, by which git would look into another repository or index.
for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE"):
    os.environ.pop(name, None)
