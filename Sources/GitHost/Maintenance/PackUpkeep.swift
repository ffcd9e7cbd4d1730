public import FileIO
public import SystemPackage

/// Keeps a repository's objects in few packs, as `git gc --auto` would.
///
/// Pushes and commits to the git-annex branch each leave a pack or loose objects, and what looks for an object opens
/// all packs: after a day of uploads they would be thousands. Packs are united so that each has at least twice as many
/// objects as the next smaller one (`git repack --geometric`): the large ones are mostly left alone, and each object is
/// written a few times only. No object is removed, reachable or not.
///
/// Safe beside anything else that works in the repository: git installs the new pack before it removes those that it
/// replaces, and who had opened these finds the objects in the new one. Killed in the middle it leaves
/// ``AbandonedFiles``.
public struct PackUpkeep: Sendable {
    private let gitDirectory: FilePath
    private let memory: GitMemory

    public init(gitDirectory: FilePath, memory: GitMemory = .standard) {
        self.gitDirectory = gitDirectory
        self.memory = memory
    }

    /// From which number on there is something to do; 0 for never (`gc.auto` and `gc.autoPackLimit`).
    public struct Limits: Sendable, Equatable {
        public var looseObjects = 6700
        public var packs = 50

        public init() {}

        /// What the repository's git config says, as for `git gc --auto`: no `gc.auto` is no upkeep at all.
        public init(_ config: GitConfig) {
            looseObjects = Self.limit(config, "gc.auto", looseObjects)
            packs = looseObjects == 0 ? 0 : Self.limit(config, "gc.autoPackLimit", packs)
        }

        private static func limit(_ config: GitConfig, _ name: String, _ standard: Int) -> Int {
            guard let value = config.int(name) else { return standard }
            return max(0, Int(clamping: value))
        }
    }

    /// What git has its objects in.
    public struct Census: Sendable, Equatable {
        /// Sizes of the packs that may be united, in bytes.
        public var packs: [UInt64] = []
        /// How many loose objects there are, and their bytes; estimated, as git does, from one of 256 folders.
        public var looseObjects = 0
        public var looseBytes: UInt64 = 0

        public init() {}

        public func isDue(_ limits: Limits) -> Bool {
            (limits.packs > 0 && packs.count > limits.packs)
                || (limits.looseObjects > 0 && looseObjects > limits.looseObjects)
        }

        /// Bytes that the new pack takes at most, before the old ones go.
        public var bytesNeeded: UInt64 {
            // The bytes stand for the numbers of objects, by which git chooses: what is too large for its neighbour
            // stays.
            let sizes = packs.sorted()
            var united = sizes.indices.dropFirst().last { sizes[$0] / 2 < sizes[$0 - 1] }.map { $0 + 1 } ?? 0
            var sum = sizes[..<united].reduce(min(looseBytes, Self.largest), Self.add)
            while united < sizes.count, sizes[united] / 2 < sum {
                sum = Self.add(sum, sizes[united])
                united += 1
            }
            return sum
        }

        /// Sparse files may have any size; what no disk has room for is as good as more.
        private static let largest = UInt64(Int64.max)

        private static func add(_ left: UInt64, _ right: UInt64) -> UInt64 { min(left + min(right, largest), largest) }

        /// Counts one loose object of the folder that stands for 256.
        mutating func addSample(size: UInt64) {
            looseObjects += 256
            looseBytes = Self.add(looseBytes, min(size, Self.largest / 256) * 256)
        }
    }

    /// Blocking. Lists two folders. Nothing is counted in a partial clone, which git repacks in a way of its own.
    public func census() throws(FileError) -> Census {
        var census = Census()
        let objects = ConfinedPath(gitDirectory).appending("objects")
        let packs = objects.appending("pack")
        let names = Set(try Files.list(packs))
        if names.contains(where: { $0.suffix(9).elementsEqual(".promisor".utf8) }) { return census }
        for name in names where name.starts(with: "pack-".utf8) && name.suffix(5).elementsEqual(".pack".utf8) {
            // Somebody wants this one to stay as it is, or it is being received.
            let isKept = names.contains(name.dropLast(5) + Array(".keep".utf8))
            guard !isKept, let status = try Files.status(packs.appending(bytes: name)) else { continue }
            census.packs.append(status.size)
        }
        let sample = objects.appending("17")
        for name in try Files.list(sample) where name.count >= 38 {
            guard let status = try Files.status(sample.appending(bytes: name)) else { continue }
            census.addSample(size: status.size)
        }
        return census
    }

    /// Packs what is loose and unites packs.
    public func run() async throws {
        let command = GitCommand(["repack", "-d", "-l", "-q", "-n", "--geometric=2"], in: gitDirectory)
            .bounded(by: memory, threads: 1).setting("pack.packSizeLimit", "0")
        // As long as a disk may need for the largest repositories.
        _ = try await command.output(within: .seconds(24 * 3600))
    }
}
