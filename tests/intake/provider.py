"""What the provider posts, as builders, and a provider that posts it and looks at what came of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select, update

from desk import clock, db
from desk.channels import actions as channels
from desk.conversations.models import Message
from desk.intake.models import Delivery, DeliveryItem
from desk.jobs import work
from desk.jobs.models import Job
from desk.media.models import Asset, Rendition
from desk.people.models import Station
from desk.wall.models import Card
from tests.desk_fixtures import Cast
from tests.intake.graph import Graph

SECRET = "rheinwelle-test-app-secret"
NUMBER = "390000000000017"
ADA, BO = "4915790001234", "4915790001235"


@dataclass
class Provider:
    """Posts what the provider posts, and looks at what came of it."""

    client: FlaskClient
    public_id: str
    channel_id: int
    cast: Cast

    @property
    def path(self) -> str:
        return f"/webhooks/{self.public_id}"

    def post_raw(self, body: bytes, *, secret: str = SECRET, headers: dict[str, str] | None = None) -> Any:
        signed = {"X-Hub-Signature-256": sign(body, secret)} if headers is None else headers
        return self.client.post(self.path, data=body, headers=signed, content_type="application/json")

    def post(self, *values: dict[str, Any]) -> Any:
        return self.post_raw(delivery(*values))

    def say(self, text: str, **more: Any) -> str:
        """A listener writes; returns the provider's id."""
        one = text_message(text, **more)
        assert self.post(messages(one)).status_code == 200
        return str(one["id"])

    def cards(self) -> list[Card]:
        with db.reading() as session:
            return list(session.execute(select(Card).order_by(Card.id)).scalars())

    def rows(self, model: Any) -> list[Any]:
        with db.reading() as session:
            return list(session.execute(select(model).order_by(model.id)).scalars())

    def outcomes(self) -> list[str]:
        return [row.outcome for row in self.rows(DeliveryItem)]

    def asset(self) -> Asset:
        (only,) = self.rows(Asset)
        return only

    def renditions(self) -> set[str]:
        return {row.profile for row in self.rows(Rendition)}

    def deliveries(self) -> list[Delivery]:
        return self.rows(Delivery)

    def sent(self) -> Message:
        (only,) = [row for row in self.rows(Message) if row.direction == "out"]
        return only

    def run(self) -> None:
        work.run_due()

    def run_waiting(self, kind: str) -> None:
        """Run jobs of a kind whose pause is not over, as if it were."""
        with db.transaction() as session:
            session.execute(update(Job).where(Job.kind == kind, Job.state == "ready").values(run_at=clock.now()))
        work.run_due()


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def delivery(*values: dict[str, Any], field: str = "messages") -> bytes:
    changes = [{"field": field, "value": value} for value in values]
    document = {"object": "whatsapp_business_account", "entry": [{"id": "280000000000042", "changes": changes}]}
    return json.dumps(document).encode()


def value(number: str = NUMBER, **parts: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "4915790009000", "phone_number_id": number}
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def messages(*given: dict[str, Any], number: str = NUMBER, name: str = "Ada Köster") -> dict[str, Any]:
    senders = dict.fromkeys((one.get("from"), one.get("from_user_id")) for one in given)
    contacts = [
        {"profile": {"name": name}} | ({"wa_id": phone} if phone else {}) | ({"user_id": bsuid} if bsuid else {})
        for phone, bsuid in senders
    ]
    return value(number, contacts=contacts, messages=list(given))


def statuses(*given: dict[str, Any], number: str = NUMBER) -> dict[str, Any]:
    return value(number, statuses=list(given))


_serial = iter(range(1, 10**9))


def message(kind: str, body: Any, **more: Any) -> dict[str, Any]:
    """One listener message; `sender` None for somebody without a phone number."""
    phone = more.pop("sender", ADA)
    base: dict[str, Any] = {
        "from": phone,
        "from_user_id": more.pop("bsuid", f"DE.{phone}"),
        "id": more.pop("id", f"wamid.IN{next(_serial)}"),
        "timestamp": str(more.pop("at_s", int(time.time()))),
        "type": kind,
        kind: body,
    }
    return {name: part for name, part in (base | more).items() if part is not None}


def text_message(text: str, **more: Any) -> dict[str, Any]:
    return message("text", {"body": text}, **more)


def status(provider_id: str, state: str, at_s: int = 1_795_251_660, **more: Any) -> dict[str, Any]:
    return {"id": provider_id, "status": state, "timestamp": str(at_s), "recipient_id": ADA, **more}


def secrets(app_secret: str = SECRET) -> dict[str, Any]:
    return {"app_secrets": [app_secret], "verify_token": "rheinwelle-verify", "access_token": "rheinwelle-access"}


def add_number(cast: Cast, graph: Graph | None, *, number: str = NUMBER, station: int | None = None,
               app_secret: str = SECRET) -> tuple[int, str]:  # fmt: skip
    """Connect a number; returns the channel's id and public id."""
    port = graph.port if graph is not None else 9
    settings = {"graph_base_url": f"http://127.0.0.1:{port}", "allowed_hosts": [f"127.0.0.1:{port}"]}
    with db.transaction() as session:
        channel = channels.add_channel(
            session, session.get_one(Station, station or cast.rheinwelle), "whatsapp_cloud", name="WhatsApp",
            number_id=number, display_number="+49 1579 0009000", secrets=secrets(app_secret), settings=settings,
            at=clock.now(),
        )  # fmt: skip
        return channel.id, channel.public_id
