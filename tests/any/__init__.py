"""Random answers and slow faults: `make test-any`."""
