"""A desk behind a port and a signed-in page in real Chromium, for the measurements that look at what people see."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select
from werkzeug.serving import make_server

from desk import clock, db, factory, schema
from desk.people import actions as people
from desk.people.models import Person
from desk.settings import load_settings
from tests.conftest import CHROMIUM_FLAGS, find_chromium

FLAGS = [*CHROMIUM_FLAGS, "--no-sandbox", "--enable-precise-memory-info"]
WAIT_MS = 60_000


@contextmanager
def a_desk(folder: Path, fill: Callable[[], object]) -> Iterator[tuple[str, str]]:
    """The desk over a database that `fill` fills (it adds nia@example.org); its address and a link to sign in with."""
    url = f"sqlite:///{folder}/desk.db"
    empty = db.Database(url)
    schema.migrate(empty)
    empty.dispose()
    values = {"DESK_MODE": "rehearsal", "DESK_DATA_DIR": str(folder), "DESK_BIND": "127.0.0.1:8080"}
    app = factory.create_app(load_settings({**values, "DESK_DATABASE_URL": url}))
    fill()
    with db.transaction() as session:
        producer = session.execute(select(Person).where(Person.email == "nia@example.org")).scalar_one()
        link = people.make_link(session, producer, at=clock.now())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", link
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        app.extensions["desk.relay"].stop(wait_s=30.0)
        db.current().dispose()


@contextmanager
def a_page(address: str, link: str, *, watch: str = "") -> Iterator[Any]:
    """The producer's page at 1920 x 1080; `watch` runs in it before every page's own scripts."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(locale="de-DE", viewport={"width": 1920, "height": 1080})
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{address}/signin/link/{link}")
        page.click("form button[type=submit]")
        page.wait_for_selector("html[data-ready=yes]", state="attached")
        context.add_init_script(watch)
        yield page
        browser.close()
