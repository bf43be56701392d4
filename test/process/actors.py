#!/usr/bin/env python3
"""Processes that own sockets, in the ways real programs do; used by the live tests of process naming.

    actors.py serve plain|forking|preforked|threaded|mute HOST PORT
    actors.py connect plain|threaded|vanish|many HOST PORT [COUNT] [RATE] [HOLD_SECONDS] [SOURCE_PORT]

A server answers each connection with the id of the process that accepted it and waits for the client to leave. A client
prints one JSON line: its process id, the source ports it used, and what the servers answered. HOLD_SECONDS 0 does not
wait for an answer; `inf` opens all connections, prints, and holds them until the client is stopped. `vanish`: each
connection is made by a process of its own that ends at once; ids and ports are in the same order. `mute` accepts
without a word; `many` sends a byte, and holds each connection while it opens others.
"""
import collections
import json
import math
import os
import select
import signal
import socket
import sys
import threading
import time


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def listen(host, port):
    server = socket.socket(family_of(host))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    server.listen(4096)
    return server


def answer(connection):
    try:
        connection.sendall(f"{os.getpid()}\n".encode())
        while connection.recv(4096):
            pass
    except OSError:
        pass
    connection.close()


def serve(kind, host, port):
    server = listen(host, port)
    if kind == "mute":
        mute(server)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if kind == "preforked":
        for _ in range(3):
            if os.fork() == 0:
                kind = "plain"
                break
        else:
            signal.pause()
    while True:
        connection, _ = server.accept()
        if kind == "forking":
            if os.fork() == 0:
                server.close()
                answer(connection)
                os._exit(0)
            connection.close()
        elif kind == "threaded":
            threading.Thread(target=answer, args=(connection,), daemon=True).start()
        else:
            answer(connection)


def mute(server):
    poll = select.epoll()
    poll.register(server, select.EPOLLIN)
    accepted = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == server.fileno():
                connection, _ = server.accept()
                accepted[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)
            elif not accepted[descriptor].recv(64):
                accepted.pop(descriptor).close()


def many(host, port, count, rate, hold):
    begin = time.monotonic()
    opened = collections.deque()
    ports = []
    for number in range(count):
        due = begin + number / rate
        while opened and opened[0][0] + hold < time.monotonic():
            opened.popleft()[1].close()
        time.sleep(max(0.0, due - time.monotonic()))
        connection = socket.create_connection((host, port))
        connection.send(b"x")
        opened.append((time.monotonic(), connection))
        ports.append(connection.getsockname()[1])
    time.sleep(hold)
    return ports


def connect(host, port, hold, source_port):
    connection = socket.socket(family_of(host))
    if source_port:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.bind(("", source_port))
    connection.connect((host, port))
    local = connection.getsockname()[1]
    said = connection.recv(64).decode().strip() if hold else ""
    if hold != math.inf:
        time.sleep(hold)
        connection.close()
    return local, said, connection  # which is closed when nothing refers to it


def vanish(host, port):
    """The port that a process used which ended as soon as it was connected, and that process's id."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        connection = socket.create_connection((host, port))
        os.write(writer, str(connection.getsockname()[1]).encode())
        os._exit(0)
    os.close(writer)
    local = int(os.read(reader, 64))
    os.close(reader)
    os.waitpid(child, 0)
    return local, child


def act(kind, host, port, count=1, rate=1000.0, hold=0.0, source_port=0):
    if kind == "many":
        print(json.dumps({"pid": os.getpid(), "ports": many(host, port, count, rate, hold), "said": []}))
        return
    results = []
    begin = time.monotonic()
    threads = []
    for number in range(count):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        if kind == "vanish":
            results.append(vanish(host, port))
        elif kind == "threaded":
            work = lambda: results.append(connect(host, port, hold, source_port))
            threads.append(threading.Thread(target=work))
            threads[-1].start()
        else:
            results.append(connect(host, port, hold, source_port))
    for thread in threads:
        thread.join()
    ports = [result[0] for result in results]
    said = [int(result[1] or 0) for result in results]
    print(json.dumps({"pid": os.getpid(), "ports": ports, "said": said}), flush=True)
    if hold == math.inf:
        signal.pause()


if __name__ == "__main__":
    what, kind, host, port, *rest = sys.argv[1:]
    if what == "serve":
        serve(kind, host, int(port))
    else:
        numbers = [convert(text) for convert, text in zip((int, float, float, int), rest)]
        act(kind, host, int(port), *numbers)
