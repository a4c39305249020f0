"""What runs around the generation of a product."""
