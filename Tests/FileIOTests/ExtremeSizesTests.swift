// A file system, a configuration or a client may claim any size. Whatever it is, an operation fails or answers, and
// never ends the process.

import FileIO
import Glibc
import SystemPackage
import Testing

@Suite struct ExtremeSizesTests {
    private static let extremes: [UInt64] = [
        0, 1, 4095, 4096, 1 << 31, 1 << 32, 1 << 62, UInt64(Int64.max) - 1, UInt64(Int64.max), 1 << 63, .max - 1, .max,
    ]

    @Test("every operation of an open file, at every offset")
    func offsets() throws {
        try Place.with { place in
            let file = try OpenFile(place.inside.appending("a/file"), .readWrite)
            let content = Array("inside/a/file".utf8)
            for offset in Self.extremes {
                let all = try? file.readAll(from: offset, limit: .max)
                #expect(all == nil || all == (offset < 13 ? Array(content[Int(offset)...]) : []), "\(offset)")
                for limit in [Int.min, -1, 0, 5, .max] { _ = try? file.readAll(from: offset, limit: limit) }
                var buffer = [UInt8](repeating: 0, count: 16)
                buffer.withUnsafeMutableBytes { space in
                    _ = try? file.read(into: space, at: offset)
                    _ = file.readCached(into: space, at: offset)
                }
                for length in Self.extremes {
                    file.willNeed(offset: offset, length: length)
                    file.startWriteback(offset: offset, length: length)
                }
            }
        }
    }

    @Test("writing, cutting and allocating beyond what there is fails with an error")
    func impossible() throws {
        try Place.with { place in
            let file = try OpenFile(place.inside.appending("a/file"), .readWrite)
            for offset in Self.extremes where offset >= 1 << 62 {
                #expect(throws: FileError.self) { try file.write([1, 2, 3], at: offset) }
                #expect(throws: FileError.self) { try file.truncate(to: offset) }
                #expect(throws: FileError.self) { try file.allocate(upTo: offset) }
            }
            #expect(try file.status().size == 13)
        }
    }

    @Test("a sparse file of any size is read up to the limit, and takes no memory for the rest")
    func sparse() throws {
        try Place.with { place in
            let path = place.inside.appending("a/file")
            let file = try OpenFile(path, .readWrite)
            try file.truncate(to: 1 << 40)
            #expect(try file.readAll(limit: 100).count == 100)
            #expect(throws: FileError.self) { try Files.read(path, limit: 1000) }
            #expect(throws: FileError.self) { try Files.read(path, limit: -1) }
        }
    }

    @Test("times at the ends of what a file system keeps leave room to reckon with")
    func times() throws {
        try Place.with { place in
            let path = place.inside.appending("a/file")
            for seconds in [Int.min, Int.min / 2, -1, 0, Int.max / 2, Int.max] {
                let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
                // Many file systems refuse or clamp such a time; whatever they keep, it can be subtracted.
                _ = path.path.withPlatformString { utimensat(AT_FDCWD, $0, times, 0) }
                let modified = try #require(try Files.status(path)).modified.seconds
                #expect(abs(modified) <= 1 << 53)
            }
        }
    }

    @Test("sums saturate")
    func saturating() {
        #expect(UInt64.max.addingSaturating(1) == .max)
        #expect(UInt64(3).subtractingSaturating(5) == 0)
        #expect(Int64.max.addingSaturating(1) == .max)
        #expect(Int64.min.addingSaturating(-1) == .min)
        #expect(Int64.min.subtractingSaturating(1) == .min)
        #expect(Int64.max.subtractingSaturating(-1) == .max)
        #expect(Int64(2).addingSaturating(-5) == -3 && Int64(2).subtractingSaturating(-5) == 7)
    }
}
