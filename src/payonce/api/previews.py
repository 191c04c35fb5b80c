"""Who opens a payment link without anybody wanting to pay: preview agents, mail scanners, browsers that read ahead
(D3).

They get a page that creates nothing, with a button. Taking a person for an agent costs that person one click; taking
an agent for a person makes a payment nobody asked for; so what is doubtful counts as an agent. The community's list
(`crawler-user-agents`) says who is known; the rows below are what it lacks. An agent that looks exactly like
a browser cannot be told apart here: it makes one session, which the next click is given as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

# Patterns of these kinds name a tool, not an errand. A developer's curl does what it was told, and a browser that is
# driven in a test is to see what a person sees.
_TOOLS: Final = frozenset({"http-library", "browser-automation"})

# (what the agent says of itself, in any case; who it is and why it is here)
OWN_ROWS: Final = (
    (r"(?<!cu)bot\b", "names itself a bot; Cubot makes telephones"),
    (r"crawl|spider\b|unfurl|link.?preview|url.?preview|web.?preview", "says what it does"),
    (r"scanner\b|urlscan|safe.?links", "checks links for somebody's safety"),
    (r"ms-?office|microsoft office", "Word, Excel and Outlook open a link themselves before they call the browser"),
    (r"google-pagerenderer", "Google Messages and Chat, for the card under a message"),
    (r"google-safety|safebrowsing", "looks for phishing behind links in mails"),
    (r"proofpoint|mimecast|barracuda|ironport|ciscosecureemail|fireeye|trend ?micro|sophos|fortinet|symantec",
     "mail gateways that open every link before the mail is delivered"),
    (r"^signal|^mattermost|rocket\.chat|^notion|^zulip", "messengers whose server makes the card"),
    (r"google.?chat|feedfetcher", "Google's fetchers for cards and feeds"),
)  # fmt: skip

# A real user agent is a few hundred characters; matching is linear in it, and memory is kept for the ones seen last.
LONGEST_AGENT: Final = 512
AGENTS_REMEMBERED: Final = 4096
# Patterns are matched in groups: one expression of all is four times slower than thirty of fifty.
_GROUP: Final = 50


def why_preview(method: str, headers: Mapping[str, str]) -> str | None:
    """Why this request is nobody who wants to pay, in a word for counting; None for a person. Header names in lower
    case."""
    if method == "HEAD":
        return "head"
    if any(_reads_ahead(headers.get(name, "")) for name in ("sec-purpose", "purpose", "x-purpose", "x-moz")):
        return "prefetch"
    # Browsers say what a request is for. A link that is opened is a document; an image or a script's fetch is not.
    if headers.get("sec-fetch-dest", "document") not in ("document", "iframe"):
        return "not_navigation"
    return "agent" if is_agent(headers.get("user-agent", "")) else None


def is_agent(user_agent: str) -> bool:
    """Whether the user agent is that of a program that fetches links for somebody. Every browser names itself."""
    return not user_agent.strip() or _matches(user_agent[:LONGEST_AGENT])


def _reads_ahead(purpose: str) -> bool:
    """`prefetch`, `prefetch;prerender`, `prefetch;anonymous-client-ip`, Safari's `preview`."""
    return any(word in purpose.lower() for word in ("prefetch", "prerender", "preview"))


@lru_cache(maxsize=AGENTS_REMEMBERED)
def _matches(user_agent: str) -> bool:
    return any(pattern.search(user_agent) for pattern in _patterns())


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Our rows, then the community's, compiled at the first use."""
    known = [entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA if not _is_tool(entry.get("tags", ()))]
    groups = [known[at : at + _GROUP] for at in range(0, len(known), _GROUP)]
    own = re.compile("|".join(row for row, _ in OWN_ROWS), re.IGNORECASE)
    return (own, *(re.compile("|".join(f"(?:{pattern})" for pattern in group)) for group in groups))


def _is_tool(tags: list[str]) -> bool:
    return bool(tags) and set(tags) <= _TOOLS
