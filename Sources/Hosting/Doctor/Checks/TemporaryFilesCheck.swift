import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import ObjectStore
import SystemPackage

/// Temporary files of annexd and of the stock program, and what dead transfers left.
struct TemporaryFilesCheck: Sendable {
    let examination: Examination
    let annex: ExaminedAnnex

    private struct Entry: Sendable {
        var path: ConfinedPath
        var name: [UInt8]
        var status: FileStatus
        var age: Int64 { WallClock.seconds - status.modified.seconds }
    }

    func run() async throws {
        try await checkUploads()
        try await checkUploadsOfClients()
        let annexFolder = ConfinedPath(annex.gitDirectory).appending("annex")
        let (branch, pool) = (annex.branch, examination.pool)
        try await checkFolder("annex/othertmp") { entry in
            // Whoever uses the folder holds its lock in shared mode.
            try await pool.run {
                let lock = try OpenFile(annexFolder.appending("othertmp.lck"), [.readWrite, .create], mode: 0o666)
                guard try lock.tryLock(.exclusive) else { return false }
                defer { withExtendedLifetime(lock) {} }
                return try Self.remove(entry)
            }
        }
        try await checkFolder("annexd/tmp") { entry in
            try await branch.whileJournalIsLocked { try Self.remove(entry) }
        }
        try await checkTransfers()
    }

    private func checkUploads() async throws {
        let objects = annex.objects
        for entry in try await entries("annex/tmp") {
            let name = "annex/tmp/\(Examination.text(entry.name))"
            switch Judgement.temporary(
                name: entry.name, isFile: entry.status.kind == .regular, age: entry.age)
            {
            case .recent: continue
            case .debris:
                await examination.found(
                    .debris, name, "temporary, and \(Judgement.describe(age: entry.age)) old"
                ) { try Self.remove(entry) }
            case .partialUpload:
                guard let key = try? Key(fileName: entry.name) else { continue }
                if try await examination.pool.run({ try objects.isBusy(key) }) { continue }
                await examination.found(
                    .partialUpload, name,
                    "\(entry.status.size) bytes of an upload, last touched \(Judgement.describe(age: entry.age)) ago; kept "
                        + "so that it can go on")
            }
        }
    }

    /// In `annexd/partial` there is a folder for each key, and a file for each client in that.
    private func checkUploadsOfClients() async throws {
        let objects = annex.objects
        for folder in try await entries("annexd/partial") {
            let name = "annexd/partial/\(Examination.text(folder.name))"
            guard folder.status.kind == .directory, let key = try? Key(fileName: folder.name) else {
                guard Judgement.leftover(age: folder.age) == .debris else { continue }
                await examination.found(
                    .debris, name, "temporary, and \(Judgement.describe(age: folder.age)) old"
                ) { try Self.remove(folder) }
                continue
            }
            if try await examination.pool.run({ try objects.isBusy(key) }) { continue }
            for entry in try await entries(at: folder.path) where !entry.name.starts(with: [UInt8(ascii: ".")]) {
                await examination.found(
                    .partialUpload, "\(name)/\(Examination.text(entry.name))",
                    "\(entry.status.size) bytes of an upload, last touched \(Judgement.describe(age: entry.age)) ago; "
                        + "kept so that its client can go on")
            }
        }
    }

    private func checkFolder(
        _ folder: String, remove: @escaping @Sendable (Entry) async throws -> Bool
    ) async throws {
        for entry in try await entries(folder) where Judgement.leftover(age: entry.age) == .debris {
            await examination.found(
                .debris, "\(folder)/\(Examination.text(entry.name))",
                "temporary, and \(Judgement.describe(age: entry.age)) old"
            ) { try await remove(entry) }
        }
    }

    private func checkTransfers() async throws {
        let (objects, pool) = (annex.objects, examination.pool)
        for transfer in try await pool.run({ try objects.staleTransfers() }) {
            let age = WallClock.seconds - transfer.modified
            guard age > Judgement.Limits.lock else { continue }
            await examination.found(
                .staleTransfer, "annex/transfer/\(Examination.text(transfer.path))",
                "left by a transfer whose process is gone, \(Judgement.describe(age: age)) ago"
            ) { try await pool.run { try objects.remove(transfer) } }
        }
    }

    private func entries(_ folder: String) async throws -> [Entry] {
        try await entries(at: ConfinedPath(annex.gitDirectory).appending(folder))
    }

    private func entries(at path: ConfinedPath) async throws -> [Entry] {
        try await examination.pool.run {
            try Files.list(path).sorted { $0.lexicographicallyPrecedes($1) }.compactMap { name in
                let child = path.appending(bytes: name)
                return try Files.status(child).map { Entry(path: child, name: name, status: $0) }
            }
        }
    }

    /// Only if nobody has touched it since.
    private static func remove(_ entry: Entry) throws -> Bool {
        guard try Files.status(entry.path)?.version == entry.status.version else { return false }
        try Files.removeTree(entry.path)
        return true
    }
}
