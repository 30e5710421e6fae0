"""Runs Python in a fork of one that has imported the libraries: `python warm_call.py SOCKET ARGUMENTS...`.

It imports little, because the tests of workflows start it hundreds of times (warm_python.py).
"""

import array
import json
import os
import socket
import sys

# Standard input, output and errors, as in warm_python.py.
STREAMS = 3


def call(address: str, arguments: list[str]) -> int:
    """Run Python with `arguments` in a fork, with the folder, environment, disks and streams of this process.

    Returns its exit code.

    If this process is killed, the fork is killed too.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        streams = array.array("i", range(STREAMS))
        request = json.dumps([arguments, os.getpid(), os.getcwd(), dict(os.environ)]).encode()  # noqa: PTH109 (pathlib is slow to import)
        head = len(request).to_bytes(8, "big")
        connection.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(request)
        answer = connection.recv(8)
    return int.from_bytes(answer, "big", signed=True) if answer else 1


if __name__ == "__main__":
    sys.exit(call(sys.argv[1], sys.argv[2:]))
