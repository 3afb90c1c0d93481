"""The two sides of a proxy, for proxy.bats.

  proxy_peer.py upstream PORT-FILE LOG     answers 204 to all and writes each request as a line of JSON
  proxy_peer.py slow PORT CA SECONDS       sends a header line a second, and says when it was hung up on
  proxy_peer.py free                       a port that is free
"""

import http.server
import json
import socket
import ssl
import sys
import time

NAME = "calendar.example.org"


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        with open(sys.argv[3], "a", encoding="ascii") as log:
            log.write(json.dumps({"path": self.path, "headers": headers, "body": len(body)}) + "\n")
        self.send_response(204)
        self.end_headers()

    do_GET = do_PUT = do_DELETE = do_POST

    def log_message(self, *args):
        pass


def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    with open(sys.argv[2], "w", encoding="ascii") as port:
        port.write(str(server.server_port))
    server.serve_forever()


def slow():
    port, ca, seconds = int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    context = ssl.create_default_context(cafile=ca)
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as raw:
        with context.wrap_socket(raw, server_hostname=NAME) as peer:
            peer.sendall(b"POST /api/calendar/webhook/google HTTP/1.1\r\nHost: " + NAME.encode() + b"\r\n")
            peer.settimeout(1)
            while time.monotonic() - begin < seconds:
                try:
                    peer.sendall(b"X-Filler: 1\r\n")
                    if not peer.recv(1000):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            else:
                sys.exit("still connected")
    print(int(time.monotonic() - begin))


def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        print(s.getsockname()[1])


{"upstream": upstream, "slow": slow, "free": free}[sys.argv[1]]()
