"""Where the viewer of API documents lies: its files come as a package's."""

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "drf_spectacular_sidecar"


def _folder() -> Path:
    """Found without an import: the package is an app of another framework's."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{PACKAGE} is missing: install requirements.txt.")
    package = Path(spec.submodule_search_locations[0])
    return package / "static" / PACKAGE / "swagger-ui-dist"


FOLDER = _folder()
