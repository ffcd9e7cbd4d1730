import AnnexProtocol
import FileIO
import GitHost
import Glibc
import ObjectStore
import SystemPackage

/// Takes a repository from elsewhere on this machine into the root folder. Blocking.
struct RepositoryImport {
    let root: RootFolder
    let source: FilePath
    let name: RepositoryName

    /// - Parameter source: the repository's folder, which may be reached through links.
    init(root: RootFolder, source: FilePath, name: RepositoryName) throws {
        guard let real = try Files.realPath(source) else { throw HostingError.refused("there is no \"\(source)\"") }
        self.root = root
        self.source = real
        self.name = name
    }

    /// Moves, or copies first into the workshop, so that the name appears only with everything in place.
    func run(keepingSource: Bool) throws {
        let workTree = source.appending(".git")
        let isWorkTree = try RootFolder.isGitDirectory(workTree)
        guard try isWorkTree || RootFolder.isGitDirectory(source) else {
            throw HostingError.refused("\"\(source)\" is not a git repository")
        }
        if !keepingSource { try requireNotHosted() }
        try requireNoStrays(in: isWorkTree ? workTree : source)
        let plain = name.components.reduce(root.path) { $0.appending(bytes: Array($1.utf8)) }
        let target = isWorkTree ? plain : root.folder(of: name)
        try Files.createDurableDirectories(target.removingLastComponent())
        if keepingSource {
            let workshop = try root.occupyWorkshop()
            defer { withExtendedLifetime(workshop) {} }
            let draft = root.workshop.appending("import-\(UInt64.random(in: .min ... .max))")
            do {
                try requireNoLocks()
                try copyTree(ConfinedPath(source), to: ConfinedPath(inParent: draft))
                try requireNoLocks(draft: draft)
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

    /// A client that has locked content counts on it for as long as it is connected, and for ten minutes more. The
    /// promise is renewed at the source alone, so a copy would let the content go too early.
    ///
    /// - Parameter draft: the copy that was made meanwhile, which has the promises of an earlier moment.
    private func requireNoLocks(draft: FilePath? = nil) throws {
        guard let source = try store(at: source) else { return }
        let copy = try draft.flatMap { try store(at: $0) }
        for locked in try source.lockedContent() {
            let known = try copy?.lockedContent(of: locked.key)?.retention
            let isNews = copy != nil && locked.retention.map { time in known.map { $0 < time } ?? true } ?? false
            guard locked.isHeld || isNews else { continue }
            throw HostingError.refused(
                "\(locked.key) is locked by a client that may be dropping its own copy; try again in ten minutes")
        }
    }

    private func store(at folder: FilePath) throws -> ObjectStore? {
        let workTree = folder.appending(".git")
        let gitDirectory = try RootFolder.isGitDirectory(workTree) ? workTree : folder
        let settings = RepositorySettings(
            try GitConfigFile(gitDirectory.appending("config")).current(), gitDirectory: gitDirectory)
        return settings.uuid == nil ? nil : ObjectStore(gitDirectory: gitDirectory, settings: settings.store)
    }

    /// Moving what is hosted under another name would leave no alias, and take it away from a running server.
    private func requireNotHosted() throws {
        guard let real = try Files.realPath(root.path), source.starts(with: real) else { return }
        var components = source.components.dropFirst(real.components.count).map(\.string)
        if components.last == ".git" { components.removeLast() }
        if let hosted = RepositoryName(components: components), try root.gitDirectory(of: hosted) != nil {
            throw HostingError.refused(
                "\"\(source)\" is hosted as \"\(hosted)\" already: annexd repo rename \(hosted) \(name) gives it "
                    + "another name")
        }
    }

    private func requireNoStrays(in gitDirectory: FilePath) throws {
        let shape = RepositoryShape(gitDirectory)
        guard let stray = try shape.oddity() ?? shape.strays().first else { return }
        throw HostingError.refused("\"\(gitDirectory.appending(stray.path))\" \(stray.predicate)")
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

    private func copyTree(_ from: ConfinedPath, to: ConfinedPath) throws {
        guard let status = try Files.status(from) else { return }
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
