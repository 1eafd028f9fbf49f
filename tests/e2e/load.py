"""A steady load of messages, and connections that fail in ways that no server does by itself."""
import json
import os
import socket
import subprocess
import threading
import time

from daemon import DEADLINE

SANITIZED = bool(os.environ.get("STREAMFLOW_SANITIZE"))  # slower, and its memory is not the daemon's
RATE = int(os.environ.get("STREAMFLOW_RATE", "1000" if SANITIZED else "5000"))  # messages a second


class Publisher(threading.Thread):
    """Messages {"n": 0}, {"n": 1}… at QoS 1 at a steady rate, through the broker's own outages too."""

    def __init__(self, port, rate=RATE):
        super().__init__()
        self.port, self.rate = port, rate
        self.sent = 0
        self.ending = threading.Event()

    def run(self):
        self.process = subprocess.Popen(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", "in/a", "-q", "1", "-l"],
                                        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        begin = time.monotonic()
        while not self.ending.is_set():
            due = int((time.monotonic() - begin) * self.rate) - self.sent
            lines = "".join(json.dumps({"n": self.sent + i, "pad": "x" * 80}) + "\n" for i in range(max(0, due)))
            self.process.stdin.write(lines.encode())
            self.process.stdin.flush()
            self.sent += max(0, due)
            time.sleep(0.01)
        self.process.stdin.close()
        assert self.process.wait(DEADLINE) == 0

    def end(self):
        self.ending.set()
        self.join()
        return self.sent


class Proxy:
    """A TCP relay that can fall silent without closing a connection (half open), or swallow what the client says."""

    def __init__(self, target):
        self.target = target
        self.silent = self.deaf = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.sockets += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.relay, args=(a, b, a is near), daemon=True).start()

    def relay(self, a, b, from_client):
        try:
            while data := a.recv(65536):
                while self.silent:
                    time.sleep(0.02)
                if not (self.deaf and from_client):
                    b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for s in [self.listener, *self.sockets]:
            s.close()
