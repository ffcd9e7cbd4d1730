import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import ObjectStore

/// Every object on disk: is it what it says, is it logged, and are there lock files that nobody needs?
struct ObjectsCheck: Sendable {
    let examination: Examination
    let annex: ExaminedAnnex

    func run() async throws {
        let (objects, pool) = (annex.objects, examination.pool)
        for first in try await pool.run({ try objects.firstHashDirectories() }) {
            let (folders, strange) = try await pool.run { () -> ([ObjectFolder], [[UInt8]]) in
                var strange: [[UInt8]] = []
                let folders = try objects.folders(in: first) { strange.append($0) }
                return (folders, strange)
            }
            for path in strange {
                await examination.found(
                    .objectsStrange, "annex/objects/\(Examination.text(path))", "it belongs to no object; left alone")
            }
            for start in stride(from: 0, to: folders.count, by: 256) {
                try await check(Array(folders[start..<min(start + 256, folders.count)]))
            }
        }
    }

    private func check(_ folders: [ObjectFolder]) async throws {
        let (objects, pool) = (annex.objects, examination.pool)
        var present: [(folder: ObjectFolder, key: Key)] = []
        for folder in folders {
            guard let key = folder.key else { continue }
            if !folder.isInPlace {
                guard folder.object != nil else { continue }
                await examination.found(
                    .objectMisplaced, "annex/objects/\(Examination.text(folder.path))",
                    "nothing looks for the object here; git annex fsck in the repository moves it to its place")
                continue
            }
            if folder.object != nil {
                if folder.hasRightSize { present.append((folder, key)) } else { await reportSize(folder, key) }
            }
            if let since = folder.staleLocksSince, WallClock.seconds - since > Judgement.Limits.lock {
                await examination.found(
                    .staleLock, "annex/objects/\(Examination.text(folder.path))",
                    "lock files that nobody holds, \(Judgement.describe(age: WallClock.seconds - since)) old"
                ) { try await pool.run { try objects.removeStaleLocks(key) } }
            }
        }
        try await compare(present)
    }

    /// Content that just came is not in the log for a moment, so what differs is looked at again when nobody is at it.
    private func compare(_ present: [(folder: ObjectFolder, key: Key)]) async throws {
        let (objects, pool, annex) = (annex.objects, examination.pool, annex)
        let claims = try await annex.branch.claims(present.map(\.key))
        for ((folder, key), claim) in zip(present, claims) where !claim {
            let isBusy = try await pool.run { try objects.isBusy(key) }
            let isHere = try await pool.run { try objects.find(key) != nil }
            let logged = try await annex.branch.claims([key]) == [true]
            let age = folder.object.map { WallClock.seconds - $0.changed }
            guard Judgement.content(logged: logged, isHere: isHere, isBusy: isBusy, age: age) == .objectNotLogged else {
                continue
            }
            await examination.found(
                .objectNotLogged, "\(key)", "the content is here, but the location log does not say so"
            ) {
                try await annex.correctLog(of: key)
                return true
            }
        }
    }

    private func reportSize(_ folder: ObjectFolder, _ key: Key) async {
        guard let object = folder.object else { return }
        let annex = annex
        await examination.found(
            .objectWrongSize, "\(key)",
            "the object has \(object.size) bytes; it is not served. Repairing moves it to annex/bad"
        ) { try await annex.quarantine(key, object.version) }
    }
}
