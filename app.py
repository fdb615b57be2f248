"""The door: `gunicorn app:app` or `flask run`; everything is in desk.factory."""

from desk.factory import create_app

app = create_app()
