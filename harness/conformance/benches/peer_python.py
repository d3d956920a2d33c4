"""The peer of the `scenario` benchmark: the same scenario, written the way it is by hand today.

One threaded HTTP server from the standard library plays the model, the official Python SDK drives a
fresh real app-server, and everything is torn down at the end. Each line on stdin asks for one run;
each is answered with its wall time in milliseconds on stdout.

Usage: peer_python.py CODEX_BINARY   (needs the PyPI package openai-codex 0.163.0)
"""

import json
import shutil
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from openai_codex import ApprovalMode, Codex, CodexConfig, Sandbox


def events(reply_id, item):
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    yield {"type": "response.created", "response": {"id": reply_id}}
    yield {"type": "response.output_item.done", "item": item}
    yield {"type": "response.completed", "response": {"id": reply_id, "usage": usage}}


def call(call_id, command):
    arguments = json.dumps({"cmd": command})
    return {"type": "function_call", "call_id": call_id, "name": "exec_command", "arguments": arguments}


def message(text):
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "id": "msg", "content": content}


def model(replies):
    """A server that answers each POST with the next of `replies`, and keeps the requests."""
    pending, requests = iter(replies), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for event in events(f"resp-{len(requests)}", next(pending)):
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()
            self.close_connection = True

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, requests


def run(codex_binary):
    root = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="peer-"))
    for name in ("codex-home", "home", "workspace", "outside"):
        (root / name).mkdir()
    denied, allowed = root / "outside/denied.txt", root / "outside/allowed.txt"
    server, requests = model([
        call("denied", f"printf %s rejected > {denied}"),
        message("deny-all shell completed"),
        call("allowed", f"printf %s dangerous > {allowed}"),
        message("bypass shell completed"),
    ])
    (root / "codex-home/config.toml").write_text(
        'model = "mock-model"\nmodel_provider = "mock"\n'
        'approval_policy = "never"\nsandbox_mode = "read-only"\n'
        '[model_providers.mock]\nname = "mock"\nwire_api = "responses"\n'
        f'base_url = "http://127.0.0.1:{server.server_port}/v1"\n'
        "request_max_retries = 0\nstream_max_retries = 0\n"
    )
    environment = {"CODEX_HOME": str(root / "codex-home"), "HOME": str(root / "home")}
    config = CodexConfig(codex_bin=codex_binary, cwd=str(root / "workspace"), env=environment)
    with Codex(config) as codex:
        thread = codex.thread_start(approval_mode=ApprovalMode.deny_all)
        result = thread.run("write outside the workspace")
        assert result.final_response == "deny-all shell completed", result
        assert not denied.exists()
        thread = codex.thread_start(approval_mode=ApprovalMode.deny_all, sandbox=Sandbox.full_access)
        result = thread.run("write outside the workspace")
        assert result.final_response == "bypass shell completed", result
        assert allowed.read_text() == "dangerous"
    assert len(requests) == 4
    server.shutdown()
    server.server_close()
    shutil.rmtree(root)


for _ in sys.stdin:
    started = time.perf_counter()
    run(sys.argv[1])
    print((time.perf_counter() - started) * 1000, flush=True)
