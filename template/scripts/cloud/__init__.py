"""What `make up`, `make down` and `make doctor` share: the tools, the settings of Terraform, Azure and the cluster."""
