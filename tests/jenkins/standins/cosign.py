"""cosign: signs with a key that is there, what is named by digest."""

import os
import sys

assert os.environ["COSIGN_KEY"].startswith("azurekms://")
assert "@sha256:" in sys.argv[-1]
