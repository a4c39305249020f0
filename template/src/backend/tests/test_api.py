import pytest
from conftest import FakeStore
from starlette.testclient import TestClient


def test_goals_are_added_listed_newest_first_and_deleted(client: TestClient) -> None:
    assert client.get("/api/goals").json() == {"goals": []}
    first = client.post("/api/goals", json={"text": "Learn to sail"})
    second = client.post("/api/goals", json={"text": "Cross the North Sea"})
    assert first.status_code == second.status_code == 201
    assert first.headers["location"] == f"/api/goals/{first.json()['id']}"
    assert client.get("/api/goals").json() == {"goals": [second.json(), first.json()]}

    assert client.delete(f"/api/goals/{first.json()['id']}").status_code == 204
    assert client.get("/api/goals").json() == {"goals": [second.json()]}


def test_white_space_in_a_text_is_made_single_spaces(client: TestClient) -> None:
    goal = client.post("/api/goals", json={"text": "  run \n a\tmarathon "}).json()
    assert goal["text"] == "run a marathon"


@pytest.mark.parametrize(
    "text", ["x" * 500, "🏔" * 500, "Zoë 👨‍👩‍👧 über", "<script>alert(1)</script>"]
)
def test_any_text_of_up_to_500_characters_is_kept_as_it_is(client: TestClient, text: str) -> None:
    answer = client.post("/api/goals", json={"text": text})
    assert (answer.status_code, answer.json()["text"]) == (201, text)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 8000, "the body is not JSON"),
        (b"[]", 'the body must be {"text": "…"}'),
        (b"{}", 'the body must be {"text": "…"}'),
        (b'{"text": 1}', 'the body must be {"text": "…"}'),
        (b'{"text": " \\n "}', "text is empty"),
        (b'{"text": "' + b"x" * 501 + b'"}', "text is longer than 500 characters"),
        (b'{"text": "a\\u0000b"}', "text contains control characters"),
        (b'{"text": "\\ud800"}', "text contains control characters"),
    ],
)
def test_a_body_that_is_no_goal_is_refused_with_the_reason(
    client: TestClient, body: bytes, error: str
) -> None:
    answer = client.post("/api/goals", content=body)
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert client.get("/api/goals").json() == {"goals": []}


def test_a_body_larger_than_any_goal_is_refused(client: TestClient) -> None:
    answer = client.post("/api/goals", content=b" " * 9000)
    assert answer.status_code == 413
    assert answer.json() == {"error": "the body is larger than 8192 bytes"}


@pytest.mark.parametrize("path", ["/api/goals/7", f"/api/goals/{2**63}", "/api/goals/x"])
def test_deleting_what_is_not_there_is_404_in_json(client: TestClient, path: str) -> None:
    answer = client.delete(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error"}


def test_an_unknown_method_or_path_is_answered_in_json(client: TestClient) -> None:
    assert client.put("/api/goals").json() == {"error": "Method Not Allowed"}
    assert client.get("/nothing").json() == {"error": "Not Found"}


def test_without_the_database_it_lives_but_is_not_ready(
    client: TestClient, store: FakeStore
) -> None:
    assert client.get("/ready").json() == {"status": "ready"}
    store.available = False
    assert client.get("/health").status_code == 200
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "the database does not answer: taken away"
    for answer in (client.get("/api/goals"), client.post("/api/goals", json={"text": "x"})):
        assert answer.status_code == 503
        assert answer.json() == {"error": "the database does not answer"}

    store.available = True
    assert client.get("/ready").status_code == 200


def test_the_version_is_that_of_the_image(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/version").json() == {"version": "dev"}
    monkeypatch.setattr("app.VERSION", "sha-4f2a9c1")
    assert client.get("/version").json() == {"version": "sha-4f2a9c1"}


def test_a_failure_nobody_foresaw_is_500_without_details(
    client: TestClient, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(store, "list", fail)
    answer = client.get("/api/goals")
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})
