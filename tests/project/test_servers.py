"""The servers tests run on are real: each answers in its own protocol, and each is fresh for every test."""

from __future__ import annotations

from typing import Any

import boto3
import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests import servers


def test_each_database_is_fresh_and_writable(database_url: str) -> None:
    engine = create_engine(database_url)

    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE card (id integer)"))
        connection.execute(text("INSERT INTO card VALUES (1)"))
        count = connection.execute(text("SELECT count(*) FROM card")).scalar_one()
    engine.dispose()

    assert count == 1


def test_postgresql_brings_trigrams_and_german(postgres_url: str) -> None:
    plain = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)

    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        found = connection.execute("SELECT similarity('Morgensendung', 'sendung') > 0.2, 'ä' < 'b'").fetchone()

    assert found is not None
    assert found[0]


def test_a_database_can_be_copied_from_a_template(postgres_server: servers.Postgres) -> None:
    template = postgres_server.create_database()
    plain = make_url(template).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE TABLE card (id integer)")

    copy = postgres_server.create_database(template)

    plain = make_url(copy).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM card").fetchone() == (0,)
    for url in (copy, template):
        postgres_server.drop_database(url)


@pytest.mark.parametrize("round_number", [1, 2])
def test_redis_is_empty_at_the_start_of_a_test(redis_url: str, round_number: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left over", round_number)


def test_the_s3_store_keeps_objects(s3_server: servers.S3Server, s3_endpoint: str) -> None:
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name=s3_server.region)
    bucket = s3_server.create_bucket()

    client.put_object(Bucket=bucket, Key="a/b", Body=b"hello")

    assert client.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"hello"
    client.close()


@pytest.mark.browser
def test_chromium_runs_scripts(browser: Any) -> None:
    page = browser.new_page()

    page.set_content("<p id=p></p><script>document.getElementById('p').textContent = 6 * 7</script>")

    assert page.text_content("#p") == "42"
    page.close()
