import AnnexProtocol
import Blocking
import FileIO
public import SystemPackage

extension Catalog {
    /// The repository in a folder of this machine, hosted here or not; nil where there is none.
    ///
    /// One that is hosted here is the very instance that its own clients use, so that uploads take turns and the
    /// journal has one writer. Others are opened on demand as well, and closed when idle.
    public func repository(at path: FilePath) async throws -> HostedRepository? {
        let place = try await services.pool.run { [root] in try Self.place(of: path, root) }
        switch place {
        case nil: return nil
        case .hosted(let name)?: return try await repository(named: name)
        case .outside(let gitDirectory)?: return try await repository(outside: gitDirectory)
        }
    }

    private enum Place {
        case hosted(RepositoryName)
        case outside(gitDirectory: FilePath)
    }

    /// Blocking.
    private static func place(of path: FilePath, _ root: RootFolder) throws -> Place? {
        guard let gitDirectory = try gitDirectory(at: path), let real = try Files.realPath(gitDirectory) else {
            return nil
        }
        if let rootPath = try Files.realPath(root.path), real.starts(with: rootPath) {
            var components = real.components.dropFirst(rootPath.components.count).map(\.string)
            if components.last == ".git" { components.removeLast() }
            if let name = RepositoryName(folders: components), let hosted = try root.gitDirectory(of: name),
                try Files.realPath(hosted) == real
            {
                return .hosted(name)
            }
        }
        return .outside(gitDirectory: real)
    }

    /// As git finds it: with a work tree, or bare, with or without `.git` at the end.
    private static func gitDirectory(at path: FilePath) throws -> FilePath? {
        let suffixed = FilePath(path.string + ".git")
        let candidates = [path.appending(".git"), path, suffixed.appending(".git"), suffixed]
        return try candidates.first { try RootFolder.isGitDirectory($0) }
    }
}
