// Repositories that root makes beside a service of another user: that user could not write them, and clients would hear
// of a 500 alone. Commands act as the owner of the root folder, or refuse; the doctor compares owners, whoever runs it.

import Foundation
import TestKit
import Testing

@Suite(.enabled(if: geteuid() == 0, "only root can act as somebody else"))
struct OwnerTests {
    /// A server that runs as nobody, on a root folder of nobody's.
    private struct Service {
        let program: String
        let root: String
        let port: Int
        let child: ChildProcess

        init(in scratch: ScratchDirectory) throws {
            try Command(["chmod", "755", scratch.path]).check()
            // Where the tests were built nobody may be able to look.
            program = scratch.child("annexd")
            try Command(["cp", try Tools.annexd(), program]).check()
            root = try scratch.makeDirectory("root")
            try Command(["chown", "nobody:", root]).check()
            let started = try Command(
                Self.nobody + [
                    program, "serve", "--root", root, "--listen", "127.0.0.1:0", "--anonymous", "write", "--ready-json",
                ]
            ).start()
            child = started
            guard eventually(within: 60, { started.output.contains(10) || started.status != nil }),
                let ready = try? JSONSerialization.jsonObject(with: Data(started.output)) as? [String: Any],
                let port = (ready["urls"] as? [String])?.first.flatMap({ URL(string: $0)?.port })
            else { throw TestKitError(.server, String(decoding: started.errors, as: UTF8.self)) }
            self.port = port
        }

        static let nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]

        func annexd(_ arguments: String..., as user: [String] = []) throws -> CommandResult {
            try Command(user + [program] + arguments + ["--root", root]).run()
        }

        /// Files below the root folder that are not nobody's.
        func foreign() throws -> String { try Command(["find", root, "!", "-user", "nobody"]).check().text }

        func end() {
            child.signal(SIGTERM)
            #expect(child.finish(within: 60).status == 0)
        }
    }

    @Test("what root makes belongs to the owner of the root folder, and clients can use it")
    func actsAsOwner() throws {
        try ScratchDirectory.with { scratch in
            let service = try Service(in: scratch)
            defer { service.end() }
            let alice = try StockClient(in: scratch)
            for arguments in [
                ["repo", "create", "team/data", "old/place"], ["repo", "rename", "old/place", "new/place"],
                ["repo", "delete", "new/place"], ["repo", "restore", "new/place"], ["proxy", "update", "team/data"],
                ["doctor", "--repair"],
            ] {
                let result = try Command([service.program] + arguments + ["--root", service.root]).run()
                #expect(result.status == 0, "\(result.transcript)")
            }
            #expect(try service.foreign().isEmpty)

            let tree = try alice.newRepository("tree")
            try tree.write("a", "content\n")
            try tree.add("a")
            for name in ["team/data", "team/other"] {
                try tree.git(
                    "remote", "add", name.replacing("/", with: "-"), "http://127.0.0.1:\(service.port)/\(name)")
                try tree.git("push", "-q", name.replacing("/", with: "-"), "main", "git-annex")
                try tree.annex("copy", "--to", name.replacing("/", with: "-"), "a")
            }
            #expect(try service.foreign().isEmpty)
        }
    }

    @Test("an import of root's is read as the owner: what that user may not read is refused in words")
    func importing() throws {
        try ScratchDirectory.with { scratch in
            let service = try Service(in: scratch)
            defer { service.end() }
            let source = scratch.child("source.git")
            try Command(["git", "init", "-q", "--bare", source]).check()
            let moved = try service.annexd("repo", "import", "--move", source, "moved")
            #expect(moved.status == 1 && moved.errorText.contains("chown -R nobody"), "\(moved.transcript)")
            let copied = try service.annexd("repo", "import", source, "copied")
            #expect(copied.status == 0, "\(copied.transcript)")
            try Command(["chmod", "700", source]).check()
            let closed = try service.annexd("repo", "import", source, "closed")
            #expect(closed.status == 1 && closed.errorText.contains("nobody"), "\(closed.transcript)")
            #expect(try service.foreign().isEmpty)
        }
    }

    @Test("somebody else makes nothing, and is told as whom to run")
    func somebodyElse() throws {
        try ScratchDirectory.with { scratch in
            let service = try Service(in: scratch)
            defer { service.end() }
            try Command(["chmod", "777", service.root]).check()
            let stranger = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]
            let result = try service.annexd("repo", "create", "team/data", as: stranger)
            #expect(result.status == 1 && result.errorText.contains("belongs to nobody"), "\(result.transcript)")
            #expect(!exists("\(service.root)/team"))
            #expect(try service.annexd("repo", "list", as: stranger).status == 0)
        }
    }

    @Test("the doctor tells of folders that are another user's, to root and to the owner alike")
    func doctor() throws {
        try ScratchDirectory.with { scratch in
            let service = try Service(in: scratch)
            defer { service.end() }
            #expect(try service.annexd("repo", "create", "team/data").status == 0)
            #expect(try service.annexd("doctor").status == 0)
            try Command(["chown", "-R", "root:root", "\(service.root)/team"]).check()
            for user in [[], Service.nobody] {
                let found = try service.annexd("doctor", as: user)
                #expect(found.status != 0 && found.text.contains("[foreign-owner]"), "\(found.transcript)")
                #expect(found.text.contains("belongs to root, and the root folder to nobody"), "\(found.text)")
            }
            try Command(["chown", "-R", "nobody:", "\(service.root)/team"]).check()
            #expect(try service.annexd("doctor").status == 0)
        }
    }

    @Test("settings are checked with the rights of the owner of the root folder, as the server has them")
    func configCheck() throws {
        try ScratchDirectory.with { scratch in
            try Command(["chmod", "755", scratch.path]).check()
            let root = try scratch.makeDirectory("root")
            try Command(["chown", "nobody:", root]).check()
            let (certificate, key) = (scratch.child("cert.pem"), scratch.child("key.pem"))
            try makeCertificate(certificate, key)
            try Command(["chmod", "600", key]).check()
            let file = scratch.child("annexd.toml")
            try write(file, "[tls]\ncertificate = \"\(certificate)\"\nkey = \"\(key)\"\n")
            let check = Command([try Tools.annexd(), "config", "check", "--config", file, "--root", root])
            let refused = try check.run()
            #expect(refused.status == 1 && refused.errorText.contains("Permission denied"), "\(refused.transcript)")
            try Command(["chown", "nobody:", key]).check()
            #expect(try check.run().status == 0)
        }
    }
}

/// Writes a self-signed certificate for localhost, and its key.
func makeCertificate(_ certificate: String, _ key: String) throws {
    try Command([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-keyout", key, "-out", certificate,
    ]).check()
}
