"""Security headers on every answer, and the nonce of the page's scripts and styles."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request

PERMISSIONS = "camera=(), microphone=({}), geolocation=(), speaker-selection=(self)"


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
        headers.setdefault("Permissions-Policy", PERMISSIONS.format("self" if _names_outputs(response) else ""))
        if is_tls:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if request.endpoint != "static":
            headers.setdefault("Cache-Control", "no-store")
            headers.add("Vary", "Cookie")
        return response


def _names_outputs(response: Response) -> bool:
    """Pages of signed-in staff, where headphones are chosen: some browsers name a computer's outputs only to pages that
    might use its microphone, once a person allowed that. The desk takes nothing from it."""
    return response.mimetype == "text/html" and g.get("identity") is not None


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
