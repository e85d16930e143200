"""A small stand-in for an S3-compatible store: objects in a dict, the verbs the storage uses, signatures not checked."""

import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    @property
    def key(self):
        return unquote(urlsplit(self.path).path).split("/", 2)[2]

    def do_PUT(self):
        self.server.asked.append(("PUT", self.headers.get("Authorization", "")[:16]))
        self.server.objects[self.key] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, ETag='"x"')

    def do_DELETE(self):
        self.server.objects.pop(self.key, None)
        self.answer(204)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if "list-type" in query or "prefix" in query:
            return self.listing(query.get("prefix", [""])[0])
        body = self.server.objects.get(self.key)
        if body is None:
            return self.answer(404)
        return self.answer(200, body, ETag='"x"', Last_Modified=formatdate(usegmt=True))

    def listing(self, prefix):
        names = [name[len(prefix) :] for name in sorted(self.server.objects) if name.startswith(prefix)]
        folders = dict.fromkeys(name.split("/")[0] + "/" for name in names if "/" in name)
        files = [name for name in names if "/" not in name]
        body = "".join(f"<CommonPrefixes><Prefix>{prefix}{name}</Prefix></CommonPrefixes>" for name in folders)
        body += "".join(f"<Contents><Key>{prefix}{name}</Key><Size>1</Size></Contents>" for name in files)
        self.answer(200, PAGE.format(body).encode(), Content_Type="application/xml")

    def log_message(self, *args):
        """Quiet."""


class Store:
    """A running store; `objects` = {key: bytes}."""

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.objects, self.server.asked = {}, []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    @property
    def objects(self):
        return self.server.objects

    @property
    def options(self):
        return {
            "bucket_name": "kaihai",
            "endpoint_url": f"http://127.0.0.1:{self.server.server_address[1]}",
            "access_key": "key",
            "secret_key": "secret",
            "region_name": "cn-test",
            "style": "path",
        }
