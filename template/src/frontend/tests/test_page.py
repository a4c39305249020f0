import re

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize("path", ["/", "/health", "/version", "/app.js", "/app.css"])
def test_everything_but_the_api_is_answered_without_the_backend(
    client: TestClient, path: str
) -> None:
    assert client.get(path).status_code == 200


def test_every_file_that_the_page_names_is_served(client: TestClient) -> None:
    page = client.get("/").text
    named = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert named
    for path in named:
        assert client.get(path).status_code == 200, path


def test_the_page_has_nothing_that_its_content_security_policy_forbids(client: TestClient) -> None:
    answer = client.get("/")
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert "<style" not in answer.text
    assert not re.search(r"\son\w+=|\sstyle=|<script(?![^>]*\ssrc=)|https?://", answer.text)


@pytest.mark.parametrize("path", ["/", "/app.js", "/missing", "/api/goals", "/health"])
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_file_seen_before_is_only_asked_for_again_by_its_tag(client: TestClient) -> None:
    first = client.get("/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_files_outside_the_static_folder_are_not_served(client: TestClient) -> None:
    for path in ("/app.py", "/../app.py", "/%2e%2e/app.py", "/..%2fapp.py"):
        assert client.get(path).status_code == 404


def test_the_version_is_that_of_the_image(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/version").json() == {"version": "dev"}
    monkeypatch.setattr("app.VERSION", "sha-4f2a9c1")
    assert client.get("/version").json() == {"version": "sha-4f2a9c1"}
