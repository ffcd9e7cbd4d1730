// What the log tells an administrator: which path was refused, and that a repository was taken away by hand, once.

import Foundation
import TestKit
import Testing

@Suite struct RequestLogTests {
    @Test("every refused request is logged with its path, escaped and bounded, and without its query")
    func paths() throws {
        try withHost(.init(anonymous: "none")) { host, _ in
            let long = "/" + String(repeating: "a", count: 5000) + "/end"
            let statuses = try ["/favicon.ico", "/team/data/config?secret=hidden", long].map { target in
                try host.http.get(target).status
            }
            #expect(statuses == [404, 401, 404])
            func line(_ words: String...) -> String? {
                host.log.split(separator: "\n").map(String.init).first { line in words.allSatisfy { line.contains($0) }
                }
            }
            #expect(eventually { line("msg=request", "/end") != nil }, "\(host.log)")
            #expect(line("path=/favicon.ico ", "status=404") != nil, "\(host.log)")
            #expect(line("path=/team/data/config ", "status=401") != nil, "\(host.log)")
            #expect((line("aaa...aaa", "/end")?.utf8.count ?? .max) < 700, "\(host.log)")
            #expect(!host.log.contains("hidden"))
        }
    }

    @Test("a request whose client left is logged as such, and as no failure of the host")
    func left() throws {
        try withRepository { repository, p2p, _ in
            let key = try Tools.sha256Key(Array("never sent".utf8))
            let upload = try p2p.beginPut(key, part: Array("never".utf8), declared: 10)
            #expect(try eventually { try p2p.putOffset(key) == 5 })
            let object = try p2p.store(seededBytes(30_000_000, seed: 1))
            let download = try RawConnection(port: repository.host.port, receiveBuffer: 4096)
            try download.send("GET \(p2p.target("key/\(object)", withClient: true)) HTTP/1.1\r\nHost: h\r\n\r\n")
            // Of 30 MB some come at most before the client reads.
            _ = try download.readReply(bodyLimit: 1000)
            upload.reset()
            download.reset()
            func isLogged(_ operation: String, _ reason: String) -> Bool {
                repository.host.log.split(separator: "\n").contains {
                    $0.contains("operation=\(operation) ") && $0.contains(reason)
                }
            }
            #expect(eventually(within: 20) { isLogged("get", "the client left") }, "\(repository.host.log)")
            #expect(
                eventually(within: 20) { isLogged("put", "the rest of the request did not come") },
                "\(repository.host.log)")
            #expect(!repository.host.log.contains("level=error"), "\(repository.host.log)")
        }
    }

    @Test("a client of Git LFS is told in JSON, which it shows, what keeps large files here")
    func gitLFS() throws {
        try withHost { host, _ in
            let reply = try host.http.get("/team/data.git/info/lfs/locks")
            #expect(reply.status == 501)
            let body = try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
            #expect((body?["message"] as? String)?.contains("git-annex") == true, "\(reply.text)")
            #expect(reply.headers.contains { $0.value == "application/vnd.git-lfs+json" }, "\(reply.headers)")
        }
    }

    @Test("a repository that is removed with rm -rf while changes wait for their commit is given up, in one line")
    func removedByHand() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            // What keeps the commit from being made until the repository is gone.
            try Command(["touch", "\(repository.directory)/refs/heads/git-annex.lock"]).check()
            _ = try p2p.store(Array("recorded in the journal".utf8))
            #expect(eventually(within: 60) { host.log.contains("git-annex branch not committed") }, "\(host.log)")
            try Command(["rm", "-rf", repository.directory]).check()
            #expect(eventually(within: 60) { host.log.contains("a repository was removed") }, "\(host.log)")
            #expect(host.log.components(separatedBy: "a repository was removed").count == 2)
            #expect(try host.http.get("/team/data/config").status == 404)
        }
    }
}
