"""The bare thing the webhook is measured against: a Flask view that does one synced insert, and nothing else.

Same server, same engine settings, same database; the table is its own.
"""

from __future__ import annotations

import os

from flask import Flask, Response, request
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table

from desk.db import Database

app = Flask(__name__)
database = Database(os.environ["DESK_DATABASE_URL"])
taken = Table("bare_delivery", MetaData(), Column("id", Integer, primary_key=True), Column("body", LargeBinary))
taken.create(database.engine, checkfirst=True)


@app.post("/hook")
def take() -> Response:
    with database.transaction() as session:
        session.execute(taken.insert().values(body=request.get_data(cache=False)))
    return Response(status=200)
