import FileIO
import Glibc
import SystemPackage

/// Takes a repository from elsewhere on this machine into the root folder. Blocking.
struct RepositoryImport {
    let root: RootFolder
    let source: FilePath
    let name: RepositoryName

    /// Moves, or copies first into the workshop, so that the name appears only with everything in place.
    func run(keepingSource: Bool) throws {
        let workTree = source.appending(".git")
        let isWorkTree = try RootFolder.isGitDirectory(workTree)
        guard try isWorkTree || RootFolder.isGitDirectory(source) else {
            throw HostingError.refused("\"\(source)\" is not a git repository")
        }
        let plain = name.components.reduce(root.path) { $0.appending(bytes: Array($1.utf8)) }
        let target = isWorkTree ? plain : root.folder(of: name)
        try Files.createDurableDirectories(target.removingLastComponent())
        if keepingSource {
            let workshop = try root.occupyWorkshop()
            defer { withExtendedLifetime(workshop) {} }
            let draft = root.workshop.appending("import-\(UInt64.random(in: .min ... .max))")
            do {
                try copyTree(source, to: draft)
                try Files.renameWithoutReplacing(draft, to: target)
            } catch {
                try? Files.removeTree(draft)
                throw error
            }
        } else {
            try move(to: target)
        }
        try Files.synchronizeDirectory(target.removingLastComponent())
    }

    private func move(to target: FilePath) throws {
        do {
            try Files.renameWithoutReplacing(source, to: target)
        } catch {
            guard error.code == Errno(rawValue: EXDEV) else { throw error }
            throw HostingError.refused(
                "\"\(source)\" is on another file system than the root: use --copy, then remove the source yourself")
        }
    }

    private func copyTree(_ from: FilePath, to: FilePath) throws {
        guard let status = try Files.status(from, followLinks: false) else { return }
        switch status.kind {
        case .directory:
            try Files.createDirectory(to, mode: status.mode | 0o700)
            for entry in try Files.list(from) {
                try copyTree(from.appending(bytes: entry), to: to.appending(bytes: entry))
            }
            try Files.synchronizeDirectory(to)
            try Files.setMode(to, status.mode)
        case .regular:
            try Files.copy(from, to: to, mode: status.mode)
        case .symbolicLink:
            try Files.copyLink(from, to: to)
        case .other:
            break
        }
    }
}
