// What an upload must survive: a power cut right after the answer, a client that stalls for good, and a network that
// breaks a connection which the client's library then silently uses again.

import Foundation
import TestKit
import Testing

@Suite struct DurabilityTests {
    /// The kernel is asked what the server does; no power needs to be cut.
    @Test("spec 01 #26: content is synchronised before it is renamed into place, and the answer comes after both")
    func synchronisedBeforeRename() throws {
        try withRepository { repository, p2p, _ in
            let trace = repository.host.scratch.child("trace")
            let tracer = try Command([
                "strace", "-f", "-y", "-s", "300", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2,link", "-o",
                trace,
                "-p", "\(repository.host.pid)",
            ]).start()
            #expect(eventually { String(decoding: tracer.errors, as: UTF8.self).contains("attached") })
            let key = try p2p.store(seededBytes(300_000, seed: 26))
            let lines = try #require(text(trace)).split(separator: "\n").map(String.init)
            tracer.signal(SIGINT)
            _ = tracer.finish(within: 20)
            func index(_ what: String, _ matches: (String) -> Bool) throws -> Int {
                let found = lines.firstIndex(where: matches)
                return try #require(found, "no \(what) in\n\(lines.joined(separator: "\n"))")
            }
            let synchronised = try index("fsync of the upload") {
                ($0.contains("fsync(") || $0.contains("fdatasync(")) && $0.contains("annex/tmp/\(key)")
            }
            let renamed = try index("rename into the object store") {
                ($0.contains("rename") || $0.contains("link(")) && $0.contains("annex/objects/") && $0.contains(key)
            }
            let folder = try index("fsync of the object's folder") {
                $0.contains("fsync(") && $0.contains("annex/objects/") && !$0.contains("annex/tmp/")
            }
            let logged = try index("rename into the journal") { $0.contains("rename") && $0.contains("annex/journal") }
            #expect(synchronised < renamed && renamed < folder && folder < logged)
        }
    }

    @Test("spec 01 #52: a put that stalls for good gives its transfer lock back")
    func stalledPut() throws {
        var options = AnnexdHost.Options()
        options.environment = ["ANNEXD_LIMITS_TRANSFER_TIMEOUT_SECONDS": "2"]
        try withRepository(options) { repository, p2p, _ in
            let bytes = seededBytes(50_000, seed: 52)
            let key = try Tools.sha256Key(bytes)
            let stalled = try p2p.beginPut(key, part: Array(bytes[..<10_000]), declared: bytes.count)
            #expect(try eventually { try p2p.putOffset(key) == 10_000 })
            // Waits for the one that stalls, and is served when that is given up.
            let reply = try p2p.put(key, Array(bytes[10_000...]), offset: 10_000)
            #expect(reply.bool("stored") == true, "\(reply.status) \(reply.text)")
            let left = try Command(["find", "annex/transfer", "-type", "f"], directory: repository.directory).run()
            #expect(left.lines.isEmpty, "\(left.text)")
            stalled.close()
        }
    }

    @Test("spec 01 #116: a connection that is cut in the middle of a copy costs no second upload of everything")
    func cutConnection() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            let bytes = seededBytes(3_000_000, seed: 116)
            try tree.write("big", bytes)
            try tree.add("big")
            let key = try tree.key("big")

            // Passes everything on, but cuts the first connection that has sent 1 MB.
            let script = """
                import socket, sys, threading
                cut = threading.Event()
                def pump(a, b, counts):
                    sent = 0
                    try:
                        while data := a.recv(65536):
                            b.sendall(data)
                            sent += len(data)
                            if counts and sent > 1_000_000 and not cut.is_set():
                                cut.set()
                                break
                    except OSError:
                        pass
                    for s in (a, b):
                        try: s.shutdown(socket.SHUT_RDWR)
                        except OSError: pass
                server = socket.create_server(('127.0.0.1', 0))
                print(server.getsockname()[1], flush=True)
                while True:
                    client, _ = server.accept()
                    target = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
                    threading.Thread(target=pump, args=(client, target, True), daemon=True).start()
                    threading.Thread(target=pump, args=(target, client, False), daemon=True).start()
                """
            let relay = try Command(["python3", "-c", script, "\(repository.host.port)"]).start()
            #expect(eventually { !relay.output.isEmpty })
            let port = String(decoding: relay.output, as: UTF8.self).split(separator: "\n")[0]
            try tree.git("config", "remote.origin.annexurl", "annex+http://127.0.0.1:\(port)/team/data")
            var copy = try tree.attempt("git", "annex", "copy", "--to", "origin", "big")
            if copy.status != 0 {
                let own = p2p.from(try tree.uuid())
                #expect(try own.putOffset(key) ?? 0 > 500_000, "what arrived is kept: \\(copy.transcript)")
                copy = try tree.attempt("git", "annex", "copy", "--to", "origin", "big")
            }
            #expect(copy.status == 0, "\(copy.transcript)")
            #expect(try p2p.get(key).body == bytes)
            relay.signal(SIGKILL)
            _ = relay.finish()
        }
    }

    @Test("spec 01 #117: two clones that drop and get again and again hang nothing and leave no lock file")
    func dropAndGet() throws {
        try withRepository { repository, p2p, alice in
            let first = try alice.annexClone(repository.url, as: "first")
            for number in 0..<8 { try first.write("f\(number)", seededBytes(20_000 + number, seed: UInt64(number))) }
            try first.add(".")
            try first.annex("push")
            let second = try alice.annexClone(repository.url, as: "second")
            for _ in 0..<5 {
                let runs = try [first, second].map { tree in
                    try tree.begin("sh", "-c", "git annex get -J5 . && git annex drop .")
                }
                for run in runs { #expect(run.finish(within: 120).status == 0) }
            }
            let left = try Command(
                ["find", "annex", "-name", "*.lck", "-path", "*objects*", "-o", "-name", "*.rtm"],
                directory: repository.directory
            ).run()
            #expect(left.lines.isEmpty, "\(left.text)")
            #expect(try p2p.checkPresent(first.key("f0")) == true)
        }
    }
}
