"""The log of a process: on stderr, and nowhere where that is closed."""

import subprocess
import sys

PROGRAM = """
import logging
import structlog
from producers.http.access_log import AccessLog
from producers.logs import log_to_stderr

log_to_stderr()
structlog.get_logger("ours").info("told \\u06f1 \\udcff", number=7)
logging.getLogger("theirs").warning("told")
access = AccessLog()
access._lines.append("told")
access.flush()
print("done")
"""


def outcome(redirected: str) -> subprocess.CompletedProcess[str]:
    """Run it by a shell that redirects as a service's script may."""
    command = ["/bin/sh", "-c", f'exec "$0" -c "$1" {redirected}', sys.executable, PROGRAM]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_process_logs_on_stderr() -> None:
    """What is ours, what is a library's, and requests; nothing on stdout."""
    done = outcome("")
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert done.stderr.count("told") == 3
    assert "number=7" in done.stderr


def test_a_process_whose_stderr_is_closed_goes_on() -> None:
    """It says nothing, and stdout stays for what belongs there."""
    done = outcome("2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
