import AnnexBranch
import AnnexProtocol
import GitHost
import ObjectStore
public import SystemPackage

/// A `git-annex` ref that somebody pushes, before it moves: what git's `update` hook is asked.
public struct PushedRef: Sendable {
    /// The full name.
    public var ref: String
    /// Object ids in hexadecimal; zeros where the ref does not exist before or after.
    public var old: String
    public var new: String

    public init(ref: String, old: String, new: String) {
        self.ref = ref
        self.old = old
        self.new = new
    }

    /// Why the ref must not move, in words for whoever pushes; nil when it may.
    ///
    /// - Parameter environment: variables by which git finds the pushed objects.
    public func objection(in gitDirectory: FilePath, environment: [(String, String)]) async throws -> String? {
        let settings = RepositorySettings(
            try GitConfigFile(gitDirectory.appending("config")).current(), gitDirectory: gitDirectory)
        var branch = settings.branch(commitDelay: .seconds(1))
        if let tuning = try await OpenTuning(settings, gitDirectory)?.tuning(of: new, environment: environment) {
            branch.tuning = tuning
        }
        let check = PushCheck(
            gitDirectory: gitDirectory, own: settings.uuid, settings: branch, environment: environment)
        if ref == "refs/heads/git-annex" {
            return try await check.objection(toBranch: new, replacing: Self.isZero(old) ? nil : old)
        }
        return try await check.objection(toMerging: new, creating: Self.isZero(old) ? ref : nil)
    }

    private static func isZero(_ id: String) -> Bool { id.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }
}
