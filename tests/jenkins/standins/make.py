"""Make: `validate` really looks at the repository, with the tools of this machine; tests of services are only counted.

An update is a real one, with the Copier of the tests.
"""

import os
import subprocess
import sys
from pathlib import Path

if sys.argv[1] == "validate":
    sys.exit(subprocess.run([sys.executable, "-B", "scripts/validate", "--no-tools"], check=False).returncode)
if sys.argv[1] == "diff":
    print("1 added", sys.argv[2], sep="\n")
if sys.argv[1] == "template-update":
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    arguments = sys.argv[2].partition("=")[2].split()
    command = [sys.executable, "-B", "scripts/template-update", *arguments]
    sys.exit(subprocess.run(command, check=False, env={**os.environ, "PATH": path}).returncode)
