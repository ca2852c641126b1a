"""`end_with_parent`: a worker whose parent is gone ends at once, however that parent was killed.

loky's workers survive a SIGKILL or SIGTERM of their parent. On Linux the kernel is asked for a
SIGKILL at the parent's death (prctl(2), PR_SET_PDEATHSIG), which comes even while C code runs. It
follows the *thread* that started the worker, which here lives as long as its workers. Everywhere,
also there, a thread of the worker looks for its parent twice a second.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

import psutil

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 0.5


def end_with_parent(parent_pid: int) -> None:
    """Tie the life of this process to that of its parent.

    Args:
        parent_pid: Who started this process: it may be gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    threading.Thread(target=_watch, args=(parent_pid,), name="lifeline", daemon=True).start()


def _watch(parent_pid: int) -> None:
    if sys.platform == "win32":  # there a child keeps the number of a parent that is gone
        _wait_for_end(parent_pid)
    else:
        while os.getppid() == parent_pid:
            time.sleep(_LOOK_EVERY_S)
    os._exit(1)


def _wait_for_end(pid: int) -> None:
    try:
        psutil.Process(pid).wait()
    except psutil.NoSuchProcess:
        return
