"""Small servers on this machine: an SMTP one that can misbehave, and an HTTP one that keeps what it was asked."""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


class _Smtp(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self):
        answers, server = self.server.answers, self.server
        self.say(answers.get("hello", "220 test"))
        while line := self.rfile.readline():
            verb = line.decode(errors="replace").strip().split(":")[0].split(" ")[0].upper()
            server.heard.append(line.decode(errors="replace").strip())
            if verb == "EHLO":
                self.wfile.write(b"250-test\r\n250-AUTH PLAIN LOGIN\r\n250 SMTPUTF8\r\n")
            elif verb == "QUIT":
                return self.say("221 bye")
            elif verb == "DATA" and "DATA" not in answers:
                self.say("354 go on")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += self.rfile.readline()
                if answers.get("end") == "drop":
                    server.mails.append(text)
                    return
                if "end" not in answers:
                    server.mails.append(text)
                self.say(answers.get("end", "250 2.0.0 Ok: queued as 4711"))
            elif answers.get(verb) == "drop":
                return
            else:
                self.say(answers.get(verb, "235 ok" if verb == "AUTH" else "250 ok"))


class _SmtpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


@contextmanager
def smtp_server(**answers):
    """An SMTP server; `answers` = {verb or "hello"/"end": line, or "drop"}. Has `.port`, `.mails`, `.heard`."""
    server = _SmtpServer(("127.0.0.1", 0), _Smtp)
    server.answers, server.mails, server.heard, server.port = answers, [], [], server.server_address[1]
    with running(server):
        yield server


class _Http(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append({"path": self.path, "headers": dict(self.headers), "json": json.loads(body)})
        self.server.reply(self)

    do_GET = do_POST

    def log_message(self, *args):
        return None


def say(status=200, body=b'{"errcode": 0, "errmsg": "ok"}', **headers):
    """A reply for `http_server`."""

    def reply(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


@contextmanager
def http_server(reply=None, tls=None):
    """An HTTP server; `reply(handler)` answers. Has `.port`, `.url`, `.asked`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Http)
    server.asked, server.reply, server.port = [], reply or say(), server.server_address[1]
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.port}/hook?key=k-1"
    with running(server):
        yield server
