"""Fixtures: the providers, and a laboratory in which products are applied side by side."""

import pytest

from tests.apply import provider
from tests.apply.lab import Lab
from tests.in_process import InProcess
from tests.terraform import tools


@pytest.fixture(scope="session")
def lab(in_process: InProcess, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The laboratory; a failure that says what is missing where the provider can't be built."""
    try:
        configuration = provider.mirror()
    except tools.ToolMissingError as error:
        pytest.fail(str(error), pytrace=False)
    return Lab(in_process.render, configuration, tmp_path_factory.mktemp("apply"))
