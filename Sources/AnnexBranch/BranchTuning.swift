public import AnnexProtocol
public import SystemPackage

/// How the repositories are tuned that share a git-annex branch: what its difference.log says.
public enum BranchTuning {
    /// The tuning of the branch at a commit; nil where it cannot be read, or is not understood.
    ///
    /// - Parameter environment: variables by which git finds the objects of a push that is being received.
    public static func read(
        from commit: String, in gitDirectory: FilePath, environment: [(String, String)] = []
    ) async throws -> Set<Difference>? {
        let reader = ObjectReader(
            gitDirectory: gitDirectory, sizeLimit: maximumSize, idleTime: .seconds(1), environment: environment)
        let name = Array("\(commit):\(BranchPath.differenceLog)".utf8)
        let reply = try await reader.read([name]).first
        await reader.close()
        switch reply {
        case .object(_, let type, let content)? where type.elementsEqual("blob".utf8):
            guard case .known(let tuning) = Differences(parsing: content) else { return nil }
            return tuning
        case .missing?: return []
        default: return nil
        }
    }

    /// In bytes.
    private static let maximumSize = 1 << 20
}
