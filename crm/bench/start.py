"""P19: from a copy of the source tree to a page one can sign in at."""

import http.client
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from django.conf import settings

from . import NotMeasured, Options, Result, target
from .serving import free_port

COLD, AGAIN = 60, 5
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    "node_modules",
    "var",
    "build",
    "vendor",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
)


def start(tree: Path, data: Path) -> float:
    """Seconds from starting script/server to an answered sign-in page; stops it again."""
    port = free_port()
    kept = {
        name: os.environ[name]
        for name in (
            "PATH",
            "HOME",
            "LANG",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "PIP_INDEX_URL",
            "PIP_CERT",
            "SSL_CERT_FILE",
            "npm_config_registry",
        )
        if name in os.environ
    }
    begun = time.monotonic()
    with tempfile.TemporaryFile() as noise:
        server = subprocess.Popen(
            ["script/server"],
            cwd=tree,
            env={**kept, "DATA_DIR": str(data), "PORT": str(port)},
            stdout=noise,
            stderr=noise,
        )
        try:
            while time.monotonic() - begun < 600:
                if server.poll() is not None:
                    noise.seek(0)
                    raise NotMeasured(f"script/server ended: {noise.read()[-400:].decode(errors='replace')}")
                if _answers(port):
                    return time.monotonic() - begun
                time.sleep(0.05)
            raise NotMeasured("script/server did not answer within ten minutes")
        finally:
            server.terminate()
            server.wait(30)


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/login/")
        answer = connection.getresponse()
        return answer.status == 200 and "登录".encode() in answer.read()
    except OSError:
        return False


@target("P19")
def p19(options: Options) -> Result:
    with tempfile.TemporaryDirectory(prefix="kaihai-start-") as folder:
        tree, data = Path(folder) / "tree", Path(folder) / "data"
        shutil.copytree(settings.BASE_DIR, tree, ignore=LEFT_OUT, symlinks=True)
        cold = start(tree, data)
        again = sorted(start(tree, data) for _ in range(3))[1]
    return Result(
        "P19",
        cold,
        "<= 60",
        "s",
        f"script/server from a bare copy of the source tree to its sign-in page: packages, assets, migrations, demo company, packages in pip's and npm's cache; "
        f"second start {again:.1f} s (at most {AGAIN} s, median of 3); {os.cpu_count()} cores",
        also=again <= AGAIN,
    )
