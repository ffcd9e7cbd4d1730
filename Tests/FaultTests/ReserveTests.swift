import FileIO
import Foundation
import Hosting
import Locations
import Synchronization
import SystemPackage
import Testing

/// Space that is held back for what must work on a full disk.
@Suite struct ReserveTests {
    /// Where a full disk is met in reality: by what makes or lengthens something.
    private static let growing: Set<String> = ["open", "write", "fsync", "fdatasync", "mkdir", "rename"]

    @Test("with a reserve, locks, removals and logs that meet a full disk anywhere are done all the same")
    func everything() async throws {
        let template = try await Site.withRepository()
        var number = 0
        while true {
            let site = try template.copy(withReserve: true)
            try site.services.reserve?.restore()
            let plan = FaultPlan(below: site.folder, target: number, code: .noSpace, operations: Self.growing)
            let context = "operation \(number)"
            try await site.opened { place in
                let lock = try await plan.run {
                    let lock = try #require(try await place.location.lock(Sample.old.key), "\(context)")
                    guard try await !(place.remove(.old)).isComplete else {
                        Issue.record("the lock was worth nothing: \(context)")
                        return lock
                    }
                    return lock
                }
                await lock.release()
                let removed = try await plan.run { try await place.remove(.old) }
                #expect(removed == .removed(from: [place.uuid]), "\(context)")
            }
            // Another process sees the same; a lock that was not cleaned up would protect nothing any more.
            try await site.opened { place in try await place.expectRemoved(.old, "\(context), \(plan.struck ?? "none")")
            }
            guard plan.struck != nil else {
                #expect(number > 5)
                return
            }
            number += Fault.stride
        }
    }

    private func withFolder(_ body: (FilePath) throws -> Void) throws {
        var template = Array((NSTemporaryDirectory() + "/annexd-reserve-XXXXXX").utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = FilePath(platformString: template)
        defer { try? Files.removeTree(folder) }
        try body(folder)
    }

    @Test("the reserve is lent, not taken back while somebody works with it, and made whole afterwards")
    func lending() throws {
        try withFolder { folder in
            let path = folder.appending("reserve")
            let reserve = SpaceReserve(path, size: 1 << 20)
            #expect(reserve.shortage == 1 << 20)
            // Nothing to lend: trying again would be of no use.
            #expect(!reserve.lend())
            try reserve.restore()
            #expect(reserve.shortage == 0)
            #expect(try Files.status(path)?.size == 1 << 20)
            #expect(reserve.lend() && reserve.lend())
            #expect(try Files.status(path)?.size == 0)
            reserve.endLoan()
            try reserve.restore()
            #expect(reserve.shortage == 1 << 20)
            reserve.endLoan()
            try reserve.restore()
            #expect(reserve.shortage == 0)
            // The next process finds it.
            #expect(SpaceReserve(path, size: 1 << 20).shortage == 0)
            #expect(SpaceReserve(path, size: 2 << 20).shortage == 1 << 20)
        }
    }

    @Test("where blocks cannot be allocated in advance they are written")
    func written() async throws {
        var template = Array((NSTemporaryDirectory() + "/annexd-reserve-XXXXXX").utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = FilePath(platformString: template)
        defer { try? Files.removeTree(folder) }
        let reserve = SpaceReserve(folder.appending("reserve"), size: 3 << 20)
        let plan = FaultPlan(below: folder, target: 0, code: .notSupported, operations: ["fallocate"])
        try await plan.run { try reserve.restore() }
        #expect(plan.struck != nil)
        #expect(reserve.shortage == 0)
        #expect(try Files.status(folder.appending("reserve"))?.size == 3 << 20)
    }

    @Test("a reserve that cannot be made asks nobody to leave room for it")
    func impossible() async throws {
        var template = Array((NSTemporaryDirectory() + "/annexd-reserve-XXXXXX").utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = FilePath(platformString: template)
        defer { try? Files.removeTree(folder) }
        let reserve = SpaceReserve(folder.appending("reserve"), size: 1 << 20)
        let plan = FaultPlan(below: folder, target: 0, code: .readOnlyFileSystem, operations: ["open"])
        await #expect(throws: FileError.self) { try await plan.run { try reserve.restore() } }
        #expect(reserve.shortage == 0)
        #expect(!reserve.lend())
    }
}
