"""The goals API."""

from __future__ import annotations

import json
import logging
import os
import sys
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import server
from store import Goal, MemoryStore, PostgresStore, Store, StoreUnavailableError

PORT = 8080
VERSION = os.environ.get("APP_VERSION", "dev")
MAX_TEXT_LENGTH = 500
# Room for the longest text with every character written as a JSON escape.
MAX_BODY_BYTES = 8 * 1024
# What a Postgres bigint can hold.
MAX_ID = 2**63 - 1


def create_app(store: Store) -> Starlette:
    """The application, with its goals in `store`, which it opens and closes itself."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await store.open()
        try:
            yield
        finally:
            await store.close()

    async def health(_: Request) -> Response:
        """Liveness. Never asks the database: restarting this process would not mend it."""
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        try:
            await store.ping()
        except StoreUnavailableError as error:
            body = {"status": "not ready", "reason": f"the database does not answer: {error}"}
            return JSONResponse(body, 503)
        return JSONResponse({"status": "ready"})

    async def version(_: Request) -> Response:
        return JSONResponse({"version": VERSION})

    async def list_goals(_: Request) -> Response:
        return JSONResponse({"goals": [_as_json(goal) for goal in await store.list()]})

    async def add_goal(request: Request) -> Response:
        goal = await store.add(_goal_text(await _read_body(request)))
        return JSONResponse(_as_json(goal), 201, {"Location": f"/api/goals/{goal.id}"})

    async def delete_goal(request: Request) -> Response:
        goal_id: int = request.path_params["goal_id"]
        if goal_id > MAX_ID or not await store.delete(goal_id):
            raise HTTPException(404, f"there is no goal {goal_id}")
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route("/version", version),
            Route("/api/goals", list_goals, methods=["GET"]),
            Route("/api/goals", add_goal, methods=["POST"]),
            Route("/api/goals/{goal_id:int}", delete_goal, methods=["DELETE"]),
        ],
        exception_handlers={
            HTTPException: _http_error,
            StoreUnavailableError: _unavailable,
            Exception: _internal_error,
        },
        lifespan=lifespan,
    )


def _as_json(goal: Goal) -> dict[str, object]:
    return {"id": goal.id, "text": goal.text, "created_at": goal.created_at.isoformat()}


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _goal_text(body: bytes) -> str:
    """The text of a goal sent as {"text": …}, with runs of white space made one space."""
    try:
        goal = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    text = goal.get("text") if isinstance(goal, dict) else None
    if not isinstance(text, str):
        raise HTTPException(400, 'the body must be {"text": "…"}')
    text = " ".join(text.split())
    if not text:
        raise HTTPException(400, "text is empty")
    if len(text) > MAX_TEXT_LENGTH:
        raise HTTPException(400, f"text is longer than {MAX_TEXT_LENGTH} characters")
    # Postgres stores neither NUL nor lone surrogates; the other control characters are no text.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise HTTPException(400, "text contains control characters")
    return text


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _unavailable(_: Request, error: Exception) -> Response:
    logging.getLogger("goals").warning("the database does not answer: %s", error)
    return JSONResponse({"error": "the database does not answer"}, 503, {"Retry-After": "2"})


async def _internal_error(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "internal error"}, 500)


def main() -> None:
    """Serve with Postgres, or with STORE=memory without any database."""
    store: Store
    if os.environ.get("STORE") == "memory":
        store = MemoryStore()
    else:
        try:
            store = PostgresStore(os.environ)
        except KeyError as missing:
            sys.exit(f"environment variable {missing.args[0]} is not set")
    server.run(create_app(store), PORT)


if __name__ == "__main__":
    main()
