"""Lives of repositories: generated, deployed to, edited, and updated from the template with real git."""
