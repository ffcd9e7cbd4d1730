import AnnexProtocol
import FileIO
import SystemPackage

/// Renames a repository's folder and leaves an alias behind. Blocking.
struct RepositoryRenaming {
    let root: RootFolder
    let gitDirectory: FilePath
    let name: RepositoryName
    let newName: RepositoryName

    func run() throws {
        let source = Self.folder(of: gitDirectory)
        let isWorkTree = source != gitDirectory
        let bare = root.folder(of: newName)
        let plain = newName.components.reduce(root.path) { $0.appending(bytes: Array($1.utf8)) }
        let target = isWorkTree ? plain : bare
        try Files.createDurableDirectories(target.removingLastComponent())
        // The alias first: until the rename it points to nothing, and the old name still finds the folder itself.
        try Self.writeAlias(from: name, to: newName, in: root)
        try Files.renameWithoutReplacing(source, to: target)
        try Files.unlink(root.aliasFile(of: newName))
        try Files.synchronizeDirectory(target.removingLastComponent())
        try Files.synchronizeDirectory(source.removingLastComponent())
    }

    /// The folder that is the repository: the work tree of a non-bare one.
    static func folder(of gitDirectory: FilePath) -> FilePath {
        gitDirectory.lastComponent?.string == ".git" ? gitDirectory.removingLastComponent() : gitDirectory
    }

    static func writeAlias(from old: RepositoryName, to new: RepositoryName, in root: RootFolder) throws {
        guard old != new else { return }
        let workshop = try root.occupyWorkshop()
        defer { withExtendedLifetime(workshop) {} }
        let file = root.aliasFile(of: old)
        try Files.replace(file, with: Array("\(new)\n".utf8), in: root.workshop)
    }
}
