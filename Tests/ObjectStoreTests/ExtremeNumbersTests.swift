// Sizes, offsets, reserves and times come from clients, configurations, file names and file systems, and may be any
// number. The store refuses what cannot be, and never ends the process.

import AnnexProtocol
import FileIO
import Testing

@testable import ObjectStore

@Suite struct ExtremeNumbersTests {
    private static let sizes: [UInt64] = [0, 1, 1 << 32, UInt64(Int64.max), 1 << 63, .max - 1, .max]
    private static let lengths: [Int64] = [.min, -1, 0, 1, 1 << 32, .max - 1, .max]
    private static let reserves: [Int64] = [.min, -1, 0, 1, .max - 1, .max]

    @Test("an upload of any announced size, offset and reserve is refused or begins", arguments: reserves)
    func receiving(reserve: Int64) throws {
        let fixture = try Fixture()
        fixture.settings.diskReserve = reserve
        var keys = [try Key(parsing: "URL--x"), try Key(parsing: "WORM--y")]
        // No key may tell a size beyond 63 bits.
        keys += Self.sizes.compactMap { try? Key(parsing: "WORM-s\($0)-m1--z") }
        #expect(keys.count == 6)
        for key in keys {
            for offset in Self.sizes {
                for length in Self.lengths {
                    let start = try fixture.store.beginReceiving(
                        key, clientUUID: Array("c".utf8), offset: offset, length: length,
                        checker: HashChecker(key, isVerifiable: false))
                    guard case .ready(let reception) = start else { continue }
                    #expect(offset == 0)
                    _ = try reception.finish(.broken)
                    reception.release()
                }
            }
        }
        if reserve == .max {
            guard case .refused(.notEnoughSpace(let missing)) = try fixture.begin(keys[0], length: 5) else {
                Issue.record("a reserve larger than any disk leaves room for nothing")
                return
            }
            #expect(missing > 1 << 62)
        }
    }

    @Test("other transfers that claim any size are added up without end")
    func outstanding() throws {
        let fixture = try Fixture()
        let sizes = [Int64.max, .max - 1, .max, .max, 17]
        let slots = try sizes.enumerated().map { index, size in
            try TransferSlot(
                Key(parsing: "WORM-s\(size)-m1--\(index)"), client: Array("c".utf8), associatedFile: [],
                fixture.store.paths, FileModes(fixture.settings, fixture.store.paths))
        }
        let key = try Key(parsing: "URL--x")
        // At a pace at which all of it may be expected.
        for var slot in slots.compactMap({ $0 }) { slot.report(0, newly: .max) }
        #expect(try TransferSlot.outstandingBytes(besides: key, fixture.store.paths) == .max)
        #expect(try fixture.begin(key, length: 1).refusal != nil)
        for var slot in slots.compactMap({ $0 }) {
            for bytes in Self.sizes { slot.report(bytes, newly: Int(clamping: bytes)) }
            slot.giveUp()
        }
        #expect(try TransferSlot.outstandingBytes(besides: key, fixture.store.paths) == 0)
    }

    @Test("retention times at the ends of the clock")
    func retention() throws {
        for seconds in [Int64.min, -1, 0, .max] {
            for more in [Int64.min, -600, 600, .max] {
                let time = RetentionTime(seconds: seconds).adding(seconds: more)
                #expect(more > 0 ? time.seconds >= seconds : time.seconds <= seconds)
            }
        }
        for text in [
            "99999999999999999999999s", "9223372036854775807.999999999s", "0.00000000000001s", "1.s", ".5s", "-1s",
        ] {
            _ = RetentionTime(parsing: Array(text.utf8))?.adding(seconds: 600).bytes
        }
    }
}
