import FileIO
public import SystemPackage

/// Makes an empty bare repository, the git part of push to create.
public enum RepositoryCreator {
    /// Creates a bare repository at a path that does not exist, in a directory that does.
    ///
    /// It has no templates and hooks, keeps refs in files and names objects as it is told, whatever the machine's
    /// defaults are. On failure nothing is left. To let it appear all at once, create it beside its place and rename
    /// it.
    public static func create(
        at path: FilePath, initialBranch: String = "main", objectFormat: ObjectFormat = .sha1
    ) async throws {
        // An existing repository must not be reinitialised, nor removed by the clean-up below.
        guard try Files.createDirectory(path) else {
            throw GitError(code: .exit(128), command: "init", message: "\"\(path)\" exists")
        }
        do {
            _ = try await GitCommand(
                ["init", "--bare", "--quiet", "--template=", "--initial-branch=\(initialBranch)"], in: path
            )
            .environment("GIT_DEFAULT_REF_FORMAT", "files").environment("GIT_DEFAULT_HASH", objectFormat.rawValue)
            .output()
        } catch {
            try? Files.removeTree(path)
            throw error
        }
    }
}
