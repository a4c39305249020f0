from collections.abc import Iterator

import httpx2
import pytest
from conftest import ClientFor
from starlette.testclient import TestClient


def test_a_request_reaches_the_backend_and_its_answer_the_browser(client_for: ClientFor) -> None:
    seen: list[httpx2.Request] = []

    def backend(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(201, json={"id": 1}, headers={"Location": "/api/goals/1"})

    with client_for(backend) as client:
        answer = client.post("/api/goals?a=b%20c&d", json={"text": "Zoë"})
    assert (answer.status_code, answer.json()) == (201, {"id": 1})
    assert answer.headers["location"] == "/api/goals/1"
    assert str(seen[0].url) == "http://backend:8080/api/goals?a=b%20c&d"
    assert seen[0].headers["host"] == "backend:8080"
    assert seen[0].read() == '{"text":"Zoë"}'.encode()


def test_headers_about_one_connection_are_not_passed_on(client_for: ClientFor) -> None:
    seen: list[httpx2.Request] = []

    def backend(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        headers = {"Connection": "x-private", "X-Private": "1", "Keep-Alive": "5", "X-Kept": "1"}
        return httpx2.Response(200, json={}, headers=headers)

    sent = {"Connection": "x-hop, keep-alive", "X-Hop": "1", "TE": "trailers", "X-End": "1"}
    with client_for(backend) as client:
        answer = client.get("/api/goals", headers=sent)
    assert seen[0].headers["x-end"] == "1"
    assert not {"x-hop", "te"} & set(seen[0].headers)
    assert answer.headers["x-kept"] == "1"
    assert not {"x-private", "keep-alive", "connection"} & set(answer.headers)


def test_headers_that_repeat_are_all_passed_on(client_for: ClientFor) -> None:
    def backend(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(204, headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])

    with client_for(backend) as client:
        answer = client.delete("/api/goals/1")
    assert answer.status_code == 204
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("error", "method", "tries"),
    [
        (httpx2.RemoteProtocolError("disconnected"), "GET", 2),
        (httpx2.RemoteProtocolError("disconnected"), "POST", 1),
        (httpx2.ReadError("reset"), "DELETE", 1),
        (httpx2.ConnectError("refused"), "POST", 2),
        (httpx2.ConnectTimeout("no answer"), "GET", 2),
    ],
)
def test_only_what_had_no_effect_is_sent_again(
    client_for: ClientFor, error: Exception, method: str, tries: int
) -> None:
    seen: list[httpx2.Request] = []

    def backend(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        raise error

    with client_for(backend) as client:
        answer = client.request(method, "/api/goals")
    assert (answer.status_code, answer.json()) == (502, {"error": "the backend can't be reached"})
    assert len(seen) == tries


def test_a_get_survives_one_failed_connection(client_for: ClientFor) -> None:
    answers: Iterator[httpx2.Response | Exception] = iter(
        [httpx2.ConnectError("refused"), httpx2.Response(200, json={"goals": []})]
    )

    def backend(_: httpx2.Request) -> httpx2.Response:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with client_for(backend) as client:
        assert client.get("/api/goals").json() == {"goals": []}


def test_a_backend_that_takes_too_long_is_504(client_for: ClientFor) -> None:
    def backend(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("slow", request=request)

    with client_for(backend) as client:
        answer = client.get("/api/goals")
    assert answer.status_code == 504
    assert answer.json() == {"error": "the backend did not answer in time"}


def test_a_body_that_is_too_large_does_not_reach_the_backend(client: TestClient) -> None:
    answer = client.post("/api/goals", content=b"x" * (64 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json() == {"error": "the body is larger than 65536 bytes"}


@pytest.mark.parametrize(
    "path", ["/api/%2e%2e/ready", "/api/goals/%2e%2e/%2e%2e/ready", "/api/x%3f/%2e%2e/%2e%2e/ready"]
)
def test_only_what_is_below_api_can_be_reached(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
