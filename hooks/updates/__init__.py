"""Updates of a product: the merge, in a working tree of its own, and the proposal of it."""
