"""Makes `.venv` with everything in it, then hands over; standard library only.

Run with whatever Python the machine has, so even an old one must be able to read
it and say that it is too old:
    python3 -I portal_site/bootstrap.py install [--dev]   make or refresh .venv
    python3 -I portal_site/bootstrap.py run               ... and become the portal
    python3 -I portal_site/bootstrap.py clean             remove DATA_DIR and .venv
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, NoReturn  # noqa: UP035 -- collections.abc[...] is 3.9

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
NEEDED = (3, 11)
_NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
_TOLD = ("Collecting ", "Building ", "Installing ")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def give_up(line: str) -> NoReturn:
    """End with one clear line."""
    sys.stderr.write(line + "\n")
    sys.exit(2)


def ensure_python() -> None:
    """Go on only under Python 3.11 or newer; another one on PATH is taken up."""
    if is_new_enough(sys.executable):
        return
    for name in _NEWER:
        path = shutil.which(name)
        if path and is_new_enough(path):
            os.execv(path, [path, "-I", __file__, *sys.argv[1:]])  # noqa: S606 -- no shell
    give_up(
        f"Python 3.11 or newer is needed, this one is {version()}. Install it, or "
        "name one: PYTHON=/path/to/python3.11 make run"
    )


def is_new_enough(python: str) -> bool:
    """Whether that interpreter runs and is one of those we support."""
    if python == sys.executable:
        return sys.version_info >= NEEDED
    asked = f"import sys; sys.exit(sys.version_info < {NEEDED})"
    return quietly([python, "-c", asked]) == 0


def quietly(argv: "list[str]") -> int:
    """The exit code of a command that says nothing; 127 if it can't be started."""
    nowhere = subprocess.DEVNULL
    try:
        return subprocess.call(argv, stdout=nowhere, stderr=nowhere)  # noqa: S603 -- ours
    except OSError:
        return 127


def version() -> str:
    return ".".join(str(number) for number in sys.version_info[:3])


def python() -> Path:
    return VENV / "bin" / "python"


def requirements(dev: bool) -> "list[Path]":
    names = ["requirements.txt"] + (["requirements-dev.txt"] if dev else [])
    return [ROOT / name for name in names]


def fingerprint(dev: bool) -> str:
    """Changes whenever what is installed may no longer be what is asked for."""
    digest = hashlib.sha256()
    for file in requirements(dev):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def stamp(dev: bool) -> Path:
    return VENV / (".installed-dev" if dev else ".installed")


def up_to_date(dev: bool) -> bool:
    return (
        os.access(str(python()), os.X_OK)
        and stamp(dev).is_file()
        and stamp(dev).read_text() == fingerprint(dev)
    )


def install(dev: bool) -> None:
    """Bring `.venv` up to date; quick when nothing changed since last time."""
    if up_to_date(dev) or (not dev and up_to_date(True)):
        return
    VENV.mkdir(exist_ok=True)
    with locked(VENV / ".lock", wait=True):
        if up_to_date(dev):  # somebody else did it while this one waited
            return
        uv = shutil.which("uv") or ""
        if not is_new_enough(str(python())):
            make_venv(uv)
        fill_venv(uv, dev)
        stamp(dev).write_text(fingerprint(dev))


def make_venv(uv: str) -> None:
    """Make `.venv` with this Python; uv is only the quicker way if it is there."""
    say(f"Making the virtual environment .venv (Python {version()})")
    if uv:
        argv = [uv, "venv", "--quiet", "--seed", "--allow-existing"]
        argv += ["--python", sys.executable, str(VENV)]
    else:
        if importlib.util.find_spec("ensurepip") is None:
            give_up(
                "This Python can't make virtual environments: its venv module is not "
                "complete. On Debian and Ubuntu: sudo apt install python3-venv"
            )
        argv = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.call(argv) != 0:  # noqa: S603 -- this Python or a found uv
        give_up("The virtual environment could not be made: the reason stands above.")


def fill_venv(uv: str, dev: bool) -> None:
    files = requirements(dev)
    names = " and ".join(file.name for file in files)
    say(f"Installing {names}; the first time takes a minute or so")
    if uv:
        argv = [uv, "pip", "install", "--python", str(python())]
    else:
        argv = [str(python()), "-m", "pip", "install", "--no-input"]
        argv += ["--disable-pip-version-check", "--progress-bar", "off"]
    if not with_progress([*argv, "-r", str(files[-1])]):
        give_up(
            "Installing failed; the reason stands above. Most often the package "
            "index can't be reached: check the network, or set HTTPS_PROXY or "
            "PIP_INDEX_URL, and give the same command again."
        )


def with_progress(argv: "list[str]") -> bool:
    """Run an installer, show a line for each package; whether it succeeded."""
    installer = subprocess.Popen(argv, stdout=subprocess.PIPE)  # noqa: S603 -- pip or uv
    assert installer.stdout is not None  # noqa: S101 -- asked for above
    for raw in installer.stdout:
        line = raw.decode(errors="replace").strip()
        if line.startswith(_TOLD):
            say("  " + line.partition(" (from")[0].partition(":")[0])
    return installer.wait() == 0


@contextmanager
def locked(path: Path, wait: bool) -> "Iterator[bool]":
    """Hold a lock on a file; yields False if another has it and `wait` is False."""
    import fcntl  # not on Windows, where main() has given up before

    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            yield False
        else:
            yield True


def become_portal() -> NoReturn:
    """Replace this process by the runner: one process for `make` to wait for."""
    os.environ["RUN_PARENT"] = str(os.getppid())
    os.chdir(str(ROOT))
    argv = [str(python()), "-m", "portal_site.runner"]
    os.execv(argv[0], argv)  # noqa: S606 -- no shell is wanted


def clean() -> None:
    """Start over: remove the portal's data and the virtual environment."""
    data_dir = Path(os.environ.get("DATA_DIR") or str(ROOT / ".run")).absolute()
    if data_dir.is_dir():
        remove_data(data_dir)
    shutil.rmtree(str(VENV), ignore_errors=True)
    say(f"Removed {data_dir} and {VENV}.")


def remove_data(data_dir: Path) -> None:
    """Remove a folder that a run made, unless a portal runs on it."""
    if any(data_dir.iterdir()) and not (data_dir / "lock").exists():
        give_up(f"{data_dir} was not made by make run: not removed.")
    with locked(data_dir / "lock", wait=False) as held:
        if not held:
            give_up(f"A portal runs on {data_dir}: stop it first.")
        shutil.rmtree(str(data_dir))


def main() -> None:
    if os.name != "posix":
        give_up("Linux or macOS is needed (on Windows: WSL).")
    ensure_python()
    what = sys.argv[1] if len(sys.argv) > 1 else "install"
    if what == "clean":
        clean()
    else:
        install(dev="--dev" in sys.argv)
        if what == "run":
            become_portal()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        give_up("\nStopped. The same command goes on where it was.")
