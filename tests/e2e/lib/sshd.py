"""Hosts to log in to: a real sshd each, with keys of its own, in a mount namespace that has its own
accounts, homes, logs and programs. Nothing of the machine's own sshd or accounts is touched."""
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile

from lib import procs
from lib.wait import wait_until

SSHD = "/usr/sbin/sshd"
SYSTEM = ("/usr/bin", "/bin")
SERVERS = ("mosh-server", "tern-server")  # never found by chance
PROMPT = "far$"
UID = 47011  # of the account that is not root

# What a start file of each shell must say for the same prompt everywhere.
START_FILES = {
    ".bash_profile": f"PS1='{PROMPT} '\nunset HISTFILE\n",
    ".profile": f"PS1='{PROMPT} '\n",
    ".cshrc": f"if ($?prompt) set prompt = '{PROMPT} '\n",
    ".config/fish/config.fish": "set -g fish_greeting\nset -g fish_term24bit 0\n"
                                f"function fish_prompt\n  echo -n '{PROMPT} '\nend\n",
}

# Runs in the new mount namespace. Arguments: a folder with etc and hidden; what to run then.
SETUP = """
set -e
dir=$1; shift
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/sshd
: > /run/utmp
mount -t tmpfs -o mode=755 none /var/log
: > /var/log/lastlog
: > /var/log/wtmp
mount -t tmpfs -o mode=755 none /usr/local
mkdir -p /usr/local/bin
for f in passwd shadow group motd; do
    [ -e /etc/$f ] || continue
    mount --bind "$dir/etc/$f" /etc/$f
done
while read -r path; do
    [ ! -d "$path" ] || mount -t tmpfs none "$path"
done < "$dir/hidden"
exec "$@"
"""


def why_not():
    """None, or what is missing here."""
    if os.geteuid() != 0:
        return "sshd in a mount namespace needs root"
    for program in (SSHD, "/usr/bin/ssh", "/usr/bin/ssh-keygen"):
        if not os.path.exists(program):
            return f"{program} is not installed"
    try:
        p = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/usr/local"],
                           capture_output=True, text=True)
    except FileNotFoundError:
        return "unshare is not installed"
    return f"no mount namespaces: {p.stderr.strip()}" if p.returncode else None


class Keys:
    """What all tests share: the keys of a user, of two hosts, one that nobody knows, one with a
    passphrase; a folder with the machine's programs but without the servers that a test may or may
    not want there."""
    PASSPHRASE = "open sesame"

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="tk-", dir="/tmp")
        os.chmod(self.dir, 0o755)  # the programs are for every account
        for name in ("user", "host", "host2", "stranger"):
            self.make(name, "")
        self.make("locked", self.PASSPHRASE)
        self.programs = self.file("bin")
        os.mkdir(self.programs)
        for folder in SYSTEM:
            for name in os.listdir(folder):
                target = os.path.join(self.programs, name)
                if name not in SERVERS and not os.path.lexists(target):
                    os.symlink(os.path.join(folder, name), target)

    def make(self, name, phrase):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-C", name, "-f", self.file(name)],
                       check=True)

    def file(self, name):
        return os.path.join(self.dir, name)

    def public(self, name):
        with open(self.file(name) + ".pub") as f:
            return f.read().strip()

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def free_port(address):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


