"""PagerDuty's Events API at its HTTP edge: answers that a test scripts, requests that it reads back."""

from __future__ import annotations

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class EventsApi:
    """POST /v2/enqueue: 202 unless ``answers`` holds another status for the next request."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.answers: deque[int] = deque()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                event = json.loads(raw)
                api.received.append(event)
                status = api.answers.popleft() if api.answers else 202
                answer = (
                    {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
                    if status == 202
                    # The real one quotes what it did not like.
                    else {"status": "invalid event", "errors": [f"routing_key {event['routing_key']} is bad"]}
                )
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: the test asserts on `received`."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v2/enqueue"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
