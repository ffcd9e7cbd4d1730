import FileIO
import Foundation
import GitHost
import SystemPackage
import Testing

@Suite struct AbandonedFilesTests {
    /// Makes files in a repository with an age in seconds, runs `body`, and answers which of them are left.
    private func left(
        of files: [String: Int], after body: (FilePath) throws -> Void
    ) async throws -> Set<String> {
        var left: Set<String> = []
        try await withScratch { scratch in
            let repository = scratch.appending("r.git")
            try await RepositoryCreator.create(at: repository)
            for (name, age) in files {
                let path = repository.appending(name)
                try Files.createDirectories(path.removingLastComponent())
                _ = try OpenFile(path, [.writeOnly, .create])
                let date = Date(timeIntervalSinceNow: -Double(age))
                try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path.string)
                if name.contains("tmp_objdir") {
                    let folder = path.removingLastComponent().string
                    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: folder)
                }
            }
            try body(repository)
            left = try Set(files.keys.filter { try Files.exists(repository.appending($0)) })
        }
        return left
    }

    @Test("old locks, quarantines, packs and reports go; young ones and everything else stay")
    func ages() async throws {
        let old = [
            "packed-refs.lock": 700, "refs/heads/main.lock": 700, "refs/heads/synced/git-annex.lock": 700,
            "objects/tmp_objdir-incoming-abc/x": 4000, "objects/pack/tmp_pack_abc": 4000, "fast_import_crash_17": 5,
            "objects/9b/tmp_obj_abc": 4000, "next-index-18.lock": 8 * 86400,
            "objects/pack/.tmp-17-pack-abc.pack": 4000,
        ]
        let kept = [
            "HEAD.lock": 100, "index.lock": 700, "next-index-17.lock": 700, "refs/heads/other.lock": 100,
            "objects/tmp_objdir-incoming-def/y": 3000,
            "objects/pack/tmp_idx_def": 3000, "objects/pack/.tmp-17-pack-def.idx": 3000, "refs/heads/lock": 9000,
            "annex/journal.lck": 9000,
            "objects/pack/pack-x.pack": 9000, "objects/9b/tmp_obj_def": 3000,
            "objects/9b/\(String(repeating: "0", count: 38))": 9000,
        ]
        let files = old.merging(kept) { $1 }
        let rest = try await left(of: files) { repository in
            // On a machine that has run for long: what is older than its start is abandoned in any case.
            let removed = try AbandonedFiles.remove(from: repository, machineStarted: 1)
            #expect(removed.count == old.count)
        }
        #expect(rest == Set(kept.keys))
    }

    /// A prepared repository whose `refs` is a link to somebody's home: each old `*.lock` below it, whatever program
    /// made it, was removed at the first request.
    @Test("no link is followed to files of other people", arguments: ["refs", "objects", "refs/heads/x", "objects/9b"])
    func links(place: String) async throws {
        try await withScratch { scratch in
            let (repository, home) = (scratch.appending("r.git"), scratch.appending("home"))
            try await RepositoryCreator.create(at: repository)
            let files = ["proj/Cargo.lock", "x.lock", "tmp_obj_abc", "pack/tmp_pack_abc"].map(home.appending)
            for path in files {
                try Files.createDirectories(path.removingLastComponent())
                _ = try OpenFile(path, [.writeOnly, .create])
                let date = Date(timeIntervalSinceNow: -90_000)
                try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path.string)
            }
            let link = repository.appending(place)
            try Files.removeTree(link)
            try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: home.string)
            let removed = try? AbandonedFiles.remove(from: repository)
            // A link in place of a whole folder is told; one among many files is passed over.
            #expect(removed == (place.contains("/") ? [] : nil))
            _ = try? AbandonedFiles.removeLocks(of: [Array("refs/heads/x/x".utf8)], in: repository)
            for path in files { #expect(try Files.exists(path), "\(path)") }
        }
    }

    @Test("a quarantine in which something still changes is not abandoned")
    func growing() async throws {
        let files = ["objects/tmp_objdir-incoming-a/old": 9000, "objects/tmp_objdir-incoming-a/pack/new": 10]
        #expect(try await left(of: files) { _ = try AbandonedFiles.remove(from: $0) }.count == 2)
    }

    @Test("before a push only the locks of its refs are looked at, and no name leads out of the repository")
    func refs() async throws {
        let files = ["refs/heads/a.lock": 700, "refs/heads/b.lock": 700, "refs/heads/c.lock": 10, "x.lock": 700]
        let rest = try await left(of: files) { repository in
            let refs = ["refs/heads/a", "refs/heads/c", "refs/../x", "x"].map { Array($0.utf8) }
            try AbandonedFiles.removeLocks(of: refs, in: repository)
        }
        #expect(rest == ["refs/heads/b.lock", "refs/heads/c.lock", "x.lock"])
    }
}
