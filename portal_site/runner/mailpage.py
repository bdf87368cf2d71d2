"""The mail page of `make run`: what the portal sent, on a loopback port of its own.

    python -m portal_site.runner.mailpage --port 8025 --dir DIR

A mail is a stranger's HTML: it is shown in a sandboxed frame, from an address of
its own with a policy of its own, and everything around it is escaped.
"""

import argparse
import html
import re
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from portal_site.runner import mailbox, ports
from portal_site.runner.mailbox import Mail

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# Links of a mail may open in a window of their own; nothing in it may run.
_FRAME = "allow-popups allow-popups-to-escape-sandbox"
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    f"form-action 'none'; frame-ancestors 'self'; sandbox {_FRAME}"
)
_CSS = Path(__file__).with_name("mailpage.css")


def list_page(mails: list[Mail]) -> str:
    """Every mail, newest first; it reloads itself."""
    rows = "".join(_row(mail) for mail in mails)
    empty = '<p class="empty">No mail yet. What the portal sends appears here.</p>'
    return _page("Mail", f"<ol>{rows}</ol>" if rows else empty, reload=True)


def _row(mail: Mail) -> str:
    return (
        f'<li><a href="/mail/{mail.number}">{_e(mail.subject) or "(no subject)"}</a>'
        f"<span>{_e(mail.to)}</span>{_when(mail.written)}</li>"
    )


def mail_page(mail: Mail) -> str:
    """One mail: head, text with links, and its HTML in a frame."""
    parts = [
        '<p><a href="/">All mail</a></p>',
        f"<h1>{_e(mail.subject) or '(no subject)'}</h1>",
        f"<dl><dt>To</dt><dd>{_e(mail.to)}</dd>"
        f"<dt>From</dt><dd>{_e(mail.sender)}</dd>"
        f"<dt>Sent</dt><dd>{_when(mail.written)}</dd></dl>",
        f"<pre>{with_links(mail.text)}</pre>",
    ]
    if mail.html:
        parts.append(
            f'<h2>As HTML</h2><iframe src="/mail/{mail.number}/html" '
            f'sandbox="{_FRAME}" title="The mail as HTML"></iframe>'
        )
    return _page(mail.subject or "Mail", "".join(parts))


def with_links(text: str) -> str:
    """`text` escaped, its http and https addresses as links."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        link = _e(found[0])
        parts += [_e(text[end : found.start()]), f'<a href="{link}">{link}</a>']
        end = found.end()
    return "".join([*parts, _e(text[end:])])


def _page(title: str, body: str, *, reload: bool = False) -> str:
    refresh = '<meta http-equiv="refresh" content="5">' if reload else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'{refresh}<title>{_e(title)}</title><link rel="stylesheet" href="/page.css">'
        '</head><body><header><a href="/">Mail of this portal</a>'
        "<span>Nothing leaves this machine</span></header>"
        f"<main>{body}</main></body></html>"
    )


def _when(moment: datetime) -> str:
    local = moment.astimezone()
    return f'<time datetime="{moment.isoformat()}">{local:%d %b, %H:%M:%S}</time>'


def _e(text: str) -> str:
    return html.escape(text, quote=True)


class _Answer(BaseHTTPRequestHandler):
    """Answers GET; `folder` is set on the subclass a server is made with."""

    folder: Path
    server_version = "mailpage"
    sys_version = ""

    def do_GET(self) -> None:
        if not self._host_is_ours():
            self._send(HTTPStatus.FORBIDDEN, "This page is for this machine only.")
        elif self.path == "/":
            self._send(HTTPStatus.OK, list_page(mailbox.read(self.folder)))
        elif self.path == "/page.css":
            self._send(HTTPStatus.OK, _CSS.read_text(), kind="text/css")
        elif found := re.fullmatch(r"/mail/(\d{1,9})(/html)?", self.path):
            self._send_mail(int(found[1]), as_html=bool(found[2]))
        else:
            self._send(HTTPStatus.NOT_FOUND, _page("Not found", "<p>Not found.</p>"))

    def _send_mail(self, number: int, *, as_html: bool) -> None:
        mail = next((m for m in mailbox.read(self.folder) if m.number == number), None)
        if mail is None:
            self._send(HTTPStatus.NOT_FOUND, _page("Not found", "<p>No such mail.</p>"))
        elif as_html:
            text = f'<base target="_blank">{mail.html}'
            self._send(HTTPStatus.OK, text, policy=_MAIL_POLICY)
        else:
            self._send(HTTPStatus.OK, mail_page(mail))

    def _host_is_ours(self) -> bool:
        """A page elsewhere could point its own name at us, to read the mails."""
        host = (self.headers["Host"] or "").rpartition(":")[0]
        return host in {ports.LOOPBACK, "localhost"}

    def _send(
        self,
        status: HTTPStatus,
        text: str,
        *,
        kind: str = "text/html",
        policy: str = _PAGE_POLICY,
    ) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the addresses asked for are of no interest."""


def server(port: int, folder: Path) -> ThreadingHTTPServer:
    """A server that is listening; call `serve_forever`. Port 0 is any free one."""
    answer = type("Answer", (_Answer,), {"folder": folder})
    return ThreadingHTTPServer((ports.LOOPBACK, port), answer)


def main() -> None:
    parser = argparse.ArgumentParser(description="Show the mails in a folder.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    options = parser.parse_args()
    server(options.port, options.dir).serve_forever()


if __name__ == "__main__":
    main()
