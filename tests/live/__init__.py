"""A real one-node Kubernetes with a real Argo CD, for the tests that only a cluster can answer.

`python -m tests.live up` brings it up by hand. `build.py` fills the caches, `cluster.py` runs Kubernetes,
`argocd.py` runs Argo CD, `tests/gitserver.py` serves repositories and `images.py` builds and pushes images.
"""
