"""What test_signatures.py says, with cosign itself: pinned and built here, with a registry and a certificate authority."""
