// git over smart HTTP as any git host serves it: every protocol version, large and small bodies, shallow and partial
// clones, push options, and independence from whatever git configuration the machine has.

import Foundation
import TestKit
import Testing

@Suite struct GitSmartHTTPTests {
    /// Pushes a small history and returns its work tree.
    private func seed(_ alice: StockClient, _ url: String, commits: Int = 5) throws -> WorkTree {
        let tree = try alice.newRepository("seed", annex: false)
        for number in 1...commits {
            try tree.write("file\(number)", seededBytes(2_000, seed: UInt64(number)))
            try tree.git("add", ".")
            try tree.git("commit", "-qm", "commit \(number)")
        }
        try tree.git("remote", "add", "origin", url)
        try tree.git("push", "-q", "origin", "main")
        return tree
    }

    @Test("clone, fetch and push with protocol v0, v1 and v2", arguments: ["0", "1", "2"])
    func versions(version: String) throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try seed(alice, served.url)
            let clone = try alice.clone(served.url, as: "clone", ["-c", "protocol.version=\(version)"])
            try tree.git("commit", "-qm", "more", "--allow-empty")
            try tree.git("push", "-q", "origin", "main")
            try clone.git("fetch", "-q")
            #expect(try clone.git("log", "-1", "--format=%s", "origin/main").trimmed == "more")
            try clone.git("commit", "-qm", "mine", "--allow-empty")
            try clone.git("push", "-q", "origin", "main:mine")
            #expect(try served.tree(alice).git("log", "-1", "--format=%s", "mine").trimmed == "mine")
            let advertised = try host.http.get(
                "/team/data.git/info/refs?service=git-upload-pack",
                headers: [(name: "Git-Protocol", value: "version=\(version)")])
            #expect(advertised["content-type"] == "application/x-git-upload-pack-advertisement")
            #expect(advertised["cache-control"]?.contains("no-cache") == true)
            #expect(advertised.text.contains("version 2") == (version == "2"))
            #expect(advertised.text.contains("version 1") == (version == "1"))
        }
    }

    @Test("gzipped request bodies are understood")
    func gzip() throws {
        try withHost { host, alice in
            let served = try host.create()
            _ = try seed(alice, served.url)
            let plain = Array("0014command=ls-refs\n00010009peel\n0000".utf8)
            let packed = try Command(["gzip", "-c"], input: plain).check().output
            let headers = [
                (name: "Content-Type", value: "application/x-git-upload-pack-request"),
                (name: "Git-Protocol", value: "version=2"),
            ]
            let coded = headers + [(name: "Content-Encoding", value: "gzip")]
            let target = "/team/data/git-upload-pack"
            let expected = try host.http.request("POST", target, headers: headers, body: plain)
            #expect(expected.text.contains("refs/heads/main"))
            for framing in [BodyFraming.length, .chunked(7)] {
                let reply = try host.http.request("POST", target, headers: coded, body: packed, framing: framing)
                #expect(reply.status == 200)
                #expect(reply.body == expected.body)
            }
            let broken = try host.http.request("POST", target, headers: coded, body: Array("not gzip".utf8))
            #expect(broken.status != 200 || !broken.text.contains("refs/heads/main"))
            #expect(try host.http.get("/team/data/config").status == 200)
        }
    }

    @Test("a real client gzips a long negotiation")
    func longNegotiation() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try seed(alice, served.url)
            let clone = try alice.clone(served.url, as: "clone", ["-c", "protocol.version=0"])
            let script = "for i in $(seq 1 300); do git commit -qm own$i --allow-empty; done"
            try alice.command(["sh", "-c", script], in: clone.path).check()
            try tree.git("commit", "-qm", "news", "--allow-empty")
            try tree.git("push", "-q", "origin", "main")
            try clone.git("fetch", "-q")
            #expect(try clone.git("log", "-1", "--format=%s", "origin/main").trimmed == "news")
        }
    }

    @Test("chunked request bodies: a push larger than http.postBuffer")
    func chunkedPush() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try seed(alice, served.url)
            try tree.write("big", seededBytes(3_000_000, seed: 99))
            try tree.git("add", ".")
            try tree.git("commit", "-qm", "big")
            try tree.git("-c", "http.postBuffer=65536", "push", "-q", "origin", "main")
            #expect(try alice.clone(served.url, as: "again").read("big") == seededBytes(3_000_000, seed: 99))
            try served.tree(alice).git("fsck", "--strict")
        }
    }

    @Test("shallow and partial clones, and their later fetches")
    func shallowAndPartial() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try seed(alice, served.url, commits: 6)
            let shallow = try alice.clone(served.url, as: "shallow", ["--depth", "1"])
            #expect(try shallow.git("rev-list", "--count", "HEAD").trimmed == "1")
            try shallow.git("fetch", "-q", "--deepen", "2")
            #expect(try shallow.git("rev-list", "--count", "HEAD").trimmed == "3")
            try shallow.git("fetch", "-q", "--unshallow")
            #expect(try shallow.git("rev-list", "--count", "HEAD").trimmed == "6")

            let partial = try alice.clone(served.url, as: "partial", ["--filter=blob:none", "--no-checkout"])
            let missing = try partial.git("rev-list", "--objects", "--all", "--missing=print").text
            #expect(missing.contains("\n?"), "a partial clone leaves blobs out")
            try partial.git("checkout", "-q", "main")
            #expect(partial.read("file6") == tree.read("file6"))
        }
    }

    @Test("push options are accepted and sideband messages arrive")
    func pushOptionsAndSideband() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try seed(alice, served.url)
            try tree.git("commit", "-qm", "more", "--allow-empty")
            try tree.git("push", "-q", "-o", "topic=x", "origin", "main")
            let clone = try alice.command(
                ["git", "clone", "--progress", served.url, "loud"], in: alice.scratch.path
            ).check()
            #expect(clone.errorText.contains("remote: "), "\(clone.errorText)")
        }
    }

    @Test("a push of 200 MB streams through without filling the server's memory")
    func largePush() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try seed(alice, served.url)
            try alice.command(["sh", "-c", "head -c 200000000 /dev/urandom > huge"], in: tree.path).check()
            try tree.git("add", ".")
            try tree.git("commit", "-qm", "huge")
            try tree.git("push", "-q", "origin", "main")
            let peak = try host.readings.peakResidentBytes
            #expect(peak < 120 << 20, "peak of annexd itself: \(peak >> 20) MiB")
        }
    }

    @Test("the machine's and the user's git configuration have no influence")
    func foreignConfiguration() throws {
        var options = AnnexdHost.Options()
        options.environment = [
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.uploadpack", "GIT_CONFIG_VALUE_0": "false",
            "GIT_DIR": "/nonexistent", "GIT_CONFIG_PARAMETERS": "'core.bare'='false'",
        ]
        options.environment["GIT_CONFIG_GLOBAL"] = "/proc/self/environ"
        try withHost(options) { host, alice in
            try write("\(host.scratch.path)/home-of-annexd/.gitconfig", "[this is not git configuration\n")
            let served = try host.create()
            let tree = try seed(alice, served.url)
            #expect(try alice.clone(served.url, as: "again").read("file1") == tree.read("file1"))
        }
    }

    @Test("repositories owned by another uid are served", .enabled(if: geteuid() == 0))
    func foreignOwner() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try seed(alice, served.url)
            try Command(["chown", "-R", "12345:12345", served.directory]).check()
            #expect(try alice.clone(served.url, as: "again").read("file1") == tree.read("file1"))
            try tree.git("commit", "-qm", "more", "--allow-empty")
            try tree.git("push", "-q", "origin", "main")
            #expect(try served.p2p().store(Array("owned by another".utf8)).hasPrefix("SHA256-"))
        }
    }

    @Test("a client that vanishes inside a push leaves nothing behind")
    func vanishingPush() throws {
        try withHost { host, alice in
            let served = try host.create()
            _ = try seed(alice, served.url)
            let before = try host.readings
            for _ in 0..<10 {
                let connection = try RawConnection(port: host.port)
                try connection.send(
                    "POST /team/data/git-receive-pack HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                        + "Content-Type: application/x-git-receive-pack-request\r\n\r\n4\r\n00")
                connection.reset()
            }
            #expect(
                try eventually {
                    let now = try host.readings
                    return now.children.count <= before.children.count && now.descriptors <= before.descriptors + 4
                }, "before: \(before)")
        }
    }
}
