"""What scripts/template-update of a product runs, out of an archive of `hooks` and `template/scripts` of this version.

It is given one argument, a JSON object: the options of the command, and `root`, `store`, `address`, `current` and
`version` for the product, the template's history and address, the version that the product has and the one it wants.
Products start it so since 0.17: take none of these away.
"""

import json
import sys
from pathlib import Path

_HERE = Path(__file__).parents[2]
sys.path[:0] = [str(_HERE), str(_HERE / "template" / "scripts")]

from gitops import repository  # noqa: E402

given = json.loads(sys.argv[1])
# The modules are this version's; the repository is the product.
repository.ROOT = Path(given["root"])
sys.argv = ["template-update"]

from hooks.updates import command  # noqa: E402

command.main(given)
