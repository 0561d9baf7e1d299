"""A stand-in for the Hugging Face Hub on this machine, as far as huggingface_hub speaks with it for models.

It keeps commits of repositories in memory: who may read and write them, files of git, and files of Git LFS, which
clients are sent to by another address.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN, OTHER = "hf_of_ada_and_secret", "hf_of_bea"
PEOPLE = {TOKEN: "ada", OTHER: "bea"}


@dataclass
class Repo:
    """Commits by their number, the newest last, and names that stand for some."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, files: dict[str, bytes]) -> str:
        before = dict(self.commits[self.names["main"]]) if "main" in self.names else {}
        commit = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[commit] = before | files
        self.names["main"] = commit
        return commit

    def commit(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.names.get(revision)


class Hub(ThreadingHTTPServer):
    """The server, at `address`.

    Attributes:
        repos: by USER/NAME.
        altered: content that comes in place of a file's own, of the same length or not.
        asked: method and path of each request, with the name of whose token came with it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict[str, Repo] = {}
        self.uploads: dict[str, bytes] = {}
        self.altered: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def storage(self) -> str:
        """The address by another name, to which no token may go."""
        return f"http://localhost:{self.server_port}"


@contextmanager
def serving() -> Iterator[Hub]:
    """Serve until the end of the block."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


def is_large(name: str) -> bool:
    """Whether a file is one of Git LFS, by the .gitattributes that the Hub gives a new repository."""
    return name.endswith(".safetensors")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def _any(self) -> None:
        body = self._body()
        path = unquote(urlsplit(self.path).path)
        sent = self.headers.get("Authorization")
        who = None if sent is None else PEOPLE.get(sent.removeprefix("Bearer "))
        self.server.asked.append((self.command, path, who))
        if sent is not None and who is None:
            self._refuse(401, "", "Invalid credentials in Authorization header")
            return
        for pattern, method in ROUTES:
            found = re.fullmatch(pattern, path)
            if found is not None:
                getattr(self, method)(who, body, *found.groups())
                return
        self._refuse(404, "", f"no route {self.command} {path}")

    do_GET = do_HEAD = do_POST = do_PUT = _any

    def whoami(self, who: str | None, body: bytes) -> None:
        if who is None:
            self._refuse(401, "", "Invalid username or password.")
            return
        self._json({"type": "user", "name": who, "auth": {"type": "access_token"}})

    def validate(self, who: str | None, body: bytes) -> None:
        text = json.loads(body)["content"]
        bad = not text.startswith("---\n") or "license: bad" in text
        self._json(
            {"errors": [{"message": '"license" must be one of [...]'}] if bad else [], "warnings": []},
            400 if bad else 200,
        )

    def create(self, who: str | None, body: bytes) -> None:
        asked = json.loads(body)
        repo = f"{asked['organization']}/{asked['name']}"
        if who != asked["organization"]:
            self._refuse(403, "", "You don't have the rights to create a model under this namespace")
            return
        if repo in self.server.repos:
            self._refuse(409, "", "You already created this model repo")
            return
        made = self.server.repos[repo] = Repo(asked.get("visibility") == "private")
        made.add({".gitattributes": b"*.safetensors filter=lfs\n"})
        self._json({"url": f"{self.server.address}/{repo}"})

    def info(self, who: str | None, body: bytes, repo: str, revision: str | None = None) -> None:
        found = self._readable(who, repo)
        if found is None:
            return
        commit = found.commit(revision or "main")
        if commit is None:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        files = []
        for name, content in found.commits[commit].items():
            one: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": _git(content)}
            if is_large(name):
                one["lfs"] = {"sha256": _sha(content), "size": len(content), "pointerSize": 130}
                one["blobId"] = _git(b"pointer")
            files.append(one)
        self._json({"id": repo, "modelId": repo, "sha": commit, "private": found.private, "siblings": files})

    def resolve(self, who: str | None, body: bytes, repo: str, revision: str, name: str) -> None:
        found = self._readable(who, repo)
        if found is None:
            return
        commit = found.commit(revision)
        if commit is None or name not in found.commits[commit]:
            code = "RevisionNotFound" if commit is None else "EntryNotFound"
            self._refuse(404, code, code)
            return
        content = found.commits[commit][name]
        headers = {"X-Repo-Commit": commit}
        if is_large(name):
            headers |= {
                "X-Linked-Etag": f'"{_sha(content)}"',
                "X-Linked-Size": str(len(content)),
                "Location": f"{self.server.storage}/of-lfs/{repo}/{commit}/{name}",
            }
            self._answer(302, b"", headers)
            return
        self._answer(200, self.server.altered.get(name, content), headers | {"ETag": f'"{_git(content)}"'})

    def large(self, who: str | None, body: bytes, repo: str, commit: str, name: str) -> None:
        content = self.server.repos[repo].commits[commit][name]
        self._answer(200, self.server.altered.get(name, content), {"ETag": f'"{_sha(content)}"'})

    def preupload(self, who: str | None, body: bytes, repo: str, revision: str) -> None:
        if not self._writable(who, repo):
            return
        now = self.server.repos[repo]
        held = now.commits[now.names[revision]]
        files = []
        for asked in json.loads(body)["files"]:
            name = asked["path"]
            oid = None if name not in held else (_sha if is_large(name) else _git)(held[name])
            mode = "lfs" if is_large(name) else "regular"
            files.append({"path": name, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._json({"files": files})

    def batch(self, who: str | None, body: bytes, repo: str) -> None:
        objects = []
        for each in json.loads(body)["objects"]:
            href = f"{self.server.address}/upload/{repo}/{each['oid']}"
            verify = {"href": f"{self.server.address}/verify/{repo}"}
            objects.append(each | {"actions": {"upload": {"href": href}, "verify": verify}})
        self._json({"transfer": "basic", "objects": objects})

    def upload(self, who: str | None, body: bytes, repo: str, oid: str) -> None:
        self.server.uploads[oid] = body
        self._answer(200, b"", {})

    def verify(self, who: str | None, body: bytes, repo: str) -> None:
        asked = json.loads(body)
        content = self.server.uploads.get(asked["oid"], b"")
        same = _sha(content) == asked["oid"] and len(content) == asked["size"]
        self._answer(200 if same else 422, b"", {})

    def commit(self, who: str | None, body: bytes, repo: str, revision: str) -> None:
        if not self._writable(who, repo):
            return
        found, files = self.server.repos[repo], {}
        for line in body.splitlines():
            one = json.loads(line)
            key, value = one["key"], one["value"]
            if key == "header":
                if value.get("parentCommit", found.names["main"]) != found.names["main"]:
                    self._refuse(412, "", "A commit has happened since.")
                    return
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                assert key == "lfsFile"
                files[value["path"]] = self.server.uploads[value["oid"]]
        made = found.add(files)
        self._json({"success": True, "commitOid": made, "commitUrl": f"{self.server.address}/{repo}/commit/{made}"})

    def _readable(self, who: str | None, repo: str) -> Repo | None:
        found = self.server.repos.get(repo)
        if found is None or (found.private and who != repo.partition("/")[0]):
            self._refuse(404 if who else 401, "RepoNotFound", "Repository not found")
            return None
        return found

    def _writable(self, who: str | None, repo: str) -> bool:
        if who == repo.partition("/")[0]:
            return True
        self._refuse(403, "", "You have no write access")
        return False

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _json(self, value: Any, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
        self._answer(status, json.dumps({"error": message}).encode(), headers | {"Content-Type": "application/json"})

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


_REPO = r"([\w.-]+/[\w.-]+)"
ROUTES = (
    (r"/api/whoami-v2", "whoami"),
    (r"/api/validate-yaml", "validate"),
    (r"/api/repos/create", "create"),
    (rf"/api/models/{_REPO}", "info"),
    (rf"/api/models/{_REPO}/revision/(.+)", "info"),
    (rf"/api/models/{_REPO}/preupload/(.+)", "preupload"),
    (rf"/api/models/{_REPO}/commit/(.+)", "commit"),
    (rf"/{_REPO}\.git/info/lfs/objects/batch", "batch"),
    (rf"/upload/{_REPO}/(\w+)", "upload"),
    (rf"/verify/{_REPO}", "verify"),
    (rf"/of-lfs/{_REPO}/(\w+)/(.+)", "large"),
    (rf"/{_REPO}/resolve/([^/]+)/(.+)", "resolve"),
)
"""Paths, and the method that answers each."""


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _git(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
