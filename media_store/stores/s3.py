"""Objects in any S3-compatible store, through boto3. The only file that knows boto's errors.

Uses no more than put, multipart, get with range, head, list and delete, because that is what all servers have; a
conditional put is asked for and done without where it is unknown. Every body is sent with its MD5, which the server
compares: boto's own multipart sends none. The client is made at the first use in each process: one that crossed a fork
shares sockets.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, cast

import boto3
import botocore.session
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from urllib3.exceptions import HTTPError

from media_store import keys
from media_store.errors import AlreadyStored, ObjectMissing, StoreUnavailable
from media_store.stores.contract import LEFTOVER_AGE_S, ObjectInfo, check_start

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

BLOCK_BYTES = 1 << 20
MEMORY_BYTES = 8 << 20
SINGLE_PUT_BYTES = 64 << 20
PART_BYTES = 8 << 20  # one part is in memory at a time; S3 wants 5 MiB at least and 10,000 parts at most
DIGEST_FIELD = "sha256"

# A missing key is NoSuchKey from GET and 404 from HEAD; a missing bucket is a set-up fault, worth another try later
MISSING = frozenset({"NoSuchKey", "404"})
TAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict"})
NO_CONDITIONS = frozenset({"NotImplemented", "501", "InvalidArgument", "InvalidRequest"})
PAST_END = frozenset({"InvalidRange", "416"})
NO_UPLOAD = frozenset({"NoSuchUpload"})


class S3Store:
    """A bucket, or the part of it under a prefix. Credentials come from the usual AWS variables or files."""

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        public_endpoint_url: str | None = None,
        single_put_bytes: int = SINGLE_PUT_BYTES,
    ) -> None:
        """What is longer than `single_put_bytes` goes in parts."""
        self.bucket = bucket
        self._single_put_bytes = single_put_bytes
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint_url = endpoint_url
        self._public_endpoint_url = public_endpoint_url or endpoint_url
        self._region = region or "us-east-1"
        self._lock = threading.Lock()
        self._clients: dict[tuple[int, str | None], S3Client] = {}

    def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
        name = self._name(key)
        with _translated(), tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES) as spool:
            digest, checksum, size = _spool(stream, cast(BinaryIO, spool))
            if self._is_stored(key, digest):
                return digest
            if size > self._single_put_bytes:
                is_placed = self._put_in_parts(key, cast(BinaryIO, spool), digest, content_type)
            else:
                is_placed = self._put_whole(name, cast(BinaryIO, spool), digest, checksum, content_type)
            # somebody was faster; the same bytes are no error
            if not is_placed and not self._is_stored(key, digest):
                raise StoreUnavailable("the key was taken and given back in the same moment")
        return digest

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        check_start(start)
        if stop is not None and stop <= start:
            self.info(key)
            return io.BytesIO()
        last = "" if stop is None else str(stop - 1)
        try:
            with _translated(key):
                if start == 0 and stop is None:
                    answer = self._client().get_object(Bucket=self.bucket, Key=self._name(key))
                else:
                    wanted = f"bytes={start}-{last}"
                    answer = self._client().get_object(Bucket=self.bucket, Key=self._name(key), Range=wanted)
        except _PastEnd:
            return io.BytesIO()
        return cast(BinaryIO, io.BufferedReader(_Body(answer["Body"]), BLOCK_BYTES))

    def info(self, key: str) -> ObjectInfo:
        with _translated(key):
            head = self._client().head_object(Bucket=self.bucket, Key=self._name(key))
        return ObjectInfo(
            key,
            head["ContentLength"],
            head["Metadata"].get(DIGEST_FIELD),
            head.get("ContentType"),
            head["LastModified"],
        )

    def delete(self, key: str) -> None:
        with _translated(key):
            self._client().delete_object(Bucket=self.bucket, Key=self._name(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        keys.check_prefix(prefix)
        with _translated():
            pages = self._client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self._prefix + prefix):
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self._prefix)
                    yield ObjectInfo(key, found["Size"], stored_at=found["LastModified"])

    def link(self, key: str, seconds: int, download_name: str | None = None) -> str | None:
        asked = {"Bucket": self.bucket, "Key": self._name(key)}
        if download_name is not None:
            plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in download_name)
            asked["ResponseContentDisposition"] = f'attachment; filename="{plain[:120]}"'
        with _translated(key):
            client = self._client(self._public_endpoint_url)
            return client.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds)

    def sweep(self, *, older_than_s: float = LEFTOVER_AGE_S) -> int:
        """Give up uploads in parts that nobody finished; returns how many."""
        limit, swept = datetime.now(UTC) - timedelta(seconds=older_than_s), 0
        with _translated():
            pages = self._client().get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self._prefix):
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] <= limit:
                        self._give_up(upload["Key"], upload["UploadId"])
                        swept += 1
        return swept

    def _name(self, key: str) -> str:
        return self._prefix + keys.check(key)

    def _client(self, endpoint_url: str | None = None) -> S3Client:
        """This process's client; presigned links need one that signs for the public host."""
        endpoint_url = endpoint_url or self._endpoint_url
        place = (os.getpid(), endpoint_url)
        with self._lock:
            if place not in self._clients:
                self._clients[place] = self._new_client(endpoint_url)
            return self._clients[place]

    def _new_client(self, endpoint_url: str | None) -> S3Client:
        session = botocore.session.Session()  # one of its own: the default one is not safe between threads
        session.register_component("data_loader", _service_models())
        return boto3.session.Session(botocore_session=session).client(
            "s3",
            endpoint_url=endpoint_url,
            region_name=self._region,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if endpoint_url else "auto"},
                retries={"mode": "standard", "max_attempts": 4},
                connect_timeout=3,
                read_timeout=20,
                max_pool_connections=16,
                # boto3 sends CRC checksums everywhere since 1.36; many stores lag
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def _is_stored(self, key: str, digest: str) -> bool:
        """Whether these bytes are there already. Raises AlreadyStored if others are."""
        try:
            found = self.info(key)
        except ObjectMissing:
            return False
        if (found.sha256 or self._digest_of(key)) != digest:
            raise AlreadyStored(key)
        return True

    def _digest_of(self, key: str) -> str:
        """For objects that another program stored, without our field."""
        digest = hashlib.sha256()
        with self.open(key) as stream:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def _put_whole(self, name: str, spool: BinaryIO, digest: str, checksum: str, content_type: str) -> bool:
        """One request, checked by the server against the MD5 and refused by it if the key is taken: False then."""
        for is_conditional in (True, False):
            spool.seek(0)
            condition = {"IfNoneMatch": "*"} if is_conditional else {}
            try:
                self._client().put_object(
                    Bucket=self.bucket,
                    Key=name,
                    Body=spool,
                    ContentMD5=checksum,
                    ContentType=content_type,
                    Metadata={DIGEST_FIELD: digest},
                    **condition,  # type: ignore[arg-type]  # the stubs do not see through a dict
                )
            except ClientError as refusal:
                if is_conditional and _code(refusal) in NO_CONDITIONS:
                    continue
                if _code(refusal) in TAKEN:
                    return False
                raise
            return True
        return True

    def _put_in_parts(self, key: str, spool: BinaryIO, digest: str, content_type: str) -> bool:
        """Part after part, seen by nobody before the last; False if the key was taken meanwhile.

        Whatever goes wrong, the parts are given up; those of a killed process are `sweep`'s.
        """
        name, is_placed = self._name(key), False
        begun = self._client().create_multipart_upload(
            Bucket=self.bucket, Key=name, ContentType=content_type, Metadata={DIGEST_FIELD: digest}
        )
        try:
            parts = self._send_parts(name, begun["UploadId"], spool)
            # not every server knows conditions here, so the moment in which two may meet is kept short
            is_placed = not self._is_stored(key, digest) and self._complete(name, begun["UploadId"], parts)
        finally:
            if not is_placed:
                self._give_up(name, begun["UploadId"])
        return is_placed

    def _send_parts(self, name: str, upload: str, spool: BinaryIO) -> Sequence[CompletedPartTypeDef]:
        parts: list[CompletedPartTypeDef] = []
        spool.seek(0)
        while block := spool.read(PART_BYTES):
            answer = self._client().upload_part(
                Bucket=self.bucket,
                Key=name,
                UploadId=upload,
                PartNumber=len(parts) + 1,
                Body=block,
                ContentMD5=_checksum(hashlib.md5(block, usedforsecurity=False).digest()),
            )
            parts.append({"ETag": answer["ETag"], "PartNumber": len(parts) + 1})
        return parts

    def _complete(self, name: str, upload: str, parts: Sequence[CompletedPartTypeDef]) -> bool:
        """Make the parts an object; False if the key is taken, or if an answer that was lost had done it already."""
        for condition in ({"IfNoneMatch": "*"}, {}):
            try:
                self._client().complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=name,
                    UploadId=upload,
                    MultipartUpload={"Parts": parts},
                    **condition,  # type: ignore[arg-type]  # the stubs do not see through a dict
                )
            except ClientError as refusal:
                if condition and _code(refusal) in NO_CONDITIONS:
                    continue
                if _code(refusal) in TAKEN | NO_UPLOAD:
                    return False
                raise
            return True
        return True

    def _give_up(self, name: str, upload: str) -> None:
        # an error here must not hide the one that led here; what stays behind is swept
        with suppress(ClientError, BotoCoreError, HTTPClientError):
            self._client().abort_multipart_upload(Bucket=self.bucket, Key=name, UploadId=upload)


