"""Tests of the pipelines of Jenkins."""
