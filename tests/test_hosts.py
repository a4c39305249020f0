"""Git hosts: which addresses are taken, and what is otherwise with each host."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support
from tests.in_process import InProcess

AZURE = "https://dev.azure.com/contoso/Retail%20Shop/_git/shop"
ROWS: dict[str, dict[str, Any]] = json.loads((support.ROOT / "includes" / "hosts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("address", "host", "project", "account"),
    [
        ("https://github.com/jdoe_acme/shop", "github", "shop", "jdoe_acme"),
        ("https://gitlab.com/acme/retail/shop.git", "gitlab", "shop", "acme"),
        ("https://bitbucket.org/acme/shop", "bitbucket", "shop", "acme"),
        ("https://git.example.com:8443/scm/~jdoe/shop.git", "other", "shop", "scm"),
        (AZURE, "azure", "shop", "contoso"),
        ("https://dev.azure.com/Contoso/_git/Retail%20Shop", "azure", "retail-shop", "contoso"),
        ("https://contoso.visualstudio.com/DefaultCollection/Retail.Web/_git/shop", "azure", "shop", "contoso"),
        ("https://contoso.visualstudio.com/_git/shop", "azure", "shop", "contoso"),
    ],
)
def test_an_address_tells_its_host_and_gives_names(
    address: str, host: str, project: str, account: str, in_process: InProcess
) -> None:
    answers = in_process.ask({"git_repository": address, "registry": "dockerhub"})
    assert answers["ci"] == ("github-actions" if host == "github" else "jenkins")
    assert answers["project_name"] == project
    assert answers["registry_name"] == account
    found = answers["host_spec"]
    assert found["address"] == ROWS[host]["address"]
    assert found["branch_source"] == (ROWS[host] if "branch_source" in ROWS[host] else ROWS["other"])["branch_source"]


def test_a_row_has_fields_of_the_others_alone() -> None:
    assert all(row.keys() <= ROWS["other"].keys() for row in ROWS.values())


def test_argo_cd_finds_its_credential_for_a_repository_of_azure_devops(rendered: Callable[[str], Path]) -> None:
    """It compares addresses as they are written, but for case and a suffix: util/git/git.go, NormalizeGitURL."""
    product = rendered("jenkins-with-quay")
    readme = (product / "README.md").read_text(encoding="utf-8")
    assert f"--from-literal=url={AZURE} " in readme
    # In a query, a percent sign is one itself.
    assert f"url={AZURE.replace('%', '%25')}&token=" in readme
    urls = {
        source["repoURL"]
        for path in [*product.glob("clusters/**/*.yaml"), *product.glob("bootstrap/templates/*.yaml")]
        for item in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if item and item["kind"] == "Application" and "path" in (source := item["spec"]["source"])
    }
    assert urls == {AZURE}