@functools.cache
def _service_models() -> Loader:
    """What boto knows of S3, read once in a process and its forks: five sixths of the cost of a client."""
    loader: Loader = botocore.session.Session().get_component("data_loader")
    return loader


class _PastEnd(Exception):
    """A range that begins behind the last byte; never leaves this file."""


class _Body(io.RawIOBase):
    """A download as a raw stream; a connection that breaks in the middle is StoreUnavailable, not a short file."""

    def __init__(self, body: StreamingBody) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed wants its private Buffer type
        with _translated():
            block = self._body.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._body.close()
        super().close()


def _code(refusal: ClientError) -> str:
    return str(refusal.response.get("Error", {}).get("Code", ""))


@contextmanager
def _translated(key: str = "") -> Iterator[None]:
    """boto's errors as ours."""
    try:
        yield
    except ClientError as refusal:
        code = _code(refusal)
        if code in MISSING and key:
            raise ObjectMissing(key) from refusal
        if code in PAST_END:
            raise _PastEnd from refusal
        raise StoreUnavailable(f"the store answered {code}") from refusal
    except (BotoCoreError, Boto3Error, HTTPClientError, HTTPError, OSError) as fault:
        raise StoreUnavailable(type(fault).__name__) from fault


def _spool(stream: BinaryIO, spool: BinaryIO) -> tuple[str, str, int]:
    """Copy the stream; return its SHA-256 in hex, its MD5 in base64 as S3 wants it, and its size."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    while block := stream.read(BLOCK_BYTES):
        sha256.update(block)
        md5.update(block)
        size += spool.write(block)
    return sha256.hexdigest(), _checksum(md5.digest()), size


def _checksum(md5: bytes) -> str:
    return base64.b64encode(md5).decode()
