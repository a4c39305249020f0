"""`make bench`: what generation, validation and updates cost."""
