"""Security headers on every answer, and the nonce of the page's scripts and styles."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request

PERMISSIONS = "camera=(), microphone={0}, geolocation=(), speaker-selection={0}"
# Where somebody listens and says in which output. Firefox has a chooser of its own for that (speaker-selection), which
# the pages prefer; Chromium has none and names a computer's outputs only to a page that may use the microphone, once a
# person allowed it. The desk takes nothing from it. No other page of the desk may ask for either.
LISTENING = frozenset(
    {
        "wall.show_wall",
        "wall.show_triage",
        "shortlist.show_rundown",
        "onair.show_studio",
        "conversations.show_inbox",
        "contests.show_campaigns",
        "contests.show_campaign",
        "safety.show_safety",
    }
)


def install(app: Flask, *, is_tls: bool) -> None:
    @app.before_request
    def make_nonce() -> None:
        g.csp_nonce = secrets.token_urlsafe(16)

    @app.after_request
    def add(response: Response) -> Response:
        nonce = g.get("csp_nonce", "")
        headers = response.headers
        headers.setdefault("Content-Security-Policy", page_policy(nonce))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", _permissions(response))
        if is_tls:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if request.endpoint != "static":
            headers.setdefault("Cache-Control", "no-store")
            headers.add("Vary", "Cookie")
        return response


def chooses_output() -> bool:
    """Whether the page that is asked for plays something, and so has the control that chooses the headphones."""
    return request.endpoint in LISTENING and g.get("identity") is not None


def _permissions(response: Response) -> str:
    return PERMISSIONS.format("(self)" if response.status_code == 200 and chooses_output() else "()")


def page_policy(nonce: str) -> str:
    """Content-Security-Policy of the desk's pages; sources nothing inline, nothing foreign."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}' 'strict-dynamic'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "font-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )
