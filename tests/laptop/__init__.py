"""`make local` with a real Docker, kind, kubectl and Helm."""
