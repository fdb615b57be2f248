"""What gunicorn serves."""

from desk.factory import create_app

app = create_app()
