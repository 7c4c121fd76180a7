"""What the tests of the launcher say of processes, where it is easily wrong."""

import subprocess
from pathlib import Path

from tests.catacloud.processes import living, pid_of, until


def test_a_process_is_told_from_what_it_has_just_forked(tmp_path: Path) -> None:
    script = f"exec 3<&0; (read line <&3; :) & read line; wait # {tmp_path}"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE) as process:
        until(lambda: len(living(tmp_path)) == 2)
        assert pid_of(tmp_path, "read line") == process.pid
