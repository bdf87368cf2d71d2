"""A first call in several languages, with what its kind of key is carried in.

Pure functions. A path comes from somebody's document and the line is pasted into
a shell: an address with anything but plain characters is never put in.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from catalogue import words
from catalogue.openapi import Outline

_PLAIN = re.compile(r"\Ahttps?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~%@:/-]*)?\Z")


@dataclass(frozen=True, slots=True)
class Sample:
    """One language: `key` in addresses, `name` on the tab, the code."""

    key: str
    name: str
    code: str


def samples(kind: str, url: str) -> list[Sample]:
    """The call in every language that has a short way to send this kind of key."""
    makers = {
        "curl": ("curl", words.curl),
        "python": ("Python", _python),
        "javascript": ("JavaScript", _javascript),
        "go": ("Go", _go),
    }
    made = [Sample(key, name, make(kind, url)) for key, (name, make) in makers.items()]
    return [sample for sample in made if sample.code]


def base_url(outline: Outline | None, api_url: str) -> str:
    """Where calls go: the document's server if it is on the company's own host.

    A document may still name a machine of those who wrote it.
    """
    server = outline.get("server", "") if outline else ""
    host = host_of(server)
    same = bool(host) and host == host_of(api_url)
    return server if same and _PLAIN.match(server) else api_url


def host_of(address: str) -> str:
    """Host and port of an address; "" if it names none, or is no address at all."""
    try:
        return urlsplit(address).netloc
    except ValueError:  # `https://[tenant].example.com`: a bracket without an IPv6
        return ""


def first_call(outline: Outline | None, base: str) -> str:
    """The address of the first call that needs nothing filled in; else the base."""
    for group in outline.get("groups", []) if outline else []:
        for call in group["calls"]:
            needs = "{" in call["path"] or any(
                p["required"] for p in call["parameters"]
            )
            url = f"{base}{call['path']}"
            if call["verb"] == "GET" and not needs and _PLAIN.match(url):
                return url
    return f"{base}/"


# --- Python ------------------------------------------------------------------
_PYTHON = {
    "token": 'headers={"Authorization": os.environ["API_KEY"]},',
    "basic": 'auth=(os.environ["API_USER"], os.environ["API_PASSWORD"]),',
    "oauth": 'headers={"Authorization": f"Bearer {os.environ[\'ACCESS_TOKEN\']}"},',
    "jwt": 'headers={"Authorization": f"Bearer {os.environ[\'TOKEN\']}"},',
    "openid": 'headers={"Authorization": f"Bearer {os.environ[\'TOKEN\']}"},',
    "mtls": 'cert=("client.pem", "client-key.pem"),',
    "keyless": "",
}


def _python(kind: str, url: str) -> str:
    carried = _PYTHON.get(kind)
    if carried is None:
        return ""
    needs_os = "import os\n\n" if "os.environ" in carried else ""
    line = f"    {carried}\n" if carried else ""
    return (
        f"{needs_os}import requests\n\n"
        f'answer = requests.get(\n    "{url}",\n{line}    timeout=10,\n)\n'
        "answer.raise_for_status()\nprint(answer.json())"
    )


# --- JavaScript --------------------------------------------------------------
_JAVASCRIPT = {
    "token": "process.env.API_KEY",
    "basic": '"Basic " + btoa(`${process.env.API_USER}:${process.env.API_PASSWORD}`)',
    "oauth": "`Bearer ${process.env.ACCESS_TOKEN}`",
    "jwt": "`Bearer ${process.env.TOKEN}`",
    "openid": "`Bearer ${process.env.TOKEN}`",
    "keyless": "",
}


def _javascript(kind: str, url: str) -> str:
    value = _JAVASCRIPT.get(kind)
    if value is None:
        return ""
    options = f", {{\n  headers: {{ Authorization: {value} }},\n}}" if value else ""
    return (
        f'const answer = await fetch("{url}"{options});\n'
        "if (!answer.ok) throw new Error(answer.statusText);\n"
        "console.log(await answer.json());"
    )


# --- Go ----------------------------------------------------------------------
_GO = {
    "token": 'req.Header.Set("Authorization", os.Getenv("API_KEY"))',
    "basic": 'req.SetBasicAuth(os.Getenv("API_USER"), os.Getenv("API_PASSWORD"))',
    "oauth": 'req.Header.Set("Authorization", "Bearer "+os.Getenv("ACCESS_TOKEN"))',
    "jwt": 'req.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))',
    "openid": 'req.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))',
    "keyless": "",
}


def _go(kind: str, url: str) -> str:
    carried = _GO.get(kind)
    if carried is None:
        return ""
    line = f"\t{carried}\n" if carried else ""
    imports = ["fmt", "io", "log", "net/http", *(["os"] if line else [])]
    listed = "\n".join(f'\t"{name}"' for name in imports)
    return (
        f"package main\n\nimport (\n{listed}\n)\n\nfunc main() {{\n"
        f'\treq, err := http.NewRequest("GET", "{url}", nil)\n'
        "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n"
        f"{line}"
        "\tanswer, err := http.DefaultClient.Do(req)\n"
        "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n"
        "\tdefer answer.Body.Close()\n"
        "\tbody, _ := io.ReadAll(answer.Body)\n"
        "\tfmt.Println(answer.Status, string(body))\n}"
    )
