"""Terraform: only counted; it asks for a subscription as the real one does."""

import os
import sys

if "init" not in sys.argv:
    assert os.environ["ARM_SUBSCRIPTION_ID"]
    assert os.environ["ARM_USE_OIDC"] == "true"
