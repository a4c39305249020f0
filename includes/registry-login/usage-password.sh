# Sign in to the registry with REGISTRY_USERNAME and REGISTRY_PASSWORD.
