#!/usr/bin/env python3
"""A server with ColabFold's interface on the loopback, for tests: it makes up alignments, and misbehaves as it is told.

  colabfold_server.py PORT_FILE LOG_FILE [--port N] [--fault NAME=VALUE]... [--running N]

PORT_FILE gets the port when it listens. LOG_FILE gets a line for each request when its answer has been sent whole,
"RUN METHOD PATH KEY STATUS", where RUN is what stands behind "run=" in the User-Agent, and KEY the hash of the
request's form or of the ticket's; "begin ..." when it arrives. Tickets depend on mode and sequences alone, as in
ColabFold's server, and are kept in LOG_FILE.tickets, so that a restarted server knows them (--fault forget=1: not).

Faults: limit=N      the first N submissions are told RATELIMIT      http429=N   the same by status 429
        maintenance=1, error=SEQ    status of submissions; of polls of a ticket with that sequence
        drop=N       every Nth connection is closed in the middle    stall=N     every Nth answer comes after a second
        truncate=N   the first N archives are cut off                html=N      the first N answers are no JSON
        evil=NAME    the archive's first member has this name        wrong=1     the answer is that of other sequences
        busy=N       the first N answers are HTTP 502                nohits=1    no template hits
        order=1      blocks come in reverse order                    missing=1   no bfd...a3m in the archive
"""

import argparse
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import socketserver
import sys
import tarfile
import threading
import time
import urllib.parse

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def rows(sequence, prefix, n):
    """Homologues of a sequence, the same each time: substitutions, gaps and insertions."""
    rng = random.Random(hashlib.sha256((prefix + sequence).encode()).hexdigest())
    for k in range(n):
        row = ""
        for letter in sequence:
            u = rng.random()
            row += "-" if u < 0.05 else rng.choice(LETTERS) if u < 0.3 else letter
            if u > 0.98:
                row += rng.choice(LETTERS).lower()
        yield f">{prefix}{k}\t{100 - k}\t0.{900 - k}\t1.234E-{50 - k}\n{row}\n"


def blocks(sequences, prefix, n, reverse):
    numbered = list(enumerate(sequences, 101))
    parts = [f">{m}\n{s}\n" + "".join(rows(s, prefix, n)) for m, s in (reversed(numbered) if reverse else numbered)]
    return "\0".join(parts) + "\0"


def hits(sequences):
    text = ""
    for m, s in enumerate(sequences, 101):
        n = len(s)
        for k, (target, fident) in enumerate([("1abc_A", "0.950"), ("2xyz_B", "0.300"), ("3obs_C", "0.1")]):
            text += f"{m}\t{target}\t{fident}\t{n}\t0\t0\t1\t{n}\t1\t{n}\t{k + 1}.500E-{40 - k}\t{200 - k}\t{n}M\n"
    return text


def archive(files, evil=None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for k, (name, text) in enumerate(files.items()):
            info = tarfile.TarInfo(evil if evil and k == 0 else name)
            if evil == "link" and k == 0:
                info.name, info.type, info.linkname, text = name, tarfile.SYMTYPE, "/etc/passwd", ""
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue(), 1, mtime=0)


