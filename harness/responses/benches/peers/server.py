"""Python's ThreadingHTTPServer with one reply of 23 events, each a write of its own."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

journal = []
kinds = ["response.created", "response.output_item.added"]
kinds += ["response.output_text.delta"] * 19
kinds += ["response.output_item.done", "response.completed"]
chunks = []
for kind in kinds:
    event = f"event: {kind}\ndata: {json.dumps({'type': kind, 'delta': 'x' * 100})}\n\n".encode()
    chunks.append(f"{len(event):X}\r\n".encode() + event + b"\r\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        assert json.loads(body)["model"] == "mock-model"
        journal.append((dict(self.headers), body))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)
        self.wfile.write(b"0\r\n\r\n")


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
