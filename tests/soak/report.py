"""What a soak found, as JSON and as Markdown to paste."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.place import machine
from tests.soak.run import SWEEPS, Found

PROMISES = {
    "lost": "requests lost",
    "doubled": "keys or requests doubled",
    "stranger": "keys made by hand and removed",
    "dead": "shown keys that do not work",
    "undead": "ended keys that work",
    "mirror": "developers whose keys differ here",
    "password": "passwords other than told",
    "edit": "profile wishes lost",
    "under way": "left owed or unsure",
    "error": "pages and handlers that broke",
}


def as_json(found: Found) -> dict[str, Any]:
    """Everything, ready for a file. Holds no key and no password."""
    return {
        "kept": found.kept,
        "machine": machine(),
        **asdict(found),
    }


def write(found: Found, path: Path) -> None:
    """The file, and the page beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_json(found), indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(found))


def markdown(found: Found) -> str:
    """A summary for docs/reliability.md."""
    plan, here = found.plan, machine()
    counted = dict.fromkeys(PROMISES, 0)
    for problem in found.problems:
        counted[problem.promise] = counted.get(problem.promise, 0) + 1
    struck, calls = sum(found.struck.values()), found.calls
    broken = ", ".join(f"{n} {what}" for what, n in sorted(found.broken.items()))
    lines = [
        f"`python -m tests.soak -n {plan.requests} --seconds {plan.seconds:.0f} "
        f"--seed {plan.seed}`: {here['cores']} cores, {here['processor']}, Python "
        f"{here['python']}, load {os.getloadavg()[1]:.0f}.",
        "",
        f"{found.accepted} requests of {plan.developers} developers accepted; "
        f"{calls} calls to the Dashboard, {struck} of them "
        f"({100 * struck / max(1, calls):.0f} %) struck. Broken meanwhile: {broken}.",
        "",
        "| promise | broken |",
        "|---|---|",
        *(f"| {PROMISES.get(name, name)} | {n} |" for name, n in counted.items()),
        f"| sweeps until all was at rest (at most {SWEEPS}) | {found.sweeps} |",
        f"| requests not decided or claimed when time was over | {found.left} |",
        f"| rows parked until a person looked | {sum(found.for_a_person.values())} |",
        f"| edits by hand undone by a whole record that landed late "
        f"| {found.undone_by_hand} |",
        "",
        "| people did | ok | refused | answer lost |",
        "|---|---|---|---|",
        *(
            f"| {what} | {n['ok']} | {n['fail']} | {n['unknown']} |"
            for what, n in found.history.items()
        ),
        "",
        "| process, nobody killed | seconds | MiB, second and last third | open files |",
        "|---|---|---|---|",
        *(
            f"| {name} | {r['seconds']} | {r['MiB'][0]}, {r['MiB'][1]} "
            f"| {r['files'][0]}, {r['files'][1]} |"
            for name, r in found.gauges.items()
        ),
        "",
        f"Pages under chaos: {found.pages}. "
        "Seconds: " + ", ".join(f"{leg} {s}" for leg, s in found.seconds.items()) + ".",
    ]
    return "\n".join(lines) + "\n"


def tell(found: Found) -> str:
    """The page, and each broken promise by name."""
    broken = [f"  {p.promise}: {p.what}" for p in found.problems[:60]]
    more = [f"  … and {len(found.problems) - 60} more"] * (len(found.problems) > 60)
    faults = ["The crowd itself failed:", *found.crowd_faults[:3]]
    verdict = "Every promise was kept." if found.kept else "NOT KEPT"
    return "\n".join(
        [
            markdown(found),
            *(faults if found.crowd_faults else []),
            verdict,
            *broken,
            *more,
            "",
        ]
    )
