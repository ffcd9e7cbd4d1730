import AnnexProtocol
import Blocking

/// Counts findings and passes them on.
actor DoctorTally {
    private(set) var summary = DoctorSummary()
    private let report: @Sendable (Finding) async -> Void

    init(_ report: @escaping @Sendable (Finding) async -> Void) { self.report = report }

    func begin() { summary.repositories += 1 }

    func verified(bytes: UInt64) {
        summary.verifiedObjects += 1
        summary.verifiedBytes += bytes
    }

    /// An object whose key tells no digest: that it can be read is all that is known.
    func read() { summary.unverifiableObjects += 1 }

    func add(_ finding: Finding) async {
        summary.count(finding)
        await report(finding)
    }
}

/// The inspection of one repository, or of the host's own state: what its checks report to.
struct Examination: Sendable {
    let repository: RepositoryName?
    let repairs: Bool
    let pool: BlockingPool
    let tally: DoctorTally

    /// Repairs something; answers false when it is no longer as it was found.
    typealias Repair = @Sendable () async throws -> Bool

    /// Reports something, after having repaired it where that is wanted and possible.
    func found(_ kind: Finding.Kind, _ subject: String, _ detail: String, repair: Repair? = nil) async {
        var finding = Finding(
            repository: repository, kind: kind, subject: subject, detail: detail,
            outcome: repair == nil ? .manual : .repairable)
        if repairs, let repair {
            do {
                // What settled itself meanwhile was no problem.
                guard try await repair() else { return }
                finding.outcome = .repaired
            } catch {
                finding.outcome = .failed("\(error)")
            }
        }
        await tally.add(finding)
    }

    /// Runs a check; what keeps it from being done is reported, and the other checks go on.
    func attempt(_ subject: String, _ check: (Examination) async throws -> Void) async {
        do {
            try await check(self)
        } catch {
            await tally.add(
                Finding(
                    repository: repository, kind: .unchecked, subject: subject, detail: "\(error)", outcome: .manual))
        }
    }

    /// Text for people and logs; bytes that are not UTF-8 are repaired.
    static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
}
