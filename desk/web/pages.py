"""What every page gets: the person, the station, navigation, words, versioned static addresses."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request, url_for
from flask_babel import Babel, get_locale
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import generate_csrf

from desk import clock, translations
from desk.errors import NotFound
from desk.web import access, headers
from desk.web.access import public

LANGUAGES = ("de", "en")
NAVIGATION = (
    # page, icon, label, address, permission (None: everybody who is signed in)
    ("wall", "wall", _l("Wall"), "/wall", "wall.read"),
    ("rundown", "rundown", _l("Rundown"), "/rundown", "rundown.write"),
    ("studio", "studio", _l("Studio"), "/studio", "rundown.read"),
    ("inbox", "inbox", _l("Inbox"), "/inbox", "reply.send"),
    ("campaigns", "campaign", _l("Campaigns"), "/campaigns", "campaign.read"),
    ("safety", "shield", _l("Protection"), "/safety", "safety.handle"),
    ("reports", "reports", _l("Reports"), "/reports", "reports.read"),
    ("settings", "settings", _l("Setup"), "/settings", None),
)


def install(app: Flask, *, static_folder: Path) -> None:
    """Give templates of `app` their common context, languages and the JavaScript dictionary."""
    Babel(app, locale_selector=choose_language, default_translation_directories=str(translations.HERE))
    app.add_url_rule("/words/<name>.json", "words", public(_send_words))

    @app.context_processor
    def context() -> dict[str, Any]:
        identity = access.me_or_none()
        locale = str(get_locale() or "de")[:2]
        return {
            "me": identity,
            "station": identity.station if identity else None,
            "stations": identity.stations if identity else (),
            "may": identity.may if identity else (lambda _permission: False),
            "nav": navigation(),
            "has_outputs": headers.chooses_output(),
            "csp_nonce": g.get("csp_nonce", ""),
            "csrf_token": generate_csrf,
            "locale": locale,
            "theme": identity.theme if identity else request.cookies.get("theme", "system"),
            "static_url": lambda name: url_for("static", filename=name, v=_digest(static_folder, name)),
            "import_map": _import_map(static_folder),
            "words_url": f"/words/{locale}-{_words_digest(locale)}.json",
            "now_iso": clock.iso(clock.now()),
        }


def choose_language() -> str:
    """The person's own choice, before sign-in that of the address, else what the browser prefers, else German."""
    identity = access.me_or_none()
    if identity is not None and identity.locale in LANGUAGES:
        return str(identity.locale)
    asked = request.args.get("lang")
    if identity is None and asked in LANGUAGES:
        return str(asked)
    return request.accept_languages.best_match(LANGUAGES, "de") or "de"


def navigation() -> list[dict[str, Any]]:
    """Rail entries the person may open."""
    identity = access.me_or_none()
    if identity is None:
        return []
    return [
        {"id": page, "icon": icon, "label": label, "href": href}
        for page, icon, label, href, permission in NAVIGATION
        if permission is None or identity.may(permission)
    ]


def first_page() -> str:
    """Where a person's work begins: the first rail entry that the roles allow."""
    entries = navigation()
    return str(entries[0]["href"]) if entries else "/signin"


@cache
def _digest(folder: Path, name: str) -> str:
    path = folder / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "0"


@cache
def _import_map(folder: Path) -> str:
    """Scripts import one another by plain names; this leads each name to the address of its present content."""
    names = sorted(str(path.relative_to(folder)) for part in ("js", "vendor") for path in (folder / part).glob("*.js"))
    addresses = {url_for("static", filename=name): name for name in names}
    return json.dumps(
        {"imports": {at: url_for("static", filename=name, v=_digest(folder, name)) for at, name in addresses.items()}}
    )


@cache
def _words(locale: str) -> str:
    return json.dumps(translations.dictionary(locale), ensure_ascii=False, sort_keys=True)


@cache
def _words_digest(locale: str) -> str:
    return hashlib.sha256(_words(locale).encode()).hexdigest()[:12]


def _send_words(name: str) -> Response:
    locale = name[:2]
    if locale not in LANGUAGES:
        raise NotFound
    response = Response(_words(locale), mimetype="application/json")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
