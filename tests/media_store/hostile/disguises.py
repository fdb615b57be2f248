"""Playlists, documents and programs under other names, bare and behind the head of something good."""

from __future__ import annotations

from tests.media_store.hostile.making import (
    BOMB,
    CORRUPT,
    EMPTY,
    FTYP,
    LIMITS,
    NO_AUDIO,
    OK,
    TRUNCATED,
    UNSUPPORTED,
    Hostile,
    Trap,
    box,
    hostile,
    sparse,
    written,
)

HLS_HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"


def hls(trap: Trap) -> bytes:
    return f"{HLS_HEAD}file://{trap.canary}\n#EXT-X-ENDLIST\n".encode()


def hls_http(trap: Trap) -> bytes:
    return f"{HLS_HEAD}{trap.url}/a.ts\n#EXT-X-ENDLIST\n".encode()


def concat(trap: Trap) -> bytes:
    return f"ffconcat version 1.0\nfile {trap.canary.name}\n".encode()


def dash(trap: Trap) -> bytes:
    return (
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><Period>"
        "<AdaptationSet mimeType='video/mp4'><Representation id='1'>"
        f"<BaseURL>{trap.url}/v.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ).encode()


def sdp(trap: Trap) -> bytes:
    return b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"


def xspf(trap: Trap) -> bytes:
    place = f"<location>file://{trap.canary}</location>"
    return f"<playlist version='1' xmlns='http://xspf.org/ns/0/'><trackList><track>{place}</track>".encode()


def svg(trap: Trap) -> bytes:
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:x='http://www.w3.org/1999/xlink'>"
        f"<image x:href='file://{trap.canary}'/><image href='{trap.url}/x.png'/><script>alert(1)</script></svg>"
    ).encode()


def eps(trap: Trap) -> bytes:
    return f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({trap.canary}) (r) file\n".encode()


TEXTS = {
    "hls": hls,
    "hls over http": hls_http,
    "hls behind a byte order mark": lambda trap: b"\xef\xbb\xbf" + hls(trap),
    "hls behind blanks": lambda trap: b" \r\n\t  " + hls(trap),
    "concat list": concat,
    "concat list, absolute": lambda trap: f"ffconcat version 1.0\nfile '{trap.canary}'\n".encode(),
    "concat list over http": lambda trap: f"ffconcat version 1.0\nfile {trap.url}/a.wav\n".encode(),
    "dash": dash,
    "sdp": sdp,
    "pls": lambda trap: f"[playlist]\nFile1={trap.url}/a.mp3\nNumberOfEntries=1\nVersion=2\n".encode(),
    "m3u": lambda trap: f"{trap.canary}\n{trap.url}/a.mp3\n".encode(),
    "xspf": xspf,
    "svg": svg,
    "eps": eps,
    "html": lambda trap: f"<!doctype html><script src='{trap.url}/x.js'></script>".encode(),
    "pdf": lambda trap: f"%PDF-1.7\n1 0 obj<</S/URI/URI({trap.url})>>endobj\n".encode(),
    "shell script": lambda trap: f"#!/bin/sh\ncat {trap.canary}\n".encode(),
    "imagemagick script": lambda trap: f"push graphic-context\nimage over 0,0 0,0 'url({trap.url})'\n".encode(),
    "subfile address": lambda trap: f"subfile,,start,0,end,0,,:{trap.canary}".encode(),
}

HEADS = {
    "zip": b"PK\x03\x04" + bytes(60),
    "program": b"\x7fELF\x02\x01\x01" + bytes(60),
    "photoshop": b"8BPS\0\1" + bytes(60),
    "tiff": b"II*\0\x08\0\0\0" + bytes(60),
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
    "fits": b"SIMPLE  =                    T" + bytes(60),
    "bitmap": b"BM" + bytes(60),
    "flash": b"FLV\x01\x05\0\0\0\x09" + bytes(60),
    "transport stream": (b"G@\0\x10" + bytes(184)) * 8,
    "avi": b"RIFF\0\0\0\0AVI LIST" + bytes(60),
    "zeros": bytes(64),
}


def with_extra(name: str, extra: bytes) -> Hostile:
    return hostile(lambda trap: trap.read(name) + extra, OK, kind="image")


FILES: dict[str, Hostile] = {
    **{name: hostile(make, UNSUPPORTED, kind="video") for name, make in TEXTS.items()},
    **{name: hostile(lambda _, head=head: head, UNSUPPORTED, kind="image") for name, head in HEADS.items()},  # type: ignore[misc]
    "hls behind id3": hostile(lambda trap: b"ID3\x03\0\0\0\0\0\0" + hls(trap), CORRUPT, NO_AUDIO),
    "concat list behind ogg": hostile(lambda trap: b"OggS" + concat(trap), CORRUPT, NO_AUDIO),
    "hls behind amr": hostile(lambda trap: b"#!AMR\n" + hls(trap), OK, CORRUPT, NO_AUDIO),
    "dash behind ftyp": hostile(lambda trap: FTYP + dash(trap), CORRUPT, TRUNCATED, kind="video"),
    "hls behind riff": hostile(lambda trap: b"RIFF\0\0\0\0WAVE" + hls(trap), CORRUPT, NO_AUDIO),
    "concat list behind matroska": hostile(lambda trap: b"\x1aE\xdf\xa3" + concat(trap), CORRUPT, kind="video"),
    "hls in a free box": hostile(lambda trap: FTYP + box(b"free", hls(trap)), CORRUPT, TRUNCATED, kind="video"),
    "svg behind gif": hostile(lambda trap: b"GIF89a" + svg(trap), CORRUPT, BOMB, kind="image"),
    "script that is a gif": hostile(lambda _: b"GIF89a/*" + bytes(20) + b"*/=alert(1)", CORRUPT, BOMB, kind="image"),
    "jpeg with a zip behind it": with_extra("photo.jpg", b"PK\x03\x04" + bytes(26) + b"x.htmPK\x05\x06" + bytes(18)),
    "png with a page behind it": with_extra("photo.png", b"<html><script>alert(1)</script></html>"),
    "voice note with a program behind it": hostile(lambda trap: trap.read("voice.ogg") + b"\x7fELF" * 900, OK),
    "nothing": hostile(lambda _: b"", EMPTY),
    "one byte": hostile(lambda _: b"O", UNSUPPORTED),
    "one byte of sync": hostile(lambda _: b"\xff", UNSUPPORTED),
    "OggS and no more": hostile(lambda _: b"OggS", CORRUPT, NO_AUDIO),
    "fLaC and no more": hostile(lambda _: b"fLaC", CORRUPT, NO_AUDIO),
    "jpeg start and no more": hostile(lambda _: b"\xff\xd8\xff", CORRUPT, kind="image"),
    "100 MB of zeros": written(sparse(b"", 100_000_000), UNSUPPORTED),
    "100 MB of zeros behind a jpeg head": written(
        sparse(b"\xff\xd8\xff\xe0", 100_000_000), "media.too_large", kind="image"
    ),
    "20 MB of zeros behind an mp3 head": written(sparse(b"ID3\x03", 20_000_000), CORRUPT, NO_AUDIO, LIMITS),
}
