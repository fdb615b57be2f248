"""The bare tool: Flask-SocketIO with threads that broadcasts to whoever is connected what it is posted."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app, async_mode="threading", cors_allowed_origins="*", transports=["websocket"])


@app.post("/broadcast")
def broadcast() -> Response:
    socketio.emit("event", request.get_json())
    return Response(status=200)
