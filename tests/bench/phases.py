"""Run as a script: `copier copy`, which prints as JSON the processor seconds of its steps.

The steps are methods of Copier's own, by names that are private there: a version that renames one ends this with an
AttributeError.
"""

import json
import resource
import sys
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from copier import _main, _template
from copier._cli import CopierApp

_STEPS = (
    (_template, "clone", "fetching the template"),
    (_main.Worker, "_ask", "questions"),
    (_main.Worker, "_render_path", "paths"),
    (_main.Worker, "_render_file", "files"),
    (_main.Worker, "_execute_tasks", "validation"),
)
_spent: dict[str, float] = defaultdict(float)


def spent() -> float:
    """Return the processor seconds of this process and of those it has waited for, to the microsecond."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def watch(owner: Any, method: str, step: str) -> None:
    """Have what a function spends counted; one that gives its results bit by bit gives them at once."""
    original: Callable[..., Any] = getattr(owner, method)

    def watched(*arguments: Any, **named: Any) -> Any:
        before = spent()
        try:
            result = original(*arguments, **named)
            return iter(list(result)) if method == "_render_path" else result
        finally:
            _spent[step] += spent() - before

    setattr(owner, method, watched)


if __name__ == "__main__":
    for entry in _STEPS:
        watch(*entry)
    began = spent()
    status = CopierApp.run(["copier", *sys.argv[1:]], exit=False)[1]
    _spent["the rest"] = spent() - began - sum(_spent.values())
    # Python, and the imports of Copier, come before.
    _spent["start"] = began
    print(json.dumps(_spent))
    sys.exit(status)
