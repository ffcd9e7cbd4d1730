// A root folder on a read-only file system, such as a snapshot or a disk that its kernel has given up on, still serves
// those who read; whoever wants to store something is told why that cannot be.

import TestKit
import Testing

@Suite(.enabled(if: SmallDisk.isAvailable, "needs a tmpfs of its own, which only root can mount"))
struct ReadOnlyRootTests {
    @Test("clone and get work; put, push and create are refused in words, and the log has no errors")
    func readOnly() throws {
        try ScratchDirectory.with { scratch in
            let disk = try SmallDisk(in: scratch, as: "root", mebibytes: 64)
            var options = AnnexdHost.Options()
            options.environment["ANNEXD_LIMITS_DISK_RESERVE_MEBIBYTES"] = "1"
            let host = try AnnexdHost(in: scratch, options)
            let alice = try StockClient(in: scratch)
            let hosted = try host.create()
            try hosted.setConfig("annex.diskreserve", "0")
            let tree = try alice.annexClone(hosted.url, as: "tree")
            try tree.write("a", "content\n")
            try tree.add("a")
            try tree.annex("push")
            try host.stop()

            try Command(["mount", "-o", "remount,ro", disk.path]).check()
            try host.restart()
            let fresh = try alice.annexClone(hosted.url, as: "fresh")
            try fresh.annex("get", "a")
            #expect(text("\(fresh.path)/a") == "content\n")

            let put = try hosted.p2p().put("FOO-s3--x", Array("abc".utf8))
            #expect(put.status == 403 && put.reason.contains("read-only"), "\(put.status) \(put.reason)")
            try fresh.git("commit", "-qm", "more", "--allow-empty")
            let push = try fresh.attempt("git", "push", "origin", "main")
            #expect(push.status != 0 && push.allText.contains("ead-only"), "\(push.transcript)")
            let create = try fresh.attempt("git", "push", "\(host.baseURL)/new/one", "main")
            #expect(create.status != 0 && create.allText.contains("ead-only"), "\(create.transcript)")
            #expect(host.log.contains("readers are served"), "\(host.log)")
            #expect(!host.log.contains("level=error"), "\(host.log)")
            try host.stop()
        }
    }

    @Test("an ordinary start warns of nothing")
    func ordinaryStart() throws {
        try withHost(.init(anonymous: nil)) { host, _ in
            let status = try host.http.get("/-/ready").status
            #expect(status == 200)
            #expect(!host.log.contains("level=warning") && !host.log.contains("level=error"), "\(host.log)")
            #expect(!host.log.contains("level=notice"), "\(host.log)")
        }
    }
}