CIF = """data_{id}
_entry.id {id}
"""


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, o):
        self.o = o
        self.fault = {k: (v if k in ("error", "evil") else int(v)) for k, v in (f.split("=", 1) for f in o.fault)}
        self.lock = threading.Lock()
        self.count = {"request": 0, "submit": 0, "download": 0, "json": 0, "any": 0}
        self.ticket, self.polls = {}, {}
        self.log_file = open(o.log, "a")
        self.kept = o.log + ".tickets"
        if os.path.exists(self.kept) and not self.fault.get("forget"):
            for line in open(self.kept):
                ticket, endpoint, mode, sequences = line.rstrip("\n").split("\t")
                self.ticket[ticket] = (endpoint, mode, sequences.split(","))
        super().__init__(("127.0.0.1", o.port), Handler)

    def handle_error(self, request, client_address):
        # A client that was killed or gave up is part of the tests; anything else is a fault of this server and is told.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def log(self, text):
        with self.lock:
            self.log_file.write(text + "\n")
            self.log_file.flush()

    def next(self, what):
        with self.lock:
            self.count[what] += 1
            return self.count[what]

    def submit(self, endpoint, mode, sequences):
        ticket = hashlib.sha256("\t".join([endpoint, mode] + sequences).encode()).hexdigest()[:43]
        with self.lock:
            if ticket not in self.ticket:
                self.ticket[ticket] = (endpoint, mode, sequences)
                with open(self.kept, "a") as f:
                    f.write(f"{ticket}\t{endpoint}\t{mode}\t{','.join(sequences)}\n")
        return ticket

    def answer_of(self, ticket):
        endpoint, mode, sequences = self.ticket[ticket]
        if self.fault.get("wrong"):
            sequences = [s[::-1] for s in sequences]
        reverse = self.fault.get("order")
        if endpoint == "pair":
            return {"pair.a3m": blocks(sequences, "UniRef100_P", 6, reverse)}
        files = {"uniref.a3m": blocks(sequences, "UniRef100_U", 8, reverse)}
        if mode.startswith("env") and not self.fault.get("missing"):
            files["bfd.mgnify30.metaeuk30.smag30.a3m"] = blocks(sequences, "ENV_", 4, reverse)
        files["pdb70.m8"] = "" if self.fault.get("nohits") else hits(sequences)
        files["msa.sh"] = "#!/bin/sh\n"
        return files


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def run(self):
        agent = self.headers.get("User-Agent", "")
        return agent.split("run=")[1].split()[0] if "run=" in agent else "-"

    def send(self, key, status, body, kind="application/json"):
        server, fault = self.server, self.server.fault
        n = server.next("any")
        if fault.get("stall") and n % fault["stall"] == 0:
            time.sleep(1)
        if n <= fault.get("busy", 0):
            status, body = 502, b""
        drop = fault.get("drop") and n % fault["drop"] == 0
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if drop else body)
        self.wfile.flush()
        if drop:
            self.close_connection = True
            server.log(f"dropped {self.run()} {self.command} {self.path} {key}")
            self.connection.shutdown(2)
            return
        server.log(f"done {self.run()} {self.command} {self.path[:60]} {key} {status}")

    def send_json(self, key, value, status=200):
        if self.server.next("json") <= self.server.fault.get("html", 0):
            return self.send(key, 200, b"<html>busy</html>", "text/html")
        self.send(key, status, json.dumps(value).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        key = hashlib.sha256(body.encode()).hexdigest()[:12]
        self.server.log(f"begin {self.run()} POST {self.path} {key}")
        if self.path == "/graphql":
            return self.graphql(key, json.loads(body))
        fault, form = self.server.fault, urllib.parse.parse_qs(body)
        sequences = [line for line in form["q"][0].split("\n") if line and line[0] != ">"]
        n = self.server.next("submit")
        if fault.get("maintenance"):
            return self.send_json(key, {"status": "MAINTENANCE"})
        if n <= fault.get("limit", 0):
            return self.send_json(key, {"status": "RATELIMIT"})
        if n <= fault.get("http429", 0):
            return self.send_json(key, {"status": "RATELIMIT"}, 429)
        ticket = self.server.submit(self.path.rsplit("/", 1)[1], form["mode"][0], sequences)
        self.send_json(ticket[:12], {"id": ticket, "status": "PENDING"})

    def graphql(self, key, question):
        entries = []
        for entry in question["variables"]["ids"]:
            if entry != "3obs":
                ids = {"asym_ids": ["C", "B", "A"], "auth_asym_ids": ["B", "A", "A"]}
                entries.append({"rcsb_id": entry.upper(),
                                "polymer_entities": [{"rcsb_polymer_entity_container_identifiers": ids}]})
        self.send_json(key, {"data": {"entries": entries}})

    def do_GET(self):
        server, fault = self.server, self.server.fault
        what = self.path.strip("/").split("/")
        key = what[-1][:12]
        server.log(f"begin {self.run()} GET {self.path[:60]} {key}")
        if what[0] == "ticket":
            if what[1] not in server.ticket:
                return self.send_json(key, {"status": "UNKNOWN"})
            if fault.get("error") in server.ticket[what[1]][2]:
                return self.send_json(key, {"id": what[1], "status": "ERROR"})
            with server.lock:
                polls = server.polls[what[1]] = server.polls.get(what[1], 0) + 1
            status = "COMPLETE" if polls > server.o.running else "RUNNING"
            return self.send_json(key, {"id": what[1], "status": status})
        if what[:2] == ["result", "download"] and what[2] in server.ticket:
            body = archive(server.answer_of(what[2]), fault.get("evil"))
            if server.next("download") <= fault.get("truncate", 0):
                body = body[: len(body) * 2 // 3]
            return self.send(key, 200, body, "application/octet-stream")
        if what[0] == "template":
            ids = [t.split("_")[0] for t in what[1].split(",")]
            files = {f"{i}.cif": CIF.format(id=i) for i in ids if i != "3obs"}
            files["pdb70_a3m.ffdata"] = ""
            return self.send(key, 200, archive(files, fault.get("evil")), "application/octet-stream")
        self.send(key, 404, b"")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("port_file")
    p.add_argument("log")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--fault", action="append", default=[])
    p.add_argument("--running", type=int, default=1, help="polls of a ticket that are told RUNNING")
    server = Server(p.parse_args())
    with open(server.o.port_file + ".new", "w") as f:
        f.write(str(server.server_port))
    os.rename(server.o.port_file + ".new", server.o.port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
