"""Run as a script in a product's folder: each of its own checks, the seconds of each printed as JSON.

Usage: checks.py, with the product as the working directory.
"""

import importlib
import json
import pkgutil
import re
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the command."""
    root = Path.cwd()
    sys.path.insert(0, str(root / "scripts"))
    sys.dont_write_bytecode = True
    began = time.process_time()
    checks = importlib.import_module("checks")
    documents = importlib.import_module("checks.documents")
    modules = [importlib.import_module(f"checks.{found.name}") for found in pkgutil.iter_modules(checks.__path__)]
    seconds = {"imports": time.process_time() - began}
    began = time.process_time()
    repository = documents.read_repository(root)
    seconds["reading"] = time.process_time() - began
    for module in modules:
        for name, function in sorted(vars(module).items()):
            # As scripts/validate finds them.
            if re.fullmatch(r"(check|inspect)(_\w+)?", name) and function.__module__ == module.__name__:
                began = time.process_time()
                list(function(repository))
                seconds[f"{module.__name__.removeprefix('checks.')}.{name}"] = time.process_time() - began
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
