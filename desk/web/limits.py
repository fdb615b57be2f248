"""Brakes on guessing: tries per address and per account. Webhooks are never limited by address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, default_limits=[], headers_enabled=False, strategy="moving-window")

_by_address = limiter.limit("20 per minute")
_by_account = limiter.limit("10 per minute", key_func=lambda: f"account:{request.form.get('email', '').casefold()}")


View = TypeVar("View", bound=Callable[..., Any])


def sign_in(view: View) -> View:
    """Limit a sign-in view: 20 tries a minute per address, 10 per account."""
    limited: Any = _by_address(_by_account(view))
    return cast("View", limited)


def guessing(view: View) -> View:
    """Limit a view that answers links: 20 that open nothing a minute per address; those that do never count."""
    limited: Any = limiter.limit("20 per minute", deduct_when=lambda answer: bool(answer.status_code == 404))(view)
    return cast("View", limited)


def sign_in_by_link(view: View) -> View:
    """Limit the view that uses up sign-in links: 20 refused ones a minute per address. Those that open the desk never
    count, or a whole team that begins its morning would be kept waiting."""
    limited: Any = limiter.limit("20 per minute", deduct_when=lambda answer: bool(answer.status_code == 403))(view)
    return cast("View", limited)


def install(app: Flask, redis_url: str | None) -> None:
    """Counters live in Redis when several web processes share them, else in this process."""
    app.config["RATELIMIT_STORAGE_URI"] = redis_url or "memory://"
    limiter.init_app(app)
