"""Tests of the Terraform code in the products."""
