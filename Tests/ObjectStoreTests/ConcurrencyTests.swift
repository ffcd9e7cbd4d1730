import AnnexProtocol
import FileIO
import Foundation
import Synchronization
import SystemPackage
import Testing

@testable import ObjectStore

/// Runs `body` on so many threads at once and waits for them; throws the first error.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let errors = Mutex<[any Error]>([])
    DispatchQueue.concurrentPerform(iterations: count) { index in
        do { try body(index) } catch { errors.withLock { $0.append(error) } }
    }
    if let error = errors.withLock({ $0.first }) { throw error }
}

@Suite struct ConcurrencyTests {
    @Test("spec 01 #51: of many receivers of one key one gets it", arguments: 0..<10)
    func oneReceiver(round: Int) throws {
        let fixture = try Fixture()
        let content = sample(50_000, seed: UInt64(round + 1))
        let key = try key(for: content)
        let ready = Mutex<[Reception]>([])
        let busy = Atomic(0)
        try onThreads(8) { index in
            switch try fixture.begin(key, length: 50_000, client: "client\(index)") {
            case .ready(let reception): ready.withLock { $0.append(reception) }
            case .busy: busy.add(1, ordering: .relaxed)
            default: throw FixtureError("unexpected")
            }
        }
        let receptions = ready.withLock { $0 }
        #expect(receptions.count == 1)
        #expect(busy.load(ordering: .relaxed) == 7)
        try receptions[0].append(content)
        #expect(try receptions[0].finish(.complete) == .stored(newly: true))
        #expect(try fixture.begin(key, length: 50_000).isAlreadyPresent)
    }

    @Test("spec 01 #51: receiving, removing and locking one key without order leaves it whole or absent")
    func churn() throws {
        let fixture = try Fixture()
        let content = sample(20_000)
        let key = try key(for: content)
        let rounds = 30
        let stored = Atomic(0)
        let removed = Atomic(0)
        let locked = Atomic(0)
        try onThreads(8) { index in
            for _ in 0..<rounds {
                switch index % 4 {
                case 0, 1:
                    guard case .ready(let reception) = try fixture.begin(key, length: 20_000) else { continue }
                    try reception.append(content)
                    guard case .stored = try reception.finish(.complete) else { throw FixtureError("not stored") }
                    reception.release()
                    stored.add(1, ordering: .relaxed)
                case 2:
                    guard case .ready(let removal) = try fixture.store.beginRemoval(key) else { continue }
                    try removal.unlinkContent()
                    try removal.finish()
                    removed.add(1, ordering: .relaxed)
                default:
                    guard let lock = try fixture.store.lock(key) else { continue }
                    // While the lock is held the content stays, whole.
                    for _ in 0..<3 {
                        guard let open = try fixture.store.open(key), try open.file.readAll(limit: 30_000) == content
                        else {
                            throw FixtureError("locked content vanished")
                        }
                    }
                    try lock.release(keepingRetention: false)
                    locked.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(stored.load(ordering: .relaxed) > 0)
        if let open = try fixture.store.open(key) { #expect(try open.file.readAll(limit: 30_000) == content) }
        if try fixture.store.find(key) != nil { try fixture.store.remove(key) }
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
        #expect(try fixture.tree(fixture.annex.appending("transfer")).filter { $0.contains("SHA256") }.isEmpty)
    }

    @Test("a lock and a removal never both succeed", arguments: [9, 10])
    func lockAgainstRemoval(version: Int) throws {
        let fixture = try Fixture(StoreSettings(version: version))
        let content = sample(100)
        let key = try key(for: content)
        for _ in 0..<60 {
            if try fixture.store.find(key) == nil { try fixture.put(content, as: key) }
            let lock = Mutex<ContentLock?>(nil)
            let removal = Mutex<Removal?>(nil)
            try onThreads(2) { index in
                if index == 0 {
                    let taken = try fixture.store.lock(key)
                    lock.withLock { $0 = taken }
                } else if case .ready(let taken) = try fixture.store.beginRemoval(key) {
                    removal.withLock { $0 = taken }
                }
            }
            let taken = (lock.withLock { $0 }, removal.withLock { $0 })
            #expect(taken.0 == nil || taken.1 == nil)
            try taken.1?.unlinkContent()
            try taken.1?.finish()
            if let lock = taken.0 {
                #expect(try fixture.store.find(key) != nil)
                try lock.release(keepingRetention: false)
            }
        }
    }

    @Test func manyLocksAtOnce() throws {
        let fixture = try Fixture()
        let content = sample(100)
        let key = try key(for: content)
        try fixture.put(content, as: key)
        try onThreads(8) { _ in
            for _ in 0..<20 {
                guard let lock = try fixture.store.lock(key) else { throw FixtureError("lock refused") }
                try lock.release(keepingRetention: false)
            }
        }
        #expect(try fixture.tree(fixture.place(key).directory) == [key.description])
    }
}
