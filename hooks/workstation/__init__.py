"""What a person runs at a workstation, by `scripts/from-template` of a product, out of the version that made it.

Each module here is a command, run as a script. `gitops` and `cloud` are the product's own.
"""
