"""Azure's CLI: signs in with the token of the pod, and hands out a token of the registry."""

import os
import sys
from pathlib import Path

arguments = sys.argv[1:]
signed_in = Path(os.environ["HOME"], "signed-in")
if arguments[0] == "login":
    token = arguments[arguments.index("--federated-token") + 1]
    assert token == Path(os.environ["AZURE_FEDERATED_TOKEN_FILE"]).read_text()
    signed_in.touch()
elif arguments[:2] != ["aks", "install-cli"] and not signed_in.exists():
    sys.exit("Please run 'az login' to setup account.")
elif arguments[:2] == ["acr", "login"]:
    print("token")
elif arguments[:2] == ["account", "show"]:
    print("00000000-0000-0000-0000-000000000001")
