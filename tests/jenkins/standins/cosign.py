"""cosign: signs with a key that is there, what is named by digest; verifies with its public half what was signed alike."""

import os
import sys
from pathlib import Path

verb, image = sys.argv[1], sys.argv[-1]
claims = sorted(word for option, word in zip(sys.argv, sys.argv[1:], strict=False) if option == "-a")
signatures = Path(os.environ["WORLD"], "signatures")
signature = f"{image} {' '.join(claims)}\n"
assert "@sha256:" in image
if verb == "sign":
    assert os.environ["COSIGN_KEY"].startswith("azurekms://")
    with signatures.open("a", encoding="utf-8") as file:
        file.write(signature)
else:
    assert os.environ["COSIGN_KEY"] == "/image-signing/cosign.pub"
    if not signatures.exists() or signature not in signatures.read_text(encoding="utf-8").splitlines(keepends=True):
        sys.exit("Error: no matching attestations: missing or incorrect annotation")
