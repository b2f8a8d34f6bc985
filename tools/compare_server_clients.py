#!/usr/bin/env python3
"""OpenFold3's client and of3's against the same server (tests/server/colabfold_server.py): they write the same files.

  compare_server_clients.py OF3 [--work DIR]      with the Python of an environment that has openfold3 0.5.0

Compared are, byte by byte, main/*/colabfold_main.a3m, paired/*/*/colabfold_paired.a3m, template/*/colabfold_template.m8
and mappings/*; the raw files of the main request; and the paths in query_msa.json. OpenFold3 lists the sequences of a
complex in the order of a hash set: the numbers in headers of paired files, 101, 102, .., are made one number first.
Then OpenFold3 reads of3's query_msa.json, and of3 (`of3 inputs`) OpenFold3's.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
A = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEV"
B = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEG"
C = "GSHMRYIELNGKPVAVTGDWSPE"


def protein(ids, sequence):
    return {"molecule_type": "protein", "chain_ids": ids, "sequence": sequence}


QUERIES = {
    "queries": {
        "mono": {"chains": [protein(["A"], A)]},
        "homodimer": {"chains": [protein(["A", "B"], B)]},
        "hetero": {"chains": [protein(["A"], A), protein(["B", "C"], B), {"molecule_type": "rna", "chain_ids": ["R"], "sequence": "GGCU"}]},
        "three": {"chains": [protein(["A"], C), protein(["B"], B), protein(["C"], A)]},
        "again": {"chains": [protein(["X"], B), protein(["Y"], A)]},
    }
}


def reference(url, queries, out):
    """What `run_openfold align-msa-server` does, without its pauses and with the test server's names of chains."""
    from openfold3.core.data.tools import colabfold_msa_server as client
    from openfold3.core.data.tools import rscb
    from openfold3.projects.of3_all_atom.config.inference_query_format import InferenceQuerySet

    rscb._RCSB_GRAPHQL_URL = f"{url}/graphql"
    client.time.sleep = lambda _: None
    settings = out.parent / "settings.yml"
    settings.write_text(f"server_url: {url}\nmsa_file_format: a3m\n")
    out.mkdir(parents=True, exist_ok=True)
    s = client.MsaComputationSettings.from_config_with_cli_override(out, settings)
    query_set = client.preprocess_colabfold_msas(InferenceQuerySet.from_json(queries), s)
    (out / "query_msa.json").write_text(query_set.model_dump_json(indent=4))
    s.cleanup_workspace()


def files(folder, parts):
    return sorted(p.relative_to(folder) for part in parts for p in (folder / part).rglob("*") if p.is_file())


def normal(path, text):
    return re.sub(rb"(?m)^\0?>10\d$", b">10N", text) if "paired" in path.parts else text


def compare(mine, theirs):
    parts, wrong = ["main", "paired", "template", "mappings", "raw/main"], 0
    a, b = files(mine, parts), files(theirs, parts)
    if a != b:
        print("different files:", *sorted(set(a) ^ set(b)), sep="\n  ")
        wrong += 1
    for path in [p for p in a if p in b]:
        x, y = (normal(path, (d / path).read_bytes()) for d in (mine, theirs))
        if x != y:
            print(f"{path} differs")
            wrong += 1
    print(f"{len(a)} files compared, {wrong} differences")
    return wrong


def paths_of(folder):
    found = {}
    for name, q in json.loads((folder / "query_msa.json").read_text())["queries"].items():
        for c in q["chains"]:
            for key in ("main_msa_file_paths", "paired_msa_file_paths", "template_alignment_file_path"):
                value = c[key]
                value = [value] if isinstance(value, str) else value
                found[name, tuple(c["chain_ids"]), key] = value and [str(Path(p).relative_to(folder)) for p in value]
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("of3")
    p.add_argument("--work")
    o = p.parse_args()
    work = Path(o.work or tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    queries = work / "queries.json"
    queries.write_text(json.dumps(QUERIES))
    server = subprocess.Popen([sys.executable, ROOT / "tests/server/colabfold_server.py", work / "port", work / "log"])
    while not (work / "port").exists():
        time.sleep(0.05)
    url = f"http://127.0.0.1:{(work / 'port').read_text()}"
    wrong = 0
    try:
        mine, theirs = work / "of3", work / "openfold3"
        subprocess.run([o.of3, "align-msa-server", queries, "-o", mine, "--server-url", url, "--server-chains-url",
                        f"{url}/graphql", "--server-poll", "0.01", "--cache", work / "cache", "--log", "warn"], check=True)
        reference(url, queries, theirs)
        wrong += compare(mine, theirs)
        x, y = paths_of(mine), paths_of(theirs)
        for key in sorted(set(x) | set(y)):
            if x.get(key) != y.get(key):
                print("paths differ:", key, x.get(key), y.get(key))
                wrong += 1
        print(f"{len(x)} paths compared")
        from openfold3.projects.of3_all_atom.config.inference_query_format import InferenceQuerySet

        print("OpenFold3 reads of3's query_msa.json:", len(InferenceQuerySet.from_json(mine / "query_msa.json").queries))
        inputs = subprocess.run([o.of3, "inputs", theirs / "query_msa.json", "--json"], capture_output=True, text=True,
                                env={**os.environ, "OF3_CCD": ""})
        rows = {q["name"]: q.get("msa_rows") for q in json.loads(inputs.stdout)[0]["queries"]}
        print("of3 reads OpenFold3's:", rows)
    finally:
        server.terminate()
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
