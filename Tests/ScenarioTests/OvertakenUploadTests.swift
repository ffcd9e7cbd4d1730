// Uploads and removals of the same keys at the same time, over HTTP: whoever comes last, the location log says what is
// there.

import Foundation
import Synchronization
import TestKit
import Testing

@Suite struct OvertakenUploadTests {
    /// Four contents, each of which one client puts and another removes at about the same time, again and again.
    private struct Race {
        let p2p: P2PCalls
        let contents: [(bytes: [UInt8], key: String)]
        private(set) var random = SystemRandomNumberGenerator()

        init(_ p2p: P2PCalls) throws {
            self.p2p = p2p
            contents = try [1, 700, 20_000, 90_000].enumerated().map { index, size in
                let bytes = seededBytes(size, seed: UInt64(index + 1))
                return (bytes, try Tools.sha256Key(bytes))
            }
        }

        /// Eight requests, the removals a little later than the uploads; answers what went wrong with them.
        mutating func run() -> [String] {
            let (p2p, contents) = (p2p, contents)
            let pauses = contents.map { _ in UInt32.random(in: 0..<15_000, using: &random) }
            let troubles = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 2 * contents.count) { client in
                let (bytes, key) = contents[client / 2]
                do {
                    let reply: HTTPReply
                    if client % 2 == 0 {
                        reply = try p2p.put(key, bytes)
                    } else {
                        // Not to wait for something, but to come at any point of the upload.
                        usleep(pauses[client / 2])
                        reply = try p2p.call("remove", [("key", key)])
                    }
                    if reply.status == 200, reply.bool("stored") ?? reply.bool("removed") == true { return }
                    troubles.withLock { $0.append("\(reply.status) \(reply.reason) \(reply.text)") }
                } catch {
                    troubles.withLock { $0.append("\(error)") }
                }
            }
            return troubles.withLock { $0 }
        }

        /// The keys of which a repository's log and the objects tell different things.
        func disagreements(in repository: DiskRepository) throws -> [String] {
            try contents.compactMap { _, key in
                let isHere = try p2p.checkPresent(key) == true
                let isLogged = try repository.isLogged(key, in: p2p.uuid)
                return isLogged == isHere
                    ? nil : "\(key) is \(isHere ? "" : "not ")here, and \(isLogged ? "" : "not ")in the log"
            }
        }
    }

    private static let rounds = 100

    @Test("docs/reliability.md: uploads and removals of one key leave a log that is true", .timeLimit(.minutes(10)))
    func hosted() throws {
        try withRepository { repository, p2p, _ in
            var race = try Race(p2p)
            let disk = DiskRepository(path: repository.directory)
            for round in 0..<Self.rounds {
                let troubles = race.run()
                #expect(troubles.isEmpty, "\(troubles)")
                let wrong = try race.disagreements(in: disk)
                try #require(wrong.isEmpty, "round \(round): \(wrong)")
            }
            let doctor = try repository.host.annexd("doctor", "--root", repository.host.root, "--verify-objects")
            #expect(doctor.status == 0, "\(doctor.transcript)")
        }
    }

    @Test(
        "spec 03 §1.8: the same through a gateway, whose log is true as well", .timeLimit(.minutes(10)),
        arguments: [ProxySetup.Kind.hosted, .annexd])
    func proxied(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            var race = try Race(setup.p2p)
            for round in 0..<Self.rounds / 2 {
                let troubles = race.run()
                #expect(troubles.isEmpty, "\(troubles)")
                for place in [setup.gateway.directory, setup.targetGitDirectory] {
                    let wrong = try race.disagreements(in: DiskRepository(path: place))
                    try #require(wrong.isEmpty, "round \(round), the log of \(place): \(wrong)")
                }
            }
        }
    }
}
