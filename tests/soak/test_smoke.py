"""A small soak in which nothing goes wrong: every part of it works.

Half a minute of one core: part of `make soak`. The checker's own tests are part of
`make test`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal_site.runner.plan import ROOT

pytestmark = pytest.mark.skipif(
    os.environ.get("SOAK") != "1", reason="half a minute: make soak"
)


def test_a_calm_run_keeps_every_promise(tmp_path: Path):
    told = tmp_path / "soak.json"
    argv = [sys.executable, "-m", "tests.soak", "-n", "4", "--seconds", "20"]
    argv += ["--calm", "--chance", "0", "--json", str(told)]

    run = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 -- argv is ours

    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(told.read_text())
    assert found["problems"] == []
    assert found["sweeps"] == 1
    assert found["accepted"] == 4
    assert found["history"]["ask"] == {"ok": 4, "fail": 0, "unknown": 0}
    assert not {"pending", "approved"} & set(found["rows"]["requests"])
    assert "| requests lost | 0 |" in told.with_suffix(".md").read_text()
