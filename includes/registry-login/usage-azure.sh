# Sign in to the registry as the identity that az is signed in with: scripts/with-azure scripts/registry-login
