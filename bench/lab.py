"""Runs the cases on the link, several side by side where that changes nothing, and keeps what came out."""
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import cases

ROOT = Path(__file__).resolve().parent.parent
KEYLAT = ROOT / "tools" / "keylat" / "keylat"


def why_not():
    """None, or what the link lacks on this machine."""
    if os.geteuid() != 0:
        return "needs root (network namespaces)"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "needs /dev/net/tun"
    for tool in ("ip", "ssh", "/usr/sbin/sshd", "vim"):
        if subprocess.run(["sh", "-c", f"command -v {tool}"], stdout=subprocess.DEVNULL).returncode:
            return f"needs {tool}"
    made = f"tern-bench-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", made], capture_output=True).returncode:
        return "may make no network namespace"
    subprocess.run(["ip", "netns", "delete", made], check=False)
    return None


class Runner:
    """results[case name] = [(client, program, round, result of keylat)]; failures = [(what, why)]"""

    def __init__(self, build, side_by_side, idle_seconds, raw):
        self.env = dict(os.environ, TERN_BUILD=str(build))
        self.width, self.idle_seconds, self.raw = side_by_side, idle_seconds, raw
        self.lock = threading.Lock()
        self.results, self.failures = {}, []

    def run_job(self, job):
        words = cases.command(job, KEYLAT, self.idle_seconds)
        p = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env,
                             start_new_session=True)
        try:
            out, err = p.communicate(timeout=job.seconds)
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGINT)  # it takes its link down
            out, err = p.communicate()
            err = f"took longer than {job.seconds} s"
        try:
            result = json.loads(out.splitlines()[-1])
        except (IndexError, ValueError):
            result = {"error": (err.strip().splitlines() or ["no result"])[-1]}
        self.keep(job, result)

    def keep(self, job, result):
        what = f"{job.case.name}, {job.client}, {job.program}, round {job.round + 1}"
        with self.lock:
            if "error" in result:
                self.failures.append((what, result["error"]))
            else:
                self.results.setdefault(job.case.name, []).append((job.client, job.program, job.round, result))
            print(f"  {time.strftime('%H:%M:%S')} {what}: {brief(result)}", flush=True)
            if self.raw:
                record = {"case": job.case.name, "client": job.client, "program": job.program, "round": job.round,
                          "result": result}
                self.raw.write(json.dumps(record) + "\n")
                self.raw.flush()

    def run_all(self, jobs, width):
        jobs, lock = iter(jobs), threading.Lock()

        def worker():
            while True:
                with lock:
                    job = next(jobs, None)
                if job is None:
                    return
                self.run_job(job)

        threads = [threading.Thread(target=worker) for _ in range(width)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def run(self, chosen, available):
        """Side by side what only waits, the long ones first; then, one at a time, what needs the processor."""
        alone = [c for c in chosen if c.alone]
        rest = sorted((c for c in chosen if not c.alone), key=lambda c: c.kind not in ("idle", "recover"))
        if rest:
            print(f"{', '.join(c.name for c in rest)}: {self.width} side by side", flush=True)
            self.run_all((j for c in rest for j in cases.jobs(c, available)), self.width)
        for case in alone:
            print(case.name, flush=True)
            self.run_all(cases.jobs(case, available), 1)


def brief(result):
    for key in ("error", "median", "ctrlc_ms", "bulk_s", "idle_packets_per_hour", "startup_s", "recover_ms"):
        if key in result:
            return f"{key} {result[key]}"
    return "no figure"
