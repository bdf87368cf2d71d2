"""A key made just now: what of it is shown, in one response and nowhere else."""

from dataclasses import dataclass, field

from keyrequests.models import Key, Mint
from tyk.dashboard.records import Minted, MintedBasic, MintedOAuth
from tyk.dashboard.secret import Secret


@dataclass(frozen=True, slots=True)
class Shown:
    """A key made just now. `pairs` are label and secret, for one response only."""

    mint: Mint
    key: Key
    pairs: list[tuple[str, Secret]] = field(repr=False)

    @property
    def kind(self) -> str:
        return self.key.kind


def kind_of(minted: Minted) -> Key.Kind:
    """What sort of key Tyk made."""
    if isinstance(minted, MintedOAuth):
        return Key.Kind.OAUTH
    if isinstance(minted, MintedBasic):
        return Key.Kind.BASIC
    return Key.Kind.TOKEN


def pairs_of(minted: Minted) -> list[tuple[str, Secret]]:
    """Its secrets, each with a label."""
    if isinstance(minted, MintedOAuth):
        return [
            ("Client id", Secret(minted.client_id)),
            ("Client secret", minted.secret),
        ]
    if isinstance(minted, MintedBasic):
        return [("User name", minted.username), ("Password", minted.password)]
    return [("Key", minted.raw)]
