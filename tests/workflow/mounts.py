"""Disks that are mounted for one command alone. Nobody else sees them."""

import subprocess


def why_no_mounts() -> str:
    """What the system says where no disk can be mounted in this way; empty where one can."""
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True
    )
    return tried.stderr.strip() or f"mount ends with {tried.returncode}" if tried.returncode else ""
