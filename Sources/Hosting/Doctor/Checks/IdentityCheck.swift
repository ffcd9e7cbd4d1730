import AnnexProtocol
import Blocking
import FileIO
import GitHost
import SystemPackage

/// Who a repository says it is.
struct IdentityCheck: Sendable {
    let examination: Examination
    let gitDirectory: FilePath
    /// Other hosted repositories with its UUID.
    let twins: [RepositoryName]

    /// The settings; nil where the identity is in such disorder that nothing else can be judged.
    func run() async throws -> RepositorySettings? {
        let gitDirectory = gitDirectory
        let (config, hasBranch) = try await examination.pool.run {
            (
                try GitConfigFile(gitDirectory.appending("config")).current(),
                RepositoryScan.hasAnnexBranch(gitDirectory)
            )
        }
        let findings = Judgement.identity(
            uuid: config.string("annex.uuid"), version: config.string("annex.version"), others: twins,
            hasBranch: hasBranch)
        for finding in findings { await examination.found(finding.kind, "config", finding.detail) }
        if findings.contains(where: { $0.kind == .badUUID || $0.kind == .noUUID }) { return nil }
        return RepositorySettings(config, gitDirectory: gitDirectory)
    }
}
