"""Does the region give AKS Automatic a version of Kubernetes that takes what is installed here?"""

from .report import Line, failure, ok
from .settings import Settings

# From here on, AKS Automatic brings the Gateway API and takes webhooks of others, as cert-manager's:
# https://github.com/Azure/AKS/blob/master/CHANGELOG.md, release of 2026-05-29
_NEEDED = (1, 36)


def version(offered: list[str], wanted: Settings) -> Line:
    """Return what to say about the version: by the channel stable, it is the one before the newest.

    Raises:
        ValueError: the region offers none.
    """
    minors = sorted({tuple(int(part) for part in one.split(".")[:2]) for one in offered})
    if not minors:
        raise ValueError(f"no version of Kubernetes in {wanted.location}")
    stable = minors[-2:][0]
    text = f"Kubernetes: AKS Automatic takes {'.'.join(map(str, stable))} in {wanted.location}"
    if stable < _NEEDED:
        cure = "choose another region, or wait until az aks get-versions shows one more version"
        return failure(f"{text}, not {'.'.join(map(str, _NEEDED))}, which add-ons need", cure)
    return ok(f"{text}, one version behind the newest")
