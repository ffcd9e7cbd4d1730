import FileIO
import Glibc
import SystemPackage

/// The exclusive lock on `annex/journal.lck` that every change of the journal and the branch is made under
/// (spec 02 §2.1). Released by ``release()`` or with the last reference.
struct JournalLock: Sendable {
    private let file: OpenFile

    /// Waits for the lock without occupying a thread: while the stock program holds it, other repositories go on.
    static func acquire(
        _ path: ConfinedPath, sharing: SharingMode, patience: Duration, on executor: any BlockingExecutor
    ) async throws -> JournalLock {
        let deadline = ContinuousClock.now + patience
        var pause: Duration = .milliseconds(1)
        // In one go with the first attempt, which nearly always succeeds.
        let file: OpenFile
        var isHeld: Bool
        (file, isHeld) = try await executor.run {
            let file = try open(path, sharing: sharing)
            return (file, try file.tryLock(.exclusive))
        }
        while !isHeld {
            guard ContinuousClock.now < deadline else {
                let holder = try await executor.run { describeHolder(of: file) }
                throw AnnexBranchError(code: .locked, message: "\(holder) has held \"\(path)\" for \(patience)")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(50))
            isHeld = try await executor.run { try file.tryLock(.exclusive) }
        }
        return JournalLock(file: file)
    }

    func release() { try? file.unlock() }

    private static func open(_ path: ConfinedPath, sharing: SharingMode) throws -> OpenFile {
        if let file = try? OpenFile(path, .readWrite) { return file }
        try createDirectory(path.removingLastComponent(), sharing: sharing)
        let file = try OpenFile(path, [.readWrite, .create], mode: 0o666)
        // The file may belong to another user of a shared repository; it is usable all the same.
        try? file.setMode(sharing.file(file.status().mode))
        return file
    }

    private static func describeHolder(of file: OpenFile) -> String {
        guard let process = try? file.conflictingProcess(.exclusive) else { return "another program" }
        let name = (try? Files.read(FilePath("/proc/\(process)/comm"), limit: 64)) ?? nil
        let words = name.map { String(decoding: $0.filter { $0 >= 32 }, as: UTF8.self) } ?? "unknown"
        return "process \(process) (\(words))"
    }
}

/// Creates a directory below the git directory, and its missing parents, with the permissions of the repository.
func createDirectory(_ path: ConfinedPath, sharing: SharingMode) throws(FileError) {
    if try Files.exists(path) { return }
    let parent = path.removingLastComponent()
    // Never the repository itself: one that was deleted meanwhile must not come back as an empty folder.
    if parent.lastComponent == "annex" || parent.lastComponent == "annexd", try !Files.exists(parent),
        try Files.exists(parent.removingLastComponent())
    {
        try createDirectory(parent, sharing: sharing)
    }
    if try Files.createDirectory(path), sharing != .umask, let status = try Files.status(path) {
        // Another user's directory in a shared repository keeps its mode.
        try? Files.setMode(path, sharing.directory(status.mode))
    }
}
