"""What `make up`, `down`, `doctor` and `secret` share: the tools, the settings, Azure and the cluster."""
