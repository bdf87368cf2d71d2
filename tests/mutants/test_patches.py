"""The seeded bugs still fit the code; that each is caught is `make mutants`."""

import shutil

import pytest

from tests.mutants.tree import ROOT, Mutant, Stale, copy_tree, demand_applies, mutants

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_bug_fits_the_code_and_names_a_test(mutant: Mutant):
    demand_applies(ROOT, mutant)

    path, _, name = mutant.test.partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text()


def test_patch_that_no_longer_applies_says_so(tmp_path):
    mutant = mutants()[-1]
    path = tmp_path / "tyk" / "seal.py"
    path.parent.mkdir()
    path.write_text("sealed = otherwise\n")

    with pytest.raises(Stale, match=r"seal\.py"):
        demand_applies(tmp_path, mutant)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_copy_holds_what_is_here_and_nothing_ignored(tmp_path):
    copy_tree(tmp_path)

    assert (tmp_path / "tyk" / "seal.py").read_bytes() == (
        ROOT / "tyk" / "seal.py"
    ).read_bytes()
    assert not (tmp_path / ".venv").exists()
    assert not list(tmp_path.rglob("*.pyc"))
