"""A relay that does no more than a gateway must: it passes an answer on, and hashes it in a thread of its own

What a gateway can reach on a machine depends on its cores: hashing takes one, client and remote have what is left. This is
the least program that does the same work, without HTTP, bounds, or errors.
"""

import hashlib
import queue
import socket
import sys
import threading

PIECE = 1 << 20
PIECES = 16


def main(port, remote):
    server = socket.create_server(("127.0.0.1", port))
    pieces = [bytearray(PIECE) for _ in range(PIECES)]
    while True:
        client, _ = server.accept()
        with client:
            request = client.recv(65536)
            if request:
                with socket.create_connection(("127.0.0.1", remote)) as connection:
                    connection.sendall(request)
                    relay(connection, client, pieces)


def relay(connection, client, pieces):
    free, filled = queue.SimpleQueue(), queue.SimpleQueue()
    for piece in pieces:
        free.put(piece)
    hasher = threading.Thread(target=digest, args=(free, filled))
    hasher.start()
    while True:
        piece = free.get()
        count = connection.recv_into(piece)
        if count == 0:
            break
        part = memoryview(piece)[:count]
        client.sendall(part)
        filled.put((piece, part))
    filled.put(None)
    hasher.join()


def digest(free, filled):
    sha256 = hashlib.sha256()
    while (entry := filled.get()) is not None:
        piece, part = entry
        sha256.update(part)
        free.put(piece)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
