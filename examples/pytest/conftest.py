import json
import os
import signal
import subprocess
import urllib.request

import pytest


class Verbatim:
    """A server, and the replies that tests give to it."""

    def __init__(self, url):
        self.url = url
        self.base_url = f"{url}/v1"

    def reply(self, prompt, reply, **options):
        self._send("POST", "/api/replies", {"prompt": prompt, "reply": reply, **options})

    def fail(self, status, **options):
        self._send("POST", "/api/replies", {"error": {"status": status}, **options})

    @property
    def requests(self):
        return self._send("GET", "/api/requests")["requests"]

    def reset(self):
        self._send("DELETE", "/api/replies")
        self._send("DELETE", "/api/requests")

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def verbatim_server():
    # Serves a sample; your conversations: add "chats.json".
    command = ["npx", "--yes", "verbatim-llm", "--port", "0", "--print-url", "--journal", "1000"]
    # npx starts the server as another process: both are in a group of their own.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield Verbatim(process.stdout.readline().strip())
        os.killpg(process.pid, signal.SIGTERM)


@pytest.fixture
def verbatim(verbatim_server):
    yield verbatim_server
    verbatim_server.reset()
