# The name that goes with a token of the registry: https://aka.ms/acr/expose-token
user=00000000-0000-0000-0000-000000000000
password=$(az acr login --name "#{ registry_name }#" --expose-token --only-show-errors --query accessToken --output tsv)
