"""Sends stored objects to browsers: ranges as 206, never as something a browser would run.

Rights are checked by the view before; nothing here is cached outside the browser's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from desk.errors import NotFound, Unavailable
from media_store.errors import ObjectMissing, StoreUnavailable
from media_store.stores.contract import Store

BLOCK_BYTES = 256 * 1024
INLINE = {
    "image/jpeg", "image/png", "image/webp", "video/mp4", "video/webm", "audio/ogg", "audio/mpeg",
    "audio/mp4", "audio/wav", "audio/x-wav", "application/json",
}  # fmt: skip


def send_object(
    store: Store, key: str, *, mime: str, size_bytes: int, sha256: str, download_name: str | None = None
) -> Response:
    """Answer with an object, whole (200), in part (206) or not again (304).

    Raises NotFound if the object is gone, Unavailable if the store does not answer,
    RequestedRangeNotSatisfiable for a range outside the file.
    """
    etag = f'"{sha256}"'
    if request.headers.get("If-None-Match") == etag:
        return _with_headers(Response(status=304), mime, etag, download_name)
    start, stop, status = _range(size_bytes, etag)
    body = Response(status=status)
    if request.method != "HEAD":
        try:
            body.response = _blocks(store.open(key, start, stop))
        except ObjectMissing as fault:
            raise NotFound("This file is not in the store any more.", code="media.gone") from fault
        except StoreUnavailable as fault:
            raise Unavailable("The media store does not answer. Text goes on.", code="media.store_down") from fault
    body.headers["Content-Length"] = str(stop - start)
    if status == 206:
        body.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size_bytes}"
    return _with_headers(body, mime, etag, download_name)


def _range(size_bytes: int, etag: str) -> tuple[int, int, int]:
    wanted = request.range
    if wanted is None or request.headers.get("If-Range") not in (None, etag):
        return 0, size_bytes, 200
    if wanted.units != "bytes" or len(wanted.ranges) != 1:
        return 0, size_bytes, 200
    bounds = wanted.range_for_length(size_bytes)
    if bounds is None:
        raise RequestedRangeNotSatisfiable(length=size_bytes)
    return bounds[0], bounds[1], 206


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while block := stream.read(BLOCK_BYTES):
            yield block


def _with_headers(response: Response, mime: str, etag: str, download_name: str | None) -> Response:
    headers = response.headers
    safe = mime.partition(";")[0].strip().lower() in INLINE
    headers["Content-Type"] = mime if safe else "application/octet-stream"
    headers["ETag"] = etag
    headers["Accept-Ranges"] = "bytes"
    headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    headers["Cache-Control"] = "private, no-cache"
    if download_name or not safe:
        response.headers.set("Content-Disposition", "attachment", filename=download_name or "file")
    return response
