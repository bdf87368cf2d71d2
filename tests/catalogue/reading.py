"""Pages as their readers see them: words and links."""

import re
from html import unescape

from django.test import Client


def page(client: Client, url: str, status: int = 200) -> str:
    """The words of a page, tags and runs of spaces gone."""
    response = client.get(url)
    assert response.status_code == status, response
    return words_of(response.content.decode())


def words_of(html: str) -> str:
    main = re.search(r"<main.*?</main>", html, re.DOTALL)
    assert main is not None
    text = re.sub(r"<[^>]+>", " ", main[0])
    return re.sub(r"[ \n]+", " ", unescape(text)).strip()


def links_of(client: Client, url: str) -> list[str]:
    html = client.get(url).content.decode()
    return re.findall(r'href="([^"]+)"', html[html.index("<main") :])
