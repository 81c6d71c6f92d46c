#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""people_peer SOCKET NAME [answer]: a console that says hello, and stays until its input ends.

With "answer" it prints what it was told first, and ends.
"""
import json
import socket
import sys

s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(json.dumps(dict(t="hello", v=1, name=sys.argv[2], role="console")).encode() + b"\n")
if sys.argv[3:]:
    print(s.makefile().readline())
else:
    sys.stdin.read()
