"""Ceph's S3 gateway on one machine, for the tests: a monitor, one OSD that keeps its objects in memory, and radosgw.

Unlike moto it checks signatures and keeps a real server's rules. It runs as whoever runs the tests, root or not, on
free ports, in a folder of its own; nothing of it outlives the session. No manager daemon runs: it would only count.
Settings are explained at https://docs.ceph.com/en/pacific/rados/configuration/.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.servers import S3Server, ServerMissing, free_port, wait_until

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin")
COMMAND = "apt-get install --no-install-recommends ceph-mon ceph-osd radosgw"
START_LIMIT_S = 120.0  # of all attempts together; 4 to 6 s on a machine that has time, 35 on one that has none
ATTEMPTS = 3

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor_port}
ms bind msgr2 = false
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
keyring = {folder}/keyring
run dir = {folder}
crash dir = {folder}
admin socket =
log file = {folder}/$name.log
mon cluster log file = {folder}/cluster.log
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
# one copy on one disk, without an hour's thought about where
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
# a lost cluster is simply made again, so nothing waits for the disk
osd objectstore = memstore
memstore device bytes = 4294967296
# a decision of the monitor takes 1 s otherwise, and a start needs a dozen
paxos propose interval = 0.02
paxos min wait = 0.01
# a full disk is not the tests' matter
mon data avail warn = 1
mon data avail crit = 0
[osd]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway_port}
"""

# the crush map is the table of disks: one host, one disk
PLACE = """\
osd new {osd_uuid} 0
osd crush add-bucket h host
osd crush move h root=default
osd crush add osd.0 1.0 host=h
"""


class CephEnded(Exception):
    """A daemon ended, or a command failed, before the gateway answered."""


@contextlib.contextmanager
def gateway() -> Iterator[S3Server]:
    """An S3 server that checks signatures. ServerMissing where Ceph is not installed."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise ServerMissing(f"{missing[0]} is not installed: type '{COMMAND}'")
    deadline = time.monotonic() + START_LIMIT_S
    with contextlib.ExitStack() as kept:
        for attempt in range(ATTEMPTS):
            with contextlib.ExitStack() as started:
                cluster = started.enter_context(_cluster())
                try:
                    server = cluster.start(deadline)
                except CephEnded:  # as a rule a port was taken between looking and binding
                    if attempt + 1 == ATTEMPTS:
                        raise
                    continue
                kept.push(started.pop_all())
                break
        yield server


@contextlib.contextmanager
def _cluster() -> Iterator[_Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="desk-ceph-", dir="/tmp"))  # a short path, for messages one can read
    cluster = _Cluster(folder)
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


class _Cluster:
    """Daemons that share a folder and a configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._configuration = folder / "ceph.conf"
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        # Ceph's own programs are Python too and must not find this environment's modules
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}

    def start(self, deadline: float) -> S3Server:
        """Make the cluster and wait for its gateway. Raises CephEnded, TimeoutError."""
        fsid, osd_uuid, secret = str(uuid.uuid4()), str(uuid.uuid4()), uuid.uuid4().hex
        endpoint = f"http://127.0.0.1:{self._configure(fsid)}"
        self._run(deadline, "ceph-mon", "--mkfs", "-i", "a", "--fsid", fsid)
        self._begin("ceph-mon", "-i", "a")
        self._run(deadline, "ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", osd_uuid, "--no-mon-config")
        self._run(deadline, "ceph", given=PLACE.format(osd_uuid=osd_uuid))
        self._begin("ceph-osd", "-i", "0")
        self._begin("radosgw", "-n", "client.rgw")
        left_s = max(1.0, deadline - time.monotonic())
        wait_until(lambda: self._answers(endpoint), "the Ceph gateway's first answer", limit_s=left_s)
        user = ["user", "create", "--uid=desk", "--display-name=desk", "--access-key=desk", f"--secret-key={secret}"]
        self._run(deadline, "radosgw-admin", "-n", "client.rgw", *user)
        return S3Server(endpoint, region="us-east-1", access_key_id="desk", secret_access_key=secret)

    def stop(self) -> None:
        for daemon in self._daemons.values():
            daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait()

    def _configure(self, fsid: str) -> int:
        """Write the configuration; returns the gateway's port."""
        gateway_port = free_port()
        written = CONFIGURATION.format(
            fsid=fsid, folder=self.folder, monitor_port=free_port(), gateway_port=gateway_port
        )
        self._configuration.write_text(written)
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        return gateway_port

    def _begin(self, program: str, *options: str) -> None:
        """Start a daemon that stays our child and never changes its user."""
        with (self.folder / f"{program}.out").open("wb") as told:
            self._daemons[program] = subprocess.Popen(
                [program, "-f", "-c", str(self._configuration), *options],
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                cwd=self.folder,
                env=self._environment,
            )

    def _run(self, deadline: float, program: str, *options: str, given: str = "") -> None:
        """Run a program to its end. Raises CephEnded if it fails or a daemon it needs is gone."""
        with subprocess.Popen(
            [program, "-c", str(self._configuration), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=self._environment,
        ) as process:
            told: str | None = None
            rest: str | None = given
            while told is None:
                try:
                    told, _ = process.communicate(rest, timeout=0.5)
                except subprocess.TimeoutExpired:
                    rest = None
                    if self._ended() or time.monotonic() > deadline:
                        process.kill()
        if process.returncode != 0 or "Error E" in told:
            raise CephEnded(f"{program} ended with status {process.returncode}: {told}{self._logs()}")

    def _answers(self, endpoint: str) -> bool:
        if self._ended():
            raise CephEnded(f"{', '.join(self._ended())} ended at the start{self._logs()}")
        try:
            return requests.get(endpoint, timeout=2).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def _ended(self) -> list[str]:
        return [program for program, daemon in self._daemons.items() if daemon.poll() is not None]

    def _logs(self) -> str:
        """The end of what each daemon said, for whoever has to find out why."""
        said = {path.name: path.read_text(errors="replace")[-1500:] for path in self.folder.glob("*.out")}
        return "".join(f"\n--- {name}\n{text}" for name, text in said.items() if text)
