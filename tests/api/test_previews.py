"""Who is a person, and who only fetches links for one."""

from __future__ import annotations

import pytest

from payonce.api.previews import is_agent, why_preview

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 13; SM-G991B; wv) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko)"

PEOPLE = {
    "Chrome on Windows": f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36",
    "Safari on a telephone": f"{IPHONE} Version/19.0 Mobile/15E148 Safari/604.1",
    "Firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Facebook's own window": f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/443.0;FBBV/1;FBDV/iPhone14,5]",
    "Instagram's": f"{ANDROID} Version/4.0 Chrome/119.0 Mobile Safari/537.36 Instagram 309.0.0.40 Android",
    "Zalo's": f"{IPHONE} Mobile/15E148 Zalo iOS/600 ZaloTheme/light ZaloLanguage/vn",
    "Line's": f"{IPHONE} Mobile/15E148 Safari Line/13.18.1",
    "Telegram's": f"{ANDROID} Chrome/130 Mobile Safari/537.36 Telegram-Android/11.3.3 (Samsung SM-S911B; SDK 34)",
    "a Cubot telephone": "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/109 Mobile",
    "a test's browser": f"{LINUX} HeadlessChrome/142.0.0.0 Safari/537.36",
    "curl": "curl/8.14.1",
    "a developer's script": "python-httpx2/2.16.2",
}
AGENTS = {
    "WhatsApp": "WhatsApp/2.23.20.0 A",
    "Telegram": "TelegramBot (like TwitterBot)",
    "Slack": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Discord": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Facebook": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "iMessage": f"{MAC} Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "Skype": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "Teams": f"{WINDOWS} Chrome/76 Safari/537.36 Teams/1.0 MicrosoftPreview/2.0",
    "Line": "facebookexternalhit/1.1;line-poker/1.0",
    "KakaoTalk": "facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984",
    "LinkedIn": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Google Messages": "Mozilla/5.0 Google-PageRenderer Google (+https://developers.google.com/+/web/snippet/)",
    "Gmail": "Mozilla/5.0 (Windows NT 5.1) Gecko/2009021910 Firefox/3.0.7 (via ggpht.com GoogleImageProxy)",
    "Snapchat": f"{LINUX} Chrome/80 Safari/537.36 Snap URL Preview Service; bot; https://developers.snap.com/robots",
    "Word": "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Barracuda": "Mozilla/5.0 (compatible; BarracudaCentral)",
    "Proofpoint": "Mozilla/5.0 (compatible; Proofpoint URL Defense)",
    "Mastodon": "http.rb/5.1.1 (Mastodon/4.2.0; +https://mastodon.social/) Bot",
    "Mattermost": "mattermost-9.5.0",
    "Googlebot": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "an unknown bot": "MyShinyNewBot/0.1",
    "nobody": "",
}


@pytest.mark.parametrize("name", PEOPLE)
def test_a_person_is_taken_for_one(name: str) -> None:
    """D1: a person is led to the provider's page."""
    assert not is_agent(PEOPLE[name])


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_is_known_by_what_it_says_of_itself(name: str) -> None:
    """D3: preview agents get a preview."""
    assert is_agent(AGENTS[name])


def test_a_link_inside_another_page_is_nobody_who_opens_it() -> None:
    """D3: an image or a script's fetch is no click."""
    person = {"user-agent": PEOPLE["Firefox"], "sec-fetch-dest": "document"}
    assert why_preview("GET", person) is None
    assert why_preview("GET", person | {"sec-fetch-dest": "image"}) == "not_navigation"
    assert why_preview("GET", person | {"sec-purpose": "prefetch;prerender"}) == "prefetch"
    assert why_preview("HEAD", person) == "head"


def test_a_very_long_user_agent_costs_no_more_than_a_long_one() -> None:
    assert not is_agent("Mozilla/5.0 Firefox/145.0 " + "x" * 1_000_000)
