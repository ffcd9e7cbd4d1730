import SystemPackage
import Testing

@testable import Locations

@Suite struct SpaceLedgerTests {
    private func missing(_ body: () throws -> Void) -> UInt64? {
        do { try body() } catch let error as LocationError where error.code == .full { return error.missingBytes } catch
        {}
        return nil
    }

    @Test("what is promised to one is not promised to another, and comes back with the promise")
    func promises() throws {
        let ledger = SpaceLedger { _ in 1000 }
        let first = try ledger.reserve(600, at: "/tmp")
        #expect(missing { _ = try ledger.reserve(500, at: "/tmp") } == 100)
        #expect(missing { _ = try ledger.reserve(300, at: "/tmp", keeping: 150) } == 50)
        let second = try ledger.reserve(300, at: "/tmp", keeping: 100)
        #expect(ledger.promisedBytes == 900)
        first.release()
        first.release()
        #expect(ledger.promisedBytes == 300)
        do { _ = try ledger.reserve(700, at: "/tmp") }
        #expect(ledger.promisedBytes == 300)
        second.use(200)
        #expect(ledger.promisedBytes == 100 && second.unused == 100)
        second.use(500)
        #expect(ledger.promisedBytes == 0)
    }

    @Test("absurd sizes are refused, and not computed with")
    func extremes() throws {
        let ledger = SpaceLedger { _ in 1000 }
        #expect(missing { _ = try ledger.reserve(.max, at: "/tmp", keeping: .max) } == .max)
        let held = try SpaceLedger { _ in .max }.reserve(.max, at: "/tmp")
        #expect(held.unused == .max)
    }

    @Test("a folder that is not there has no space")
    func nowhere() {
        #expect(throws: LocationError.self) { try SpaceLedger().reserve(1, at: "/no/such/folder") }
    }
}
