import FileIO
import GitHost
import SystemPackage
import Testing

@Suite struct PackUpkeepTests {
    /// A repository with as many packs of one commit each, and the commit that was made last.
    private func packs(_ count: Int, in fixture: Fixture) async throws -> String {
        var last = ""
        for number in 0..<count {
            last = try await fixture.commit("\(number)", parents: last.isEmpty ? [] : [last])
            try await fixture.setRef("refs/heads/main", last)
            try await fixture.run("repack", "-d", "-q")
        }
        return last
    }

    private func packNames(_ fixture: Fixture) throws -> Set<String> {
        Set(try Files.list(fixture.git.appending("objects/pack")).map(\.text).filter { $0.hasSuffix(".pack") })
    }

    private func allObjects(_ fixture: Fixture) async throws -> String {
        try await fixture.run(
            "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype) %(objectsize)")
    }

    @Test("packs and loose objects become few packs, and no object is lost, not even one that nothing names")
    func unites() async throws {
        try await withScratch { scratch in
            let fixture = try await Fixture.bare(scratch.appending("r.git"))
            let last = try await packs(12, in: fixture)
            _ = try await fixture.commit("that no ref names")
            let upkeep = PackUpkeep(gitDirectory: fixture.git)
            #expect(try upkeep.census().packs.count == 12)
            let before = try await allObjects(fixture)
            // Who has the packs open goes on reading.
            let reader = try await GitCommand(["cat-file", "--batch"], in: fixture.git).stream { process in
                _ = try await process.write(Array("\(last)^\n".utf8))
                var output: [UInt8] = []
                for try await chunk in process.output {
                    chunk.withUnsafeBytes { output.append(contentsOf: $0) }
                    break
                }
                try await upkeep.run()
                _ = try await process.write(Array("\(last)~5:file\n\(last)\n".utf8))
                try await process.finish()
                for try await chunk in process.output { chunk.withUnsafeBytes { output.append(contentsOf: $0) } }
                return output
            }
            #expect(reader.output.text.contains(" blob 1\n6\n"))
            #expect(!reader.output.text.contains("missing"))
            #expect(try packNames(fixture).count <= 2)
            #expect(try await fixture.run("count-objects") == "0 objects, 0 kilobytes")
            #expect(try await allObjects(fixture) == before)
            #expect(try await fixture.run("fsck", "--no-dangling") == "")
        }
    }

    @Test("packs that are to stay, and partial clones, are left alone")
    func kept() async throws {
        try await withScratch { scratch in
            let fixture = try await Fixture.bare(scratch.appending("r.git"))
            _ = try await packs(3, in: fixture)
            let kept = try #require(try packNames(fixture).sorted().first)
            let stem = kept.dropLast(".pack".count)
            try write("", to: fixture.git.appending("objects/pack/\(stem).keep"))
            let upkeep = PackUpkeep(gitDirectory: fixture.git)
            #expect(try upkeep.census().packs.count == 2)
            try await upkeep.run()
            #expect(try packNames(fixture).count == 2)
            #expect(try packNames(fixture).contains(kept))
            try write("", to: fixture.git.appending("objects/pack/\(stem).promisor"))
            #expect(try upkeep.census().packs.isEmpty && upkeep.census().looseObjects == 0)
        }
    }

    @Test("loose objects are estimated from one folder in 256")
    func loose() async throws {
        try await withScratch { scratch in
            let fixture = try await Fixture.bare(scratch.appending("r.git"))
            for folder in ["17", "18"] { try Files.createDirectories(fixture.git.appending("objects/\(folder)")) }
            for number in 0..<3 {
                let name = String(repeating: "\(number)", count: 38)
                try write("12345", to: fixture.git.appending("objects/17/\(name)"))
                try write("", to: fixture.git.appending("objects/18/\(name)"))
            }
            try write("", to: fixture.git.appending("objects/17/tmp_obj_x"))
            let census = try PackUpkeep(gitDirectory: fixture.git).census()
            #expect(census.looseObjects == 768)
            #expect(census.looseBytes == 3840)
        }
    }

    @Test(
        "git's own settings say when",
        arguments: [
            ("", 6700, 50), ("[gc]\nauto = 0", 0, 0), ("[gc]\nauto = 100\nautoPackLimit = 7", 100, 7),
            ("[gc]\nautoPackLimit = 0", 6700, 0), ("[gc]\nauto = -1", 0, 0), ("[gc]\nauto = 1k", 1024, 50),
            ("[gc]\nauto = x", 6700, 50),
        ])
    func limits(config: String, loose: Int, packs: Int) throws {
        let limits = PackUpkeep.Limits(try GitConfig(parsing: Array(config.utf8)))
        #expect((limits.looseObjects, limits.packs) == (loose, packs))
        var census = PackUpkeep.Census()
        #expect(!census.isDue(limits))
        census.packs = Array(repeating: 1, count: packs)
        census.looseObjects = loose
        #expect(!census.isDue(limits))
        census.packs.append(1)
        #expect(census.isDue(limits) == (packs > 0))
        census.packs = []
        census.looseObjects += 1
        #expect(census.isDue(limits) == (loose > 0))
    }

    @Test(
        "room for what is written anew, and not for large packs that stay",
        arguments: [
            ([], 0, 0), ([100], 7, 7), ([100], 60, 160), ([1, 1000], 0, 0), ([1, 1, 1000], 0, 2),
            ([10, 12, 15, 1000], 0, 37), ([400, 300, 500], 0, 1200), ([1, 2, 4, 8], 0, 0), ([1, 2, 4, 8], 1, 16),
            ([3, 3, 10, 40], 0, 16),
            // Attack: a sparse file of a prepared repository has any size that the file system knows.
            ([.max, .max], 0, UInt64(Int64.max)), ([100], .max, UInt64(Int64.max)), ([.max], 0, 0),
            ([1, .max], .max, UInt64(Int64.max)),
        ] as [([UInt64], UInt64, UInt64)])
    func space(packs: [UInt64], loose: UInt64, needed: UInt64) {
        var census = PackUpkeep.Census()
        (census.packs, census.looseBytes) = (packs, loose)
        #expect(census.bytesNeeded == needed)
    }
}
