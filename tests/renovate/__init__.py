"""Renovate itself, on the configurations of products and template."""
