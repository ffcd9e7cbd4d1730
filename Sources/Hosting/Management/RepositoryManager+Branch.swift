public import AnnexProtocol
import Blocking
import GitHost
import Logging
import SystemPackage

extension RepositoryManager {
    /// Chooses the branch that a clone of a bare repository begins with. Where there are branches, it must be one of
    /// them.
    public func setDefaultBranch(of name: RepositoryName, to branch: String) async throws {
        let (gitDirectory, isBare) = try await services.pool.run { () -> (FilePath, Bool) in
            var current = name
            if try root.gitDirectory(of: name) == nil, let present = try root.presentName(of: name) {
                current = present
            }
            guard let gitDirectory = try root.gitDirectory(of: current) else { throw HostingError.gone(name) }
            let config = try GitConfigFile(gitDirectory.appending("config")).current()
            return (gitDirectory, RepositorySettings(config, gitDirectory: gitDirectory).isBare)
        }
        guard isBare else {
            throw HostingError.refused(
                "\(name) has a work tree: its default branch is the one that is checked out there")
        }
        guard try await HeadFollower.isBranchName(branch, in: gitDirectory) else {
            throw HostingError.refused("\"\(branch)\" cannot be the name of a branch")
        }
        let ref = Array("refs/heads/\(branch)".utf8)
        let branches = try await HeadFollower.branches(in: gitDirectory)
        guard branches.isEmpty || branches.contains(ref) else {
            throw HostingError.refused("\(name) has no branch \"\(branch)\"; push it first")
        }
        try await HeadFollower.point(to: ref, in: gitDirectory)
        services.logger.info(
            "the default branch was chosen", metadata: ["repository": "\(name)", "branch": "\(branch)"])
    }
}
