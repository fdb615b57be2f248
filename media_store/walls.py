"""Walls around a child that no program in front of it has to build: no network, no files but the named ones.

Linux lets a single thread give up rights for good, and whatever that thread starts inherits the loss. So a child is
started from a thread made for it alone: a seccomp filter takes away sockets and the reach into other processes, a
Landlock domain leaves the files it was told to open. Neither needs root, a helper program or a privilege, both work in
ordinary containers, and together they cost a fraction of a millisecond. Where the kernel offers no seccomp, `unshare`
gives an empty network instead if it may. What stands on this machine is tried out once, not guessed: `standing`.
The kernel kills a child whose starting thread has ended, so that thread stays as long: nobody outlives a killed worker.
`runner` decides who gets which wall; macOS has none of them.
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import functools
import gc
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

T = TypeVar("T")


@dataclass(frozen=True)
class Reach:
    """Which files a child may open: `reads` files or whole folders, `writes` folders it may also create files in.

    `programs` are folders outside the system's own from which it may start programs, too.
    """

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    programs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Standing:
    """Which walls this machine can build: network 'seccomp', 'unshare' or None; files 'landlock' or None."""

    network: str | None
    files: str | None


# --- seccomp: a filter over system calls --------------------------------------------------------------------------

AUDIT_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h
X32_BIT = 0x40000000  # the second numbering of the same calls on x86-64
# Numbers from asm/unistd_64.h and asm-generic/unistd.h: (x86-64, arm64).
REFUSED_CALLS: dict[str, tuple[int, int]] = {
    # no network, and no local sockets either; what was handed over by file descriptor still works
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    # would carry out the same calls unseen
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # into other processes of the same user
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    # parts of the kernel no decoder needs
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
}
CLONE = (56, 220)
CLONE3 = (435, 435)
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET

LOAD_WORD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EACCES
NOT_THERE = 0x00050000 | errno.ENOSYS
CALL_NUMBER_AT, ARCH_AT, FIRST_ARGUMENT_AT = 0, 4, 16  # struct seccomp_data, little-endian


def _seccomp_program(machine: str) -> bytes:
    """The filter as the kernel takes it, or no bytes for a machine whose call numbers are not in the table."""
    if machine not in AUDIT_ARCHES or sys.byteorder != "little" or sys.maxsize <= 2**32:
        return b""
    column = list(AUDIT_ARCHES).index(machine)
    refused = sorted(numbers[column] for numbers in REFUSED_CALLS.values())
    # each step: operation, value, and where to go if it holds; everything else falls through to the next step
    steps: list[tuple[int, int, str]] = [(LOAD_WORD, ARCH_AT, ""), (JUMP_EQUAL, AUDIT_ARCHES[machine], "native")]
    steps += [(RETURN, REFUSE, ""), (LOAD_WORD, CALL_NUMBER_AT, "native:")]
    if machine == "x86_64":
        steps.append((JUMP_AT_LEAST, X32_BIT, "refuse"))
    steps += [(JUMP_EQUAL, number, "refuse") for number in refused]
    # clone3 hides its flags behind a pointer; the C library falls back to clone, whose flags can be seen
    steps += [(JUMP_EQUAL, CLONE3[column], "absent"), (JUMP_EQUAL, CLONE[column], "clone"), (RETURN, ALLOW, "")]
    steps += [(LOAD_WORD, FIRST_ARGUMENT_AT, "clone:"), (JUMP_ANY_BIT, NEW_NAMESPACES, "refuse"), (RETURN, ALLOW, "")]
    steps += [(RETURN, NOT_THERE, "absent:"), (RETURN, REFUSE, "refuse:")]
    places = {label[:-1]: at for at, (_, _, label) in enumerate(steps) if label.endswith(":")}
    jumps = [places[label] - at - 1 if label and label[-1] != ":" else 0 for at, (_, _, label) in enumerate(steps)]
    return b"".join(
        struct.pack("=HBBI", code, jump, 0, value) for (code, value, _), jump in zip(steps, jumps, strict=True)
    )


class _FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _prctl(option: int, first: int, second: object = 0) -> None:
    rest = [second if second else ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)]
    _checked(_libc().prctl(ctypes.c_int(option), ctypes.c_ulong(first), *rest), f"prctl {option}")


def _give_up_calls() -> None:
    """This thread, and all it starts, loses the calls of REFUSED_CALLS for good."""
    program = _seccomp_program(platform.machine())
    if not program:
        raise OSError(errno.ENOSYS, "no table of calls for this machine")
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(_FilterProgram(len(program) // 8, program)))


# --- Landlock: which files ----------------------------------------------------------------------------------------

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446  # the same number everywhere
RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8
TRUNCATE = 1 << 14
# every right of the files' part that each version of the interface knows: linux/landlock.h
KNOWN_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
TCP_BOTH_WAYS, ABSTRACT_SOCKETS_AND_SIGNALS = 0b11, 0b11  # since versions 4 and 6
LOOK = READ_FILE | READ_DIR
USE = LOOK | EXECUTE
CHANGE = READ_FILE | READ_DIR | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE
RIGHTS_ON_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE

# Programs, their libraries, and the few things of the system they look up. Nothing here is anyone's own.
SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/alternatives", "/dev/urandom", "/dev/random")
SYSTEM_FIGURES = ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")


def _landlock(call: int, *arguments: object) -> int:
    return _checked(_libc().syscall(ctypes.c_long(call), *arguments), f"landlock {call}")


@functools.cache
def _landlock_version() -> int:
    """What the kernel offers; 0 for nothing."""
    if not sys.platform.startswith("linux"):
        return 0
    with suppress(OSError):
        ask_version = (None, ctypes.c_size_t(0), ctypes.c_uint32(1))
        return min(_landlock(LANDLOCK_CREATE_RULESET, *ask_version), 6)
    return 0


def _give_up_files(reach: Reach) -> None:
    """This thread, and all it starts, opens nothing any more but the system's programs and what `reach` names."""
    version = _landlock_version()
    rights = KNOWN_RIGHTS[min(version, 5)]
    tcp = TCP_BOTH_WAYS if version >= 4 else 0
    outside = ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    handled = struct.pack("=QQQ", rights, tcp, outside)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _landlock(
        LANDLOCK_CREATE_RULESET, ctypes.c_char_p(handled), ctypes.c_size_t(len(handled)), ctypes.c_uint32(0)
    )
    try:
        for path, allowed in _allowances(reach):
            _allow_beneath(rules, path, allowed & rights)
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _landlock(LANDLOCK_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)


