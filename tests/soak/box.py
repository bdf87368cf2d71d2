"""The embedded Dashboard in a process of its own, with dice for a fault plan.

    python -m tests.soak.box SEED DEVELOPERS CHANCE

Its first line on stdout tells address and keys; then one JSON question a line on
stdin, and one JSON answer a line on stdout. Past the API, so nothing is struck.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.soak.dice import Dice
from tyk.sandbox import Sandbox
from tyk.sandbox.server import Listener

PASSWORD = "the-first-password-{number}"
ADDRESS = "d{number}@soak.example"
REVIEWED = ("Orders", "Stock", "Prices")
AUTOMATIC = ("Geocoding", "Weather", "Calendar")


class Box(Sandbox):
    """A sandbox whose faults are drawn."""

    def __init__(self, seed: int, chance: float) -> None:
        self.dice = Dice(seed, chance)
        super().__init__()

    def _make_listener(self, port: int) -> Listener:
        self.faults = self.dice
        return super()._make_listener(port)


def seeded(seed: int, developers: int, chance: float) -> Box:
    """An organisation with six plans and so many developers."""
    box = Box(seed, chance)
    # The harder habit: whoever approves twice makes two keys.
    box.switch(approve_again="mint")
    box.set_configuration(
        require_key_approval=True,
        key_request_fields=["What you build"],
        signup_fields=["Name", "Company", "Phone"],
    )
    for name in (*REVIEWED, *AUTOMATIC):
        policy = box.add_policy(name.lower(), rate=60, per=60)
        at_once = {"override": True, "require_key_approval": name in REVIEWED}
        box.add_entry(name, policy, config=at_once)
    for number in range(developers):
        box.add_developer(
            ADDRESS.format(number=number),
            password=PASSWORD.format(number=number),
            fields={"Name": f"Developer {number}", "Company": "none", "Phone": "none"},
        )
    return box


def truth(box: Box) -> dict[str, Any]:
    """What Tyk holds, with the ids that its API lists keys under."""
    keys = box.keys()
    return {
        "keys": [
            {
                "id": key.id,
                "developer": key.developer,
                "marker": key.marker or "",
                "live": key.live,
            }
            for key in keys
        ],
        "requests": [
            {
                "id": one["id"],
                "approved": bool(one["approved"]),
                "fields": one["fields"] or {},
            }
            for one in box.requests()
        ],
        "developers": [
            {
                "id": one["id"],
                "email": one["email"],
                "fields": one["fields"] or {},
                "keys": sorted(one["keys"] or {}),
            }
            for one in box.developers()
        ],
    }


def answer(box: Box, question: dict[str, Any]) -> dict[str, Any]:
    """One question from the run."""
    match question["do"]:
        case "chance":
            box.dice.begin(question["chance"])
            return {}
        case "land":  # what was sent late has landed now
            box.heal()
            box.wait_for_late_commits(timeout=30)
            return {}
        case "edit":
            _edit(box, question["developer"], question["company"])
            return {}
        case "truth":
            Path(question["to"]).write_text(json.dumps(truth(box)))
            return {}
        case "ids":
            return {"ids": {raw: _id_of(box, raw) for raw in question["raws"]}}
        case "passwords":
            return {"right": [box.password_is(*pair) for pair in question["pairs"]]}
        case "counts":
            return {
                "calls": box.dice.thrown,
                "struck": dict(box.dice.struck),
                "most in flight": box.journal.max_in_flight,
            }
    raise ValueError(question["do"])


def _edit(box: Box, developer: str, company: str) -> None:
    with box.world.store.change():
        fields = box.developer(developer)["fields"] or {}
        box.edit_developer(developer, fields={**fields, "Company": company})


def _id_of(box: Box, raw: str) -> str:
    try:
        return box.key_id(raw)
    except KeyError:
        return ""


def main(seed: str, developers: str, chance: str) -> None:
    """Serve until stdin ends."""
    with seeded(int(seed), int(developers), float(chance)) as box:
        people = [one["id"] for one in box.developers()]
        policies = [one["_id"] for one in box.policies()]
        _tell(
            url=box.url,
            api_key=box.api_key,
            developers=people,
            policies=policies,
        )
        for line in sys.stdin:
            _tell(**answer(box, json.loads(line)))


def _tell(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
