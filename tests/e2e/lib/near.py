"""Programs run beside a client, with bytes for their streams."""
import subprocess


class Near:
    """self.box, and self.enter: words before a command, for instance that enter a namespace."""

    def popen(self, *argv, env=None, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        for name in ("stdout", "stderr"):
            more.setdefault(name, subprocess.PIPE)
        return subprocess.Popen([*self.enter, *argv], env={**self.box.env, **(env or {})}, cwd=self.box.home, **more)

    def run(self, *argv, data=None, timeout=60, **more):
        """(status, stdout, stderr) in bytes."""
        if data is not None:
            more["stdin"] = subprocess.PIPE
        p = self.popen(*argv, **more)
        try:
            out, err = p.communicate(data, timeout=timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
            raise
        return p.returncode, out, err
