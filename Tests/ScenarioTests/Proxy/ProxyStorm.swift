import Foundation
import TestKit
import Testing

/// Requests to a proxied remote that are given up at random points, and contents for them.
struct ProxyStorm {
    /// What is begun and not ended.
    enum Way: CaseIterable {
        case get, put, checkPresent, putOffset, remove
        case lockUnheard, lockAndVanish, keepLockedAndBreak, keepLockedGarbage, lockAndUnlock

        var isLock: Bool {
            switch self {
            case .get, .put, .checkPresent, .putOffset, .remove: false
            case .lockUnheard, .lockAndVanish, .keepLockedAndBreak, .keepLockedGarbage, .lockAndUnlock: true
            }
        }
    }

    let p2p: P2PCalls
    /// Content that is read.
    let bytes: [UInt8], key: String
    /// Content that is locked: by those who hear of it, and by those who do not listen.
    let locked: String, unheard: String
    /// Content that uploads bring, again and again.
    let fresh: [(bytes: [UInt8], key: String)]
    /// Locks that were given out, heard of, and not given back.
    private(set) var promises = 0
    /// Lock requests whose answer nobody read.
    private(set) var unheardLocks = 0

    /// Stores the contents that will be read and locked.
    init(_ p2p: P2PCalls, size: Int) throws {
        self.p2p = p2p
        bytes = seededBytes(size, seed: 1)
        key = try p2p.store(bytes)
        locked = try p2p.store(Array("locked".utf8))
        unheard = try p2p.store(Array("unheard".utf8))
        fresh = try (0..<20).map {
            let bytes = seededBytes(size, seed: UInt64(1_000 + $0))
            return (bytes, try Tools.sha256Key(bytes))
        }
    }

    /// One request that the client gives up at a random point, by a reset or a close.
    mutating func interrupt(_ way: Way, _ random: inout some RandomNumberGenerator) throws {
        let point = Int.random(in: 0...bytes.count, using: &random)
        let (other, otherKey) = fresh[Int.random(in: 0..<fresh.count, using: &random)]
        let connection: RawConnection
        switch way {
        case .get:
            connection = try RawConnection(port: p2p.http.port, receiveBuffer: 16_384)
            try connection.send("GET \(p2p.target("key/\(key)")) HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try connection.readReply(bodyLimit: point / 4)
        case .put: connection = try p2p.beginPut(otherKey, part: Array(other[..<point]), declared: other.count)
        case .checkPresent: connection = try begin("checkpresent", key)
        case .putOffset: connection = try begin("putoffset", otherKey)
        case .remove: connection = try begin("remove", otherKey)
        case .lockUnheard:
            connection = try begin("lockcontent", unheard)
            unheardLocks += 1
        case .lockAndVanish, .keepLockedAndBreak, .keepLockedGarbage, .lockAndUnlock:
            let id = try #require(try p2p.lock(locked))
            if way == .lockAndUnlock {
                #expect(try p2p.unlock(id).bool("locked") == false)
                return
            }
            promises += 1
            if way == .lockAndVanish { return }
            connection = try p2p.keepLocked(id)
            try connection.sendChunk(Array("{\"unlock\":false}\n".utf8))
            if way == .keepLockedGarbage { try connection.sendChunk(Array("garbage\n".utf8)) }
        }
        if Bool.random(using: &random) { connection.reset() } else { connection.close() }
    }

    private func begin(_ action: String, _ key: String) throws -> RawConnection {
        let connection = try RawConnection(port: p2p.http.port)
        let target = p2p.target(action, [("key", key)])
        try connection.send("POST \(target) HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        return connection
    }

    /// putoffset says of every upload what the remote has of it, and that is how its content begins.
    func expectTrueOffsets(_ setup: ProxySetup, sourceLocation: SourceLocation = #_sourceLocation) throws {
        var partials = 0
        for (bytes, key) in fresh {
            guard try p2p.checkPresent(key) == false else { continue }
            let partial = try setup.partial(key)
            let offset = try p2p.putOffset(key)
            #expect(offset == partial.count, "\(key)", sourceLocation: sourceLocation)
            #expect(bytes.starts(with: partial), "\(key)", sourceLocation: sourceLocation)
            if !partial.isEmpty { partials += 1 }
        }
        // What is still on its way to another host when the client leaves is given up, and small uploads may be all of
        // that.
        #expect(partials > 0 || !setup.kind.isLocal, "no upload was cut in the middle", sourceLocation: sourceLocation)
    }

    /// Every cut upload can be resumed at once, and everything else works as before.
    func expectWorking(_ setup: ProxySetup) throws {
        #expect(try p2p.get(key).body == bytes)
        for (bytes, key) in fresh.prefix(5) {
            if try p2p.checkPresent(key) == false {
                let offset = try #require(try p2p.putOffset(key))
                let reply = try p2p.put(key, Array(bytes[offset...]), offset: offset)
                #expect(reply.bool("stored") == true, "from \(offset): \(reply.status) \(reply.reason) \(reply.text)")
            }
            #expect(try p2p.get(key).body == bytes)
            #expect(try setup.gatewayLists(key) && setup.targetLists(key))
            let lock = try #require(try p2p.lock(key))
            #expect(try p2p.unlock(lock).bool("locked") == false)
            #expect(try p2p.remove(key) == true)
            #expect(try !setup.gatewayLists(key) && !setup.targetLists(key))
        }
    }
}

extension ProxySetup {
    /// What the remote has of an upload that has not ended, or was cut.
    func partial(_ keyFile: String) throws -> [UInt8] {
        [UInt8](FileManager.default.contents(atPath: "\(targetGitDirectory)/annex/tmp/\(keyFile)") ?? Data())
    }
}