def _allowances(reach: Reach) -> Iterable[tuple[str, int]]:
    for path in (*SYSTEM_FOLDERS, *map(str, reach.programs)):
        yield path, USE
    for path in (*SYSTEM_FILES, *SYSTEM_FIGURES):
        yield path, LOOK
    yield "/dev/null", READ_FILE | WRITE_FILE
    for read in reach.reads:
        yield str(read), LOOK
    for folder in reach.writes:
        yield str(folder), CHANGE


def _allow_beneath(rules: int, path: str, allowed: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there cannot be opened either
    try:
        if not os.path.isdir(path):
            allowed &= RIGHTS_ON_A_FILE
        rule = struct.pack("=Qi", allowed, place)
        _landlock(
            LANDLOCK_ADD_RULE,
            ctypes.c_int(rules),
            ctypes.c_int(RULE_PATH_BENEATH),
            ctypes.c_char_p(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(place)


# --- starting ------------------------------------------------------------------------------------------------------


def _in_own_thread(work: Callable[[], T]) -> T:
    """Run something in a thread that ends with it, and hand on its result or its exception."""
    with ThreadPoolExecutor(1, "walled start") as pool:
        return pool.submit(work).result()


LONGEST_TRIAL_S = 20.0
NICENESS = 10  # children step back before everything else
_starting = threading.Lock()


def _forget_after_fork() -> None:
    """In a forked process: the thread that may have been starting something is not there."""
    global _starting
    if _starting.locked():
        gc.enable()
    _starting = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def start(command: Sequence[str], reach: Reach | None, **how: Any) -> subprocess.Popen[bytes]:
    """Start a child behind every wall that stands; `reach` None leaves its files open. `how` goes to Popen.

    It ends with this process, even if that is killed. Raises FileNotFoundError for a program that is not there.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    return _start([*_tether(), *command], reach, how)


def _start(command: Sequence[str], reach: Reach | None, how: dict[str, Any]) -> subprocess.Popen[bytes]:
    stands = standing()
    if stands.network == "unshare":
        command = [*_unshare(), *command]

    def begin() -> subprocess.Popen[bytes]:
        if reach is not None and stands.files:
            _give_up_files(reach)
        if stands.network == "seccomp":
            _give_up_calls()
        if sys.platform.startswith("linux"):
            os.nice(NICENESS)  # counts for one thread there and what it starts; a program in front costs half a ms
        return subprocess.Popen(command, **how)

    if not sys.platform.startswith("linux"):
        return begin()
    with _starting:
        # no collection of garbage in the thread that may no longer open files: what it finds is not ours
        was_collecting = gc.isenabled()
        gc.disable()
        try:
            return _in_a_thread_that_stays(begin)
        finally:
            if was_collecting:
                gc.enable()


def _in_a_thread_that_stays(begin: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a child in a thread that waits for its end: the kernel takes the thread that started it for its parent.

    A thread of the system without a name among Python's: one that waits must hold up nobody's end.
    """
    work, is_started = [begin], _thread.allocate_lock()
    answer: list[subprocess.Popen[bytes] | BaseException] = []
    is_started.acquire()
    _thread.start_new_thread(_begin_and_stay, (work, answer, is_started))
    is_started.acquire()
    started = answer.pop()
    if isinstance(started, BaseException):
        raise started
    return started


def _begin_and_stay(
    work: list[Callable[[], subprocess.Popen[bytes]]],
    answer: list[subprocess.Popen[bytes] | BaseException],
    is_started: _thread.LockType,
) -> None:
    try:
        answer.append(work.pop()())
    except BaseException as fault:  # noqa: BLE001  raised where the child was asked for
        answer.append(fault)
        is_started.release()
        return
    number = answer[0].pid  # type: ignore[union-attr]
    wait = _libc().waitid
    is_started.release()
    # from here on garbage may be collected again: nothing below makes any. The status is left for who asked.
    while wait(os.P_PID, number, None, os.WEXITED | os.WNOWAIT) < 0 and ctypes.get_errno() == errno.EINTR:
        pass


@functools.cache
def _tether() -> tuple[str, ...]:
    """The command in front that has the kernel kill a child whose parent is gone; nothing where it does not work."""
    program = shutil.which("setpriv") if sys.platform.startswith("linux") else None
    if program is None:
        return ()
    tether = (program, "--pdeathsig", "KILL", "--")
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with suppress(OSError, subprocess.TimeoutExpired), _start([*tether, "true"], Reach(), streams) as trial:
        try:
            return tether if trial.wait(LONGEST_TRIAL_S) == 0 else ()
        finally:
            trial.kill()
    return ()


@functools.cache
def suits(command: tuple[str, ...], reach: Reach) -> bool:
    """Whether a program finds all it needs behind the wall of files: it is started once and must end well.

    A second try is for a first one that was ended from outside: the answer stands as long as this process.
    """
    return standing().files is not None and (_ends_well(command, reach) or _ends_well(command, reach))


def _ends_well(command: tuple[str, ...], reach: Reach) -> bool:
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with suppress(OSError, subprocess.TimeoutExpired), start(command, reach, **streams) as child:
        try:
            return child.wait(LONGEST_TRIAL_S) == 0
        finally:
            child.kill()
    return False


@functools.cache
def standing() -> Standing:
    """Try each wall once in this process and say which holds."""
    if not sys.platform.startswith("linux"):
        return Standing(None, None)
    network = "seccomp" if _holds(_no_socket_is_made) else "unshare" if _unshare_holds() else None
    return Standing(network, "landlock" if _landlock_version() and _holds(_no_file_is_opened) else None)


def _holds(trial: Callable[[], bool]) -> bool:
    with suppress(OSError):  # the wall could not even be built
        return _in_own_thread(trial)
    return False


def _no_socket_is_made() -> bool:
    _give_up_calls()
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except PermissionError:
        return True
    return False


def _no_file_is_opened() -> bool:
    _give_up_files(Reach())
    try:
        os.close(os.open("/proc/self/status", os.O_RDONLY))  # readable to everybody, and in no folder of programs
    except PermissionError:
        return True
    return False


@functools.cache
def _unshare() -> tuple[str, ...]:
    """The command in front that gives an empty network: as root by right, else in a user namespace of its own."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    own_user = () if os.geteuid() == 0 else ("--user", "--map-current-user")
    return (program, *own_user, "--net", "--")


def _unshare_holds() -> bool:
    if not _unshare():
        return False
    command = [*_unshare(), "true"]
    with suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, timeout=LONGEST_TRIAL_S, check=False).returncode == 0
    return False
