import AnnexProtocol
import FileIO
import Glibc
import SystemPackage

/// The journal of one repository on disk: branch files that wait to be committed (spec 02 §2.2). Blocking.
///
/// Everything that writes is called with ``JournalLock`` held.
struct Journal: Sendable {
    let directory: ConfinedPath
    let privateDirectory: ConfinedPath
    /// Where files are written before they are renamed into the journal. Only the lock's holder uses it, so fixed names
    /// do, and what a crash leaves is overwritten by the next writer.
    let temporary: ConfinedPath
    let sharing: SharingMode
    let maximumFileSize: Int

    init(gitDirectory: FilePath, sharing: SharingMode, maximumFileSize: Int) {
        let folder = ConfinedPath(gitDirectory)
        directory = folder.appending("annex/journal")
        privateDirectory = folder.appending("annex/journal-private")
        temporary = folder.appending("annexd/tmp")
        self.sharing = sharing
        self.maximumFileSize = maximumFileSize
    }

    /// A journal file as it was when it was taken for a commit.
    struct Staged: Sendable {
        var name: [UInt8]
        var path: BranchPath
        var content: [UInt8]
        var version: FileStatus.Version
    }

    /// A new version of a branch file.
    struct Change: Sendable {
        var path: BranchPath
        var content: [UInt8]
        var isPrivate = false
    }

    /// What was looked at for a commit.
    struct Stage: Sendable {
        var files: [Staged] = []
        /// What cannot be committed, and why.
        var leftOut: [(name: [UInt8], reason: String)] = []
        /// How many of the names this is about.
        var count = 0
    }

    /// The complete lines of a journal file; nil when it is not there.
    func read(_ path: BranchPath, isPrivate: Bool = false) throws(FileError) -> [UInt8]? {
        guard let file = file(of: path, isPrivate: isPrivate) else { return nil }
        return try Files.read(file, limit: maximumFileSize).map(BranchLines.completeLines)
    }

    /// What tells one version of a journal file from another; nil when it is not there.
    func version(of path: BranchPath, isPrivate: Bool = false) throws(FileError) -> FileStatus.Version? {
        guard let file = file(of: path, isPrivate: isPrivate) else { return nil }
        return try Files.status(file)?.version
    }

    /// Nil where a file of this name could not be.
    private func file(of path: BranchPath, isPrivate: Bool) -> ConfinedPath? {
        let name = JournalName.encode(path)
        guard name.count <= Key.maximumFileNameLength else { return nil }
        return (isPrivate ? privateDirectory : directory).appending(bytes: name)
    }

    /// Writes new versions; when it returns they survive a power cut.
    func write(_ changes: [Change]) throws(FileError) {
        guard !changes.isEmpty else { return }
        try createDirectory(temporary, sharing: sharing)
        var renames: [(ConfinedPath, ConfinedPath)] = []
        let atOnce = Self.maximumOpenFiles
        for start in stride(from: 0, to: changes.count, by: atOnce) {
            let part = changes[start..<min(start + atOnce, changes.count)]
            var open: [OpenFile] = []
            for (index, change) in zip(start..., part) {
                let file = temporary.appending("journal-\(index)")
                open.append(try write(change.content, to: file))
                let target = change.isPrivate ? privateDirectory : directory
                renames.append((file, target.appending(bytes: JournalName.encode(change.path))))
            }
            // All are on their way before the first is waited for: the file system then commits them together.
            for file in open { try file.synchronizeData() }
        }
        for directory in Set(changes.map { $0.isPrivate ? privateDirectory : directory }) {
            if try Files.exists(directory) { continue }
            try createDirectory(directory, sharing: sharing)
            try Files.synchronizeDirectory(directory.removingLastComponent())
        }
        for (source, target) in renames { try Files.rename(source, to: target) }
        for directory in Set(changes.map { $0.isPrivate ? privateDirectory : directory }) {
            try Files.synchronizeDirectory(directory)
        }
    }

    /// Waits until the names in the journal are on stable storage.
    func synchronize() throws(FileError) {
        for directory in [directory, privateDirectory] where try Files.exists(directory) {
            try Files.synchronizeDirectory(directory)
            try Files.synchronizeDirectory(directory.removingLastComponent())
        }
    }

    /// How many files are open at once: many, so that the file system commits them together, but a small share of those
    /// that the process may have (`RLIMIT_NOFILE`), which others need at the same time.
    static func openFiles(of limit: Int) -> Int { min(128, max(8, limit / 16)) }

    private static var maximumOpenFiles: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return openFiles(of: 0) }
        return openFiles(of: Int(clamping: limit.rlim_cur))
    }

    private func write(_ content: [UInt8], to file: ConfinedPath) throws(FileError) -> OpenFile {
        try Files.unlink(file)
        let open = try OpenFile(file, [.writeOnly, .create, .exclusive], mode: 0o666)
        if sharing != .umask { try open.setMode(sharing.file(open.status().mode)) }
        try open.write(content, at: 0)
        open.startWriteback(offset: 0, length: UInt64(content.count))
        return open
    }

    /// The names of the waiting files, sorted, whoever wrote them.
    func names() throws(FileError) -> [[UInt8]] {
        try Files.list(directory).sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Takes files for a commit, with their bytes as they are: the first of `names`, until there are `bytes` of
    /// content.
    func stage(_ names: some Collection<[UInt8]>, bytes: Int) throws(FileError) -> Stage {
        var stage = Stage()
        var size = 0
        for name in names {
            if size >= bytes { break }
            stage.count += 1
            let file = directory.appending(bytes: name)
            guard let status = try Files.status(file) else { continue }
            guard status.kind == .regular, let path = JournalName.decode(name) else {
                stage.leftOut.append((name, "no branch holds such a file"))
                continue
            }
            if status.size > maximumFileSize {
                stage.leftOut.append((name, "it has \(status.size) bytes"))
                continue
            }
            guard let content = try Files.read(file, limit: maximumFileSize) else { continue }
            stage.files.append(Staged(name: name, path: path, content: content, version: status.version))
            size += content.count
        }
        return stage
    }

    /// Removes committed files, but none that changed since it was staged.
    func remove(_ staged: [Staged]) throws(FileError) {
        for file in staged {
            let path = directory.appending(bytes: file.name)
            guard let status = try Files.status(path), status.version == file.version else {
                continue
            }
            try Files.unlink(path)
        }
    }
}
