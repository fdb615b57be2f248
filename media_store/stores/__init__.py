"""Where originals and renditions are kept.

`open_store` picks a store by its address; all of them keep the promise in `contract`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from media_store.stores.contract import ObjectInfo, Store
from media_store.stores.folder import FolderStore
from media_store.stores.links import LinkSigner

__all__ = ["LinkSigner", "ObjectInfo", "Store", "open_store"]


def open_store(
    url: str,
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
    public_endpoint_url: str | None = None,
    link_signer: LinkSigner | None = None,
) -> Store:
    """Open `file:/absolute/path` or `s3://bucket/prefix`. Nothing is connected to until the first use.

    `public_endpoint_url` is the address under which browsers reach the same S3 server; links are signed for it.
    `link_signer` makes links to a folder store, which serves nothing itself; without it `link` answers None.
    Raises ValueError for any other address.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path.startswith("/") and not parts.netloc:
        return FolderStore(Path(parts.path), link_signer=link_signer)
    if parts.scheme == "s3" and parts.netloc:
        from media_store.stores.s3 import S3Store  # boto3 is much to read for a desk whose media lie in a folder

        return S3Store(
            parts.netloc,
            parts.path.strip("/"),
            endpoint_url=endpoint_url,
            region=region,
            public_endpoint_url=public_endpoint_url,
        )
    raise ValueError("a store address is file:/absolute/path or s3://bucket/prefix")