class Host:
    """One sshd and the account behind it. `F` in the environment of the test's box is the ssh
    configuration that knows all hosts: `ssh -F $F far`."""

    def __init__(self, box, keys, name="far", *, address="127.0.0.1", shell="/bin/bash", user="root",
                 server=True, mosh=False, config="", env=None, key_options="", password=None, hide=(),
                 host_key="host", enter=(), port=None, tail=""):
        self.box, self.keys, self.name = box, keys, name
        self.address, self.user, self.enter = address, user, list(enter)
        self.dir = os.path.join(box.root, name)
        self.home, self.bin = self.path("home"), self.path("bin")
        for folder in (self.home, self.bin, self.path("etc"), self.path("tmp")):
            os.makedirs(folder)
        self.uid = 0 if user == "root" else UID
        self.config, self.tail, self.host_key, self.given_port = config, tail, host_key, port
        self.env = {"PATH": f"{self.bin}:/usr/local/bin:{keys.programs}", "TERN_TMPDIR": box.env["TERN_TMPDIR"],
                    **{k: box.env[k] for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")}}
        if self.uid:
            self.env["TERN_TMPDIR"] = self.path("tmp")
        self.env.update(env or {})
        self.log = self.path("log")
        self.hidden = hide
        self.accounts(shell, password)
        if mosh:
            os.symlink(shutil.which("mosh-server"), os.path.join(self.bin, "mosh-server"))
        for file, text in START_FILES.items():
            write(os.path.join(self.home, file), text)
        if server:
            self.install(self.bin)
        self.authorize(key_options)
        self.own()
        self.proc = self.port = None
        box.on_close(self.close)
        self.start()

    def path(self, name):
        return os.path.join(self.dir, name)

    # ---- the account

    def accounts(self, shell, password):
        word = "*"
        if password is not None:
            word = subprocess.run(["openssl", "passwd", "-5", password], check=True, capture_output=True,
                                  text=True).stdout.strip()
        users = [("root", 0, self.home if not self.uid else "/root")]
        if self.uid:
            users.append((self.user, UID, self.home))
        sshd = "sshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n"
        write(self.path("etc/passwd"), "".join(f"{n}:x:{u}:{u}:{n}:{h}:{shell}\n" for n, u, h in users) + sshd)
        write(self.path("etc/shadow"), "".join(f"{n}:{word}:19000:0:99999:7:::\n" for n, _, _ in users)
              + "sshd:!:19000:0:99999:7:::\n", 0o640)
        write(self.path("etc/group"), "".join(f"{n}:x:{u}:\n" for n, u, _ in users)
              + "tty:x:5:\nutmp:x:43:\nnogroup:x:65534:\n")
        write(self.path("etc/motd"), "")
        write(self.path("hidden"), "".join(f"{p}\n" for p in self.hidden))

    def authorize(self, options=""):
        """options: what stands before the key in authorized_keys."""
        write(self.path("authorized_keys"), "".join(
            f"{options}{' ' if options else ''}{self.keys.public(k)}\n" for k in ("user", "locked")))

    def own(self):
        """All of it is the account's, down from the box, which others may pass."""
        if self.uid:
            os.chmod(self.box.root, 0o711)
            for log in self.box.logs:
                open(log, "a").close()
                os.chmod(log, 0o666)
            subprocess.run(["chown", "-R", f"{UID}:{UID}", self.home, self.bin, self.path("tmp")], check=True)

    def install(self, folder, name="tern-server"):
        """Our server, under a name, in a folder of the far side."""
        os.makedirs(folder, exist_ok=True)
        source, target = os.path.join(self.box.build, "tern-server"), os.path.join(folder, name)
        if self.uid:  # the build folder may be closed to others
            shutil.copy(source, target)
        else:
            os.symlink(source, target)

    def script(self, name, text, shell="/bin/sh"):
        """A program in the far PATH."""
        path = os.path.join(self.bin, name)
        if os.path.lexists(path):
            os.unlink(path)
        write(path, f"#!{shell}\n{text}\n", 0o755)
        return path

    def file(self, name, text, mode=0o644):
        """A file in the far home; with a name that begins with '/', in the folder of its /etc."""
        path = os.path.join(self.home, name) if name[0] != "/" else self.path(name[1:])
        write(path, text, mode)
        if self.uid:
            os.chown(path, UID, UID)
        return path

    # ---- sshd

    def start(self):
        """Starts sshd (again, on the same port) and waits until it listens."""
        for attempt in range(5):
            self.port = self.port or self.given_port or free_port(self.address)
            if self.listen():
                break
            self.port = None
        else:
            raise RuntimeError(open(self.log).read())
        self.clients()

    def listen(self):
        address = f"[{self.address}]" if ":" in self.address else self.address
        env = " ".join(f'"{k}={v}"' for k, v in self.env.items())
        write(self.path("sshd_config"), f"""{self.config}
ListenAddress {address}:{self.port}
HostKey {self.keys.file(self.host_key)}
PidFile none
AuthorizedKeysFile {self.path("authorized_keys")}
UsePAM no
StrictModes no
UseDNS no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
AcceptEnv LANG LC_*
LogLevel VERBOSE
Subsystem sftp internal-sftp
SetEnv {env}
{self.tail}
""")
        start = self.log_size()
        self.proc = subprocess.Popen(
            [*self.enter, "unshare", "-m", "sh", "-c", SETUP, "sh", self.dir, SSHD, "-D", "-E", self.log,
             "-f", self.path("sshd_config")],
            stdin=subprocess.DEVNULL, stdout=open(self.path("errors"), "a"), stderr=subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC"})
        wait_until(lambda: "Server listening" in self.logged(start) or self.proc.poll() is not None, 20,
                   "sshd", lambda: open(self.path("errors")).read())
        if self.proc.poll() is None:
            return True
        if "Address already in use" in self.logged(start):
            return False
        raise RuntimeError(open(self.path("errors")).read() + self.logged(start))

    def log_size(self):
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def logged(self, start=0):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as f:
            f.seek(start)
            return f.read()

    def logins(self):
        return len(re.findall(r"^Accepted \S+ for ", self.logged(), re.M))

    def commands(self):
        """What sshd started, one text for each session: 'shell on pts/3 ...', 'command for ...'."""
        return [line.split("Starting session: ", 1)[1] for line in self.logged().splitlines()
                if "Starting session: " in line]

    def daemons(self):
        """The listening process and those of its connections."""
        if self.proc is None:
            return set()
        return {p for p in procs.descendants(self.proc.pid) | {self.proc.pid}
                if procs.name(p) in ("sshd", "sshd-session", "sshd-auth")}

    def kill(self, number=signal.SIGKILL):
        """sshd and all of its connections; what they started is the init process's from now on."""
        for pid in self.daemons():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        self.proc.wait(20)
        self.proc = None

    def close(self):
        if self.proc:
            self.kill(signal.SIGTERM)

    # ---- the client's side

    def clients(self):
        """Writes the client's files: its host block, one file for all hosts of the box, known_hosts."""
        shown = f"[{self.address}]:{self.port}" if self.port != 22 else self.address
        write(self.path("known_hosts"), f"{shown} {self.keys.public(self.host_key)}\n")
        block = f"""Host {self.name}
    HostName {self.address}
    Port {self.port}
    User {self.user}
    IdentityFile {self.keys.file("user")}
    IdentitiesOnly yes
    UserKnownHostsFile {self.path("known_hosts")}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""
        write(self.path("client_block"), block)
        self.ssh_config()

    def ssh_config(self, text=None):
        """The client's configuration: text (kept from the last call if None), then a block for each
        host; the first value of a keyword wins."""
        box = self.box
        if text is not None:
            box.ssh_text = text
        names = sorted(n for n in os.listdir(box.root)
                       if os.path.exists(os.path.join(box.root, n, "client_block")))
        blocks = "".join(open(os.path.join(box.root, n, "client_block")).read() for n in names)
        write(box.env["F"], getattr(box, "ssh_text", "") + "\n" + blocks)

    def ssh(self, *words, **more):
        """Plain ssh, the yardstick."""
        return self.box.run("ssh", "-F", self.box.env["F"], *words, **more)

    def tern(self, *words, **more):
        """The same by tern, without a terminal."""
        return self.box.run("tern", "-F", self.box.env["F"], *words, **more)


class UdpFilter:
    """Drops UDP in a namespace, as a firewall does: silently, on arrival. TCP passes."""

    def __init__(self, enter):
        self.enter = list(enter)
        for family in ("-4", "-6"):
            self.rule(family, "add", "pref", "10", "lookup", "local")
            self.rule(family, "del", "pref", "0")

    def rule(self, family, *words):
        p = subprocess.run([*self.enter, "ip", family, "rule", *words], capture_output=True, text=True)
        assert p.returncode == 0, f"ip rule {shlex.join(words)}: {p.stderr}"

    def set(self, dropped, interface="ll0"):
        for family in ("-4", "-6"):
            self.rule(family, "add" if dropped else "del", "pref", "5", "iif", interface, "ipproto", "udp",
                      "blackhole")
