public import FileIO
import Glibc
public import SystemPackage

/// What git processes leave in a repository when they are killed: lock files that stand in the way of later ones,
/// objects and packs that were being received, and reports of their end.
///
/// Git removes none of it by itself, since it cannot know whether the owner lives. Here a lock counts as abandoned when
/// it is older than the machine's start or than ten minutes; git holds one for moments, except for that of an index,
/// which waits for people. Anything that is being received or packed grows all the time, and is abandoned when nothing
/// in it has changed for an hour. Blocking.
///
/// No symbolic link is followed. Attack: a prepared repository with `refs` as a link to somebody's home, whose lock
/// files of other programs would go at the first request.
public enum AbandonedFiles {
    /// How old a lock file is at least, in seconds.
    public static let lockAge: Int64 = 600
    /// The same for locks of the index, which `git commit` holds for as long as somebody's editor is open.
    public static let indexLockAge: Int64 = 7 * 86400
    /// How long nothing has changed at least in what was being received, in seconds.
    public static let receivingAge: Int64 = 3600

    /// Removes what was abandoned, and answers it.
    ///
    /// Throws at the first folder that is a link, which the error names.
    ///
    /// - Parameter boot: when the machine started, in seconds since 1970; told by tests.
    public static func remove(
        from gitDirectory: FilePath, machineStarted boot: Int64? = nil
    ) throws(FileError) -> [FilePath] {
        var sweep = Sweep(boot: boot)
        let folder = ConfinedPath(gitDirectory)
        try sweep.locks(in: folder, descends: false)
        try sweep.reports(in: folder)
        try sweep.locks(in: folder.appending("refs"), descends: true)
        let objects = folder.appending("objects")
        let folders = try Files.list(objects)
        try sweep.received(in: objects, folders)
        // Packs, and objects by the first two digits of their names.
        for name in folders where name.count == 2 || name.elementsEqual("pack".utf8) {
            let inner = objects.appending(bytes: name)
            if try Files.status(inner)?.kind == .directory { try sweep.received(in: inner) }
        }
        return sweep.removed
    }

    /// The latest time at which anything in a tree changed, in seconds since 1970; nil where nothing is there.
    ///
    /// A folder is as old as its last entry: the quarantine of a push that lasts for days looks abandoned from outside.
    public static func lastChange(_ path: ConfinedPath) throws(FileError) -> Int64? {
        guard let status = try Files.status(path) else { return nil }
        var latest = status.modified.seconds
        guard status.kind == .directory else { return latest }
        for name in try Files.list(path) {
            latest = max(latest, try lastChange(path.appending(bytes: name)) ?? latest)
        }
        return latest
    }

    /// Removes the abandoned locks that a push to these refs would meet. A few `stat` calls.
    public static func removeLocks(of refs: [[UInt8]], in gitDirectory: FilePath) throws(FileError) {
        var sweep = Sweep()
        let folder = ConfinedPath(gitDirectory)
        for name in ["packed-refs.lock", "HEAD.lock", "config.lock"] {
            try sweep.lock(folder.appending(name))
        }
        // Nothing but plain names below `refs/`: these come from the client.
        for ref in refs where ref.starts(with: "refs/".utf8) && !ref.contains(0) {
            guard !ref.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) }) else {
                continue
            }
            try sweep.lock(folder.appending(bytes: ref + Array(".lock".utf8)))
        }
    }
}

private struct Sweep {
    var removed: [FilePath] = []
    private let now: Int64
    /// When the machine started, in seconds since 1970.
    private let boot: Int64

    init(boot: Int64? = nil) {
        now = Int64(time(nil))
        self.boot = boot ?? now - BootClock.seconds
    }

    mutating func locks(in directory: ConfinedPath, descends: Bool) throws(FileError) {
        for name in try Files.list(directory) {
            let path = directory.appending(bytes: name)
            if name.suffix(5).elementsEqual(".lock".utf8) {
                try lock(path)
            } else if descends, try Files.status(path)?.kind == .directory {
                try locks(in: path, descends: true)
            }
        }
    }

    mutating func lock(_ path: ConfinedPath) throws(FileError) {
        guard let status = try Files.status(path), status.kind == .regular else { return }
        let name = path.lastComponent?.string ?? ""
        let isOfIndex = name == "index.lock" || name.hasPrefix("next-index-")
        let age = isOfIndex ? AbandonedFiles.indexLockAge : AbandonedFiles.lockAge
        guard isAbandoned(status.modified.seconds, after: age) else { return }
        if try Files.unlink(path) { removed.append(path.path) }
    }

    /// `fast_import_crash_<pid>`: all that it tells, annexd has logged.
    mutating func reports(in folder: ConfinedPath) throws(FileError) {
        for name in try Files.list(folder) where name.starts(with: "fast_import_crash_".utf8) {
            let path = folder.appending(bytes: name)
            if try Files.unlink(path) { removed.append(path.path) }
        }
    }

    /// Quarantines of pushes (`tmp_objdir-…`) and files that were to become packs or objects (`tmp_…`, `.tmp-…`).
    ///
    /// - Parameter names: what is in the directory, where that is known already.
    mutating func received(in directory: ConfinedPath, _ names: [[UInt8]]? = nil) throws(FileError) {
        let found = if let names { names } else { try Files.list(directory) }
        for name in found where name.starts(with: "tmp_".utf8) || name.starts(with: ".tmp-".utf8) {
            let path = directory.appending(bytes: name)
            guard let last = try AbandonedFiles.lastChange(path), isAbandoned(last, after: AbandonedFiles.receivingAge)
            else {
                continue
            }
            try Files.removeTree(path)
            removed.append(path.path)
        }
    }

    private func isAbandoned(_ modified: Int64, after age: Int64) -> Bool {
        // A minute of grace: clocks are set while a machine starts.
        modified < boot - 60 || now - modified > age
    }
}
