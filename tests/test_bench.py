"""What `make bench` compares with is what it says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support, validation
from tests.bench import templates
from tests.in_process import InProcess


@pytest.mark.slow
def test_the_plain_template_gives_the_files_of_the_product(
    template: Path, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    product = rendered("defaults")
    plain, by_jinja = templates.plain(template, product, tmp_path / "plain")
    copied = support.render(plain, tmp_path / "copied", {})
    assert support.relative(copied) == support.relative(product)
    for path in support.relative(product):
        assert path == ".copier-answers.yml" or (copied / path).read_bytes() == (product / path).read_bytes(), path
    assert by_jinja == len(support.relative(plain / "template", "*.jinja"))


def test_overlays_hold_no_file_for_each_service(product: Path) -> None:
    """Files grow with services and with environments, not with their product."""
    services = {path.parent.name for path in product.glob("apps/*/base/*/deployment.yaml")}
    for overlay in support.overlays(product):
        names = {path.stem for path in overlay.rglob("*")}
        assert not services & names, overlay


def test_what_validation_does_grows_with_the_services_and_not_with_their_square(
    in_process: InProcess, tmp_path: Path
) -> None:
    """Counted in calls of functions, which are the same each time, where seconds are not."""
    calls = {}
    for count in (20, 80):
        names = ["frontend", "backend", *(f"service-{number:03}" for number in range(3, count + 1))]
        in_process.render({"services": names}, tmp_path / str(count))
        calls[count] = validation.calls(tmp_path / str(count))
    grown = {name: number / max(calls[20][name], 500) for name, number in calls[80].items()}
    assert {name: factor for name, factor in grown.items() if factor > 4.5} == {}
