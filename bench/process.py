"""A child process as a bench sees it: started, measured by /proc, stopped."""
import os
import pathlib
import re
import subprocess


class Process:
    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, **options)

    def cpu_seconds(self):
        """Of all threads that are there, by the scheduler's count."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def cpu_seconds_since_start(self):
        """Of threads that have ended, too; to a hundredth."""
        user, system = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def status(self, key):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))

    def peak_mib(self):
        return self.status("VmHWM") / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()
