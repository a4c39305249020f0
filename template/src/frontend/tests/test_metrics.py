from http.client import HTTPConnection

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from metrics import Metrics, measured, serve


async def answer(request: Request) -> Response:
    if request.url.path == "/broken":
        raise RuntimeError("broken")
    return Response(status_code=201)


def asked(*requests: tuple[str, str]) -> list[str]:
    """The lines of the metrics after these requests."""
    metrics = Metrics()
    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "BREW"])])
    client = TestClient(measured(app, {"/health"}, metrics), raise_server_exceptions=False)
    for method, path in requests:
        client.request(method, path)
    return metrics.text().splitlines()


def test_answers_are_counted_by_method_and_code() -> None:
    lines = asked(("GET", "/a"), ("GET", "/b"), ("POST", "/a"))
    assert 'http_requests_total{method="GET",code="201"} 2' in lines
    assert 'http_requests_total{method="POST",code="201"} 1' in lines


def test_what_breaks_counts_as_an_error() -> None:
    assert 'http_requests_total{method="GET",code="500"} 1' in asked(("GET", "/broken"))


def test_probes_are_not_counted() -> None:
    assert "http_request_duration_seconds_count 0" in asked(("GET", "/health"))


def test_methods_that_clients_make_up_share_a_series() -> None:
    assert 'http_requests_total{method="other",code="201"} 1' in asked(("BREW", "/a"))


def test_each_answer_is_counted_in_every_bucket_that_holds_it() -> None:
    metrics = Metrics()
    metrics.count("GET", 200, 0.3)
    lines = metrics.text().splitlines()
    assert 'http_request_duration_seconds_bucket{le="0.25"} 0' in lines
    assert 'http_request_duration_seconds_bucket{le="0.5"} 1' in lines
    assert 'http_request_duration_seconds_bucket{le="+Inf"} 1' in lines
    assert "http_request_duration_seconds_sum 0.3" in lines


def test_they_are_served_on_their_own_port() -> None:
    metrics = Metrics()
    metrics.count("GET", 200, 0.3)
    server = serve(0, metrics)
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        for path, status, body in (("/metrics", 200, metrics.text()), ("/api/goals", 404, "")):
            connection.request("GET", path)
            got = connection.getresponse()
            assert (got.status, got.read().decode()) == (status, body)
    finally:
        connection.close()
        server.shutdown()
        server.server_close()
