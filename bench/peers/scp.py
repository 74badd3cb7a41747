"""scp through an sshd of its own on 127.0.0.1, one key, no password."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from bench.harness import NotMeasured

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SEPARATION = Path("/run/sshd")
CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile none
AuthenticationMethods publickey
UsePAM no
StrictModes no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""
LIMIT_S = 20.0


@contextmanager
def server(folder: Path) -> Iterator[list[str]]:
    """A running sshd; the beginning of a command line of scp that reaches it."""
    if SSHD is None or shutil.which("scp") is None or shutil.which("ssh-keygen") is None:
        raise NotMeasured("no sshd, scp or ssh-keygen")
    if os.geteuid() == 0 and not SEPARATION.is_dir():
        raise NotMeasured(f"no {SEPARATION}, which sshd wants of root")
    for name in ("host_key", "client_key"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(made, timeout=LIMIT_S, check=True)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(CONFIG.format(folder=folder, port=port))
    with subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(port)
            yield [
                *("scp", "-q", "-F", "none", "-P", str(port), "-i", str(folder / "client_key")),
                *("-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes"),
                *("-o", f"UserKnownHostsFile={folder / 'known'}"),
            ]
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return
        time.sleep(0.05)
    raise NotMeasured("sshd does not answer")
