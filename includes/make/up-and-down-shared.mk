.PHONY: up
up: ## Make or change everything in Azure [APPROVE=yes]
	@scripts/from-template up $(if $(filter command%,$(origin ENV)),"$(ENV)")

.PHONY: down
down: ## #{ "Remove what `make up` has made" if "cluster" in existing else "Remove everything from Azure, data too" }#; asks first
	@scripts/from-template down $(if $(filter command%,$(origin ENV)),"$(ENV)")

