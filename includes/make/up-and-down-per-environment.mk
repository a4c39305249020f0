.PHONY: up
up: ## Make or change all in Azure [ENV=NAME APPROVE=yes]
	@scripts/from-template up $(if $(ENV),"$(ENV)")

.PHONY: down
down: ## #{ "Remove what `make up` has made" if "cluster" in existing else "Remove the clusters, data too" }#; asks first [ENV=NAME]
	@scripts/from-template down $(if $(ENV),"$(ENV)")

