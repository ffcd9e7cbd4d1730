import AnnexProtocol
import FileIO
import ObjectStore
import Synchronization
import SystemPackage
import Testing

@testable import Hosting

/// `annexd doctor` on a disk that cannot be read everywhere.
@Suite struct DoctorFaultTests {
    private func verify(_ site: Site) async throws -> (findings: [Finding], summary: DoctorSummary) {
        var options = Doctor.Options()
        options.verifiesObjects = true
        let findings = Mutex<[Finding]>([])
        let doctor = Doctor(root: site.root, services: site.services, options: options) { finding in
            findings.withLock { $0.append(finding) }
        }
        let summary = try await doctor.run([Site.name])
        return (findings.withLock { $0 }, summary)
    }

    /// Where the objects are, in the order of the verification.
    private func objectFolders(_ place: Place) throws -> [ObjectFolder] {
        let objects = place.repository.objects
        return try objects.firstHashDirectories().flatMap { try objects.folders(in: $0) { _ in } }
    }

    @Test("an object that cannot be read is told of, and those behind it are verified", arguments: ["read", "open"])
    func unreadable(operation: String) async throws {
        let site = try await Site.withRepository()
        let samples = [Sample.old, .new, Sample(3)]
        let folders = try await site.opened { place in
            for sample in samples.dropFirst() { _ = try await place.put(sample) }
            return try objectFolders(place)
        }
        // The first one, so that all others come behind it.
        let first = try #require(folders.first)
        let key = try #require(first.key)
        let directory = try #require(try site.root.gitDirectory(of: Site.name))
        let path = directory.appending("annex/objects").appending(bytes: first.path)
        let plan = FaultPlan(below: path.appending(bytes: key.fileName), target: 0, operations: [operation])
        let (findings, summary) = try await plan.run { try await verify(site) }
        #expect(plan.struck != nil)
        #expect(findings.map { "\($0.kind.rawValue) \($0.subject)" } == ["object-unreadable \(key)"])
        #expect(summary.verifiedObjects == samples.count - 1 && summary.status == 1)
        // The pass has come to its end: the next run begins another.
        let again = try await verify(site)
        #expect(again.findings.isEmpty && again.summary.verifiedObjects == samples.count)
    }

    @Test("a folder that cannot be listed is told of, and the others are verified")
    func unlistable() async throws {
        let site = try await Site.withRepository()
        let folders = try await site.opened { place in
            _ = try await place.put(.new)
            return try objectFolders(place)
        }
        let first = try #require(folders.first).path.prefix { $0 != UInt8(ascii: "/") }
        let directory = try #require(try site.root.gitDirectory(of: Site.name))
        let path = directory.appending("annex/objects").appending(bytes: first)
        // Other checks list it before.
        for target in 0..<20 {
            let plan = FaultPlan(below: path, target: target, operations: ["readdir"])
            let (findings, summary) = try await plan.run { try await verify(site) }
            guard findings.contains(where: { $0.kind == .objectUnreadable }) else { continue }
            #expect(summary.verifiedObjects == 1 && summary.unchecked == 0, "\(plan.struck ?? "none"): \(findings)")
            return
        }
        Issue.record("the verification did not list it")
    }
}
