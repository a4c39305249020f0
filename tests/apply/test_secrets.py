"""The entries that services have in Key Vault: empty at first, and then what people have set."""

from tests import support
from tests.apply.lab import Lab

ENTRY = "secrets/dev-stripe-key"


def test_a_value_that_people_set_stays_is_in_no_state_and_can_be_had_back(lab: Lab) -> None:
    with lab.new(support.answers("secrets-alone")) as product:
        product.apply()
        [vault] = product.azure.world.secrets.values()
        [empty] = vault[ENTRY]
        assert (empty["value"], empty["contentType"]) == ("(not set)", "empty")

        tags = {"tags": {"file-encoding": "utf-8"}, "contentType": "text/plain"}
        vault[ENTRY].append({**empty, **tags, "id": empty["id"][:-4] + "beef", "value": "sk_live"})
        assert product.plans() == {}
        product.apply()
        assert [one["value"] for one in vault[ENTRY]] == ["(not set)", "sk_live"]
        assert "sk_live" not in str(product.azure.world.blobs)

        values = product.folder / "terraform" / "platform" / "terraform.tfvars"
        text = values.read_text(encoding="utf-8")
        values.write_text(text.replace('service_secrets = ["STRIPE_KEY"]', "service_secrets = []"), encoding="utf-8")
        product.apply()
        assert vault[f"deleted/{ENTRY}"][-1]["value"] == "sk_live"


def test_an_entry_that_was_made_by_hand_stays_so(lab: Lab) -> None:
    with lab.new(support.answers("secrets-alone")) as product:
        values = product.folder / "terraform" / "platform" / "terraform.tfvars"
        text = values.read_text(encoding="utf-8")
        given = 'environment_secrets = {\n  "dev"  = ["dev-stripe-key"]\n  "prod" = []'
        values.write_text(
            text.replace('environment_secrets = {\n  "dev"  = []\n  "prod" = []', given), encoding="utf-8"
        )
        assert given in values.read_text(encoding="utf-8")
        product.apply()
        [vault] = product.azure.world.secrets.values()
        assert [name for name in vault if name.startswith("secrets/")] == ["secrets/prod-stripe-key"]
