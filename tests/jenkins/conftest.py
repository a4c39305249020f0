"""Fixtures: Java, and a world around a product."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.jenkins import toolchain, world
from tests.life import history


@pytest.fixture(scope="session")
def java() -> Iterator[toolchain.Java]:
    """Java with its libraries, or a failure that says what is missing: these tests run only when asked for by name."""
    try:
        found = toolchain.find()
    except toolchain.ToolMissingError as error:
        pytest.fail(str(error), pytrace=False)
    yield found
    found.close()


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a repository with tags; tests only read it."""
    return history.write(tmp_path_factory.mktemp("history") / "template")


@pytest.fixture
def jenkins(
    java: toolchain.Java, rendered: Callable[[str], Path], tmp_path: Path, request: pytest.FixtureRequest
) -> world.World:
    """A product of Jenkins on a server, that of an answer set where a test names one."""
    return world.make(java, rendered(getattr(request, "param", "jenkins-with-acr-on-gitlab")), tmp_path)
