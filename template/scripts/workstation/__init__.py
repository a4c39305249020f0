"""Makes, uses and takes away what `make local` runs on this machine."""
