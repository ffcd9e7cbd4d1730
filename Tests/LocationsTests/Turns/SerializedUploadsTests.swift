import AnnexProtocol
import Blocking
import Locations
import LocationsTesting
import TestKit
import Testing

/// Two uploads of one key to a remote, of which the slow one gives way and the quick one breaks off.
@Suite(.timeLimit(.minutes(10))) struct SerializedUploadsTests {
    private let bytes: [UInt8] = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    private let key: Key
    private let pool = BlockingPool(name: "digests", threadCount: 1)

    init() throws { key = try Key(parsing: "URL-s1000--x") }

    private static let impatient = KeyTurns.Patience(window: .milliseconds(200), minimumProgress: 1 << 20)

    private func target(_ change: (inout FakeLocation.Script) -> Void = { _ in }) -> FakeLocation {
        let target = FakeLocation(traits: LocationTraits(takesUploadsOfOneKeyAtOnce: false))
        change(&target.script)
        return target
    }

    private func place(_ target: FakeLocation, settling: Duration = .seconds(20)) -> SerializedUploads {
        SerializedUploads(target: target, turns: KeyTurns(patience: Self.impatient), pool: pool, settling: settling)
    }

    private func upload(_ sender: FakeBody) -> Upload {
        Upload(client: [], associatedFile: nil, offset: 0, length: Int64(bytes.count), body: sender)
    }

    @Test("the slow one goes on at the remote where it was", arguments: [0, 50, 400])
    func goesOn(quickBytes: Int) async throws {
        let (target, slow, quick) = (target(), FakeBody(), FakeBody())
        let place = place(target)
        slow.give(bytes[..<100])
        let first = Task { [key, upload = upload(slow)] in try await place.store(key, from: upload) }
        try await wait(for: "bytes at the target") { target.part(of: key).count == 100 }
        let second = Task { [key, upload = upload(quick)] in try await place.store(key, from: upload) }
        try await wait(for: "the second upload") { target.offsets.count == 2 }
        quick.give(bytes[..<quickBytes])
        try await wait(for: "bytes at the target") { target.part(of: key).count == max(100, quickBytes) }
        quick.end(.broken)
        slow.give(bytes[100...])
        slow.end(.end(.unchecked))
        #expect(try await first.value == .stored(at: [target.uuid]))
        _ = try await second.value
        #expect(target[key] == bytes)
        #expect(target.offsets.prefix(3) == [0, 0, 100])
    }

    @Test("an upload that waits for the end of its body has its last byte sent again")
    func lastByte() async throws {
        let (target, slow, quick) = (target { $0.holdsBackLast = true }, FakeBody(), FakeBody())
        let place = place(target)
        slow.give(bytes[...])
        let first = Task { [key, upload = upload(slow)] in try await place.store(key, from: upload) }
        try await wait(for: "bytes at the target") { target.part(of: key).count == 999 }
        let second = Task { [key, upload = upload(quick)] in try await place.store(key, from: upload) }
        try await wait(for: "the second upload") { target.offsets.count == 2 }
        quick.end(.broken)
        slow.end(.end(.unchecked))
        #expect(try await first.value == .stored(at: [target.uuid]))
        _ = try await second.value
        #expect(target[key] == bytes)
        #expect(target.offsets.prefix(3) == [0, 0, 999])
    }

    @Test("where the remote has lost what was sent, nothing is made up")
    func lost() async throws {
        let (target, slow, quick) = (target { $0.forgets = true }, FakeBody(), FakeBody())
        let place = place(target, settling: .milliseconds(300))
        slow.give(bytes[..<100])
        let first = Task { [key, upload = upload(slow)] in try await place.store(key, from: upload) }
        try await wait(for: "bytes at the target") { target.part(of: key).count == 100 }
        let second = Task { [key, upload = upload(quick)] in try await place.store(key, from: upload) }
        try await wait(for: "the second upload") { target.offsets.count == 2 }
        quick.end(.broken)
        slow.give(bytes[100...])
        slow.end(.end(.unchecked))
        guard case .notStored = try await first.value else {
            Issue.record("stored")
            return
        }
        _ = try await second.value
        #expect(target.offsets.allSatisfy { $0 == 0 })
    }

    @Test("content is judged once, however many turns the upload takes", arguments: [true, false])
    func judgedAcrossTurns(isRight: Bool) async throws {
        let (target, slow, quick) = (target(), FakeBody(), FakeBody())
        let key = try sha256Key(isRight ? bytes : bytes.reversed())
        let place = place(target)
        slow.give(bytes[..<100])
        let first = Task { [upload = upload(slow)] in try await place.store(key, from: upload) }
        try await wait(for: "bytes at the target") { target.part(of: key).count == 100 }
        let second = Task { [upload = upload(quick)] in try await place.store(key, from: upload) }
        try await wait(for: "the second upload") { target.offsets.count == 2 }
        quick.end(.broken)
        _ = try await second.value
        slow.give(bytes[100...])
        slow.end(.end(.unchecked))
        let outcome = try await first.value
        #expect(target.offsets.last == 100)
        #expect(target.proofs == [isRight ? .right : .wrong])
        #expect((outcome == .stored(at: [target.uuid])) == isRight)
        #expect((target[key] != nil) == isRight)
    }
}
