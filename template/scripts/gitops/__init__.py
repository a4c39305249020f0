"""What the scripts of this repository share: where things are, image tags, and safe commits to the main branch."""
