"""Deployments: commits that set image tags of an environment; by their trailers Git is the audit trail."""

from .imagetags import Version

ENVIRONMENT = "Deploy-Environment"
IMAGE = "Deploy-Image"
PROMOTED_FROM = "Deploy-Promoted-From"
ROLLBACK_OF = "Deploy-Rollback-Of"


def message(environment: str, images: dict[str, Version], *, verb: str = "", more: dict[str, str] | None = None) -> str:
    """Return the message of a deployment.

    Args:
        environment: the one that is deployed to.
        images: the version of each service that changes.
        verb: stands before the images in the subject, as `promote dev:`.
        more: further trailers.
    """
    subject = f"deploy({environment}): {verb} " if verb else f"deploy({environment}): "
    lines = [subject + ", ".join(f"{name} {version.tag}" for name, version in images.items()), ""]
    lines += [f"{name}: {value}" for name, value in {ENVIRONMENT: environment, **(more or {})}.items()]
    lines += [f"{IMAGE}: {name}={version}" for name, version in images.items()]
    return "\n".join(lines) + "\n"
