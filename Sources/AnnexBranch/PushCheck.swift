public import AnnexProtocol
import GitHost
public import SystemPackage

/// Judges a pushed `git-annex` ref before it moves (docs/hostile-pushes.md). Changes nothing.
public struct PushCheck: Sendable {
    private let policy: PushedFilePolicy
    private let settings: BranchSettings
    private let objects: BranchObjects

    /// - Parameters:
    ///   - own: the repository's UUID; nil where it is no annex yet.
    ///   - environment: variables by which git finds the objects of a push that is being received.
    public init(
        gitDirectory: FilePath, own: RepositoryUUID?, settings: BranchSettings, environment: [(String, String)] = []
    ) {
        self.settings = settings
        policy = PushedFilePolicy(own: own, levels: settings.hashLevels)
        objects = BranchObjects(
            gitDirectory: gitDirectory,
            reader: ObjectReader(
                gitDirectory: gitDirectory, sizeLimit: max(settings.maximumFileSize, BranchObjects.largestTree),
                idleTime: settings.readerIdleTime,
                environment: environment),
            environment: environment)
    }

    init(objects: BranchObjects, policy: PushedFilePolicy, settings: BranchSettings) {
        self.objects = objects
        self.policy = policy
        self.settings = settings
    }

    /// Whether a commit has nothing new that a branch may not hold.
    func isClean(_ commit: String, since base: String?) async throws -> Bool {
        try await objectionToFiles(of: commit, since: base) == nil
    }

    /// Why `refs/heads/git-annex` must not move from `old`, if there is one, to `new`; nil when it may.
    ///
    /// The branch would hold the pushed tree as it is, so every file that differs is looked at.
    public func objection(toBranch new: String, replacing old: String?) async throws -> String? {
        if settings.isReadOnly {
            // What waits in the journal cannot be committed first, and the stock program would put its version of a
            // file in place of a pushed one (spec 02 §2.5).
            return """
                annexd does not change this branch here (annex.pidlock, or an annex.version that it does not know); \
                push it to synced/git-annex, which git-annex merges
                """
        }
        return try await closingReader {
            if let reason = try await objectionToMerging(new) { return reason }
            return try await objectionToFiles(of: new, since: old)
        }
    }

    private func objectionToFiles(of new: String, since old: String?) async throws -> String? {
        do {
            return try await TreeScan(check: self).objection(from: old, to: new)
        } catch let error as AnnexBranchError where error.isAboutContent {
            return error.message
        }
    }

    /// Why a ref that is only merged, such as `synced/git-annex`, must not move to `new`; nil when it may.
    ///
    /// A merge leaves out what the branch may not hold. So here it only matters whether it can be merged, at a cost
    /// that has a bound.
    ///
    /// - Parameter creating: the name of a ref that is not there yet; nil where it is.
    public func objection(toMerging new: String, creating ref: String? = nil) async throws -> String? {
        try await closingReader {
            let limit = settings.maximumPushedRefs
            if let ref, ref.hasPrefix("refs/synced/"),
                try await objects.annexRefs(below: ["refs/synced"], atMost: limit).count >= limit
            {
                return "\(limit) refs of its kind are there already; push to synced/git-annex, or delete some"
            }
            if let reason = try await objectionToMerging(new) { return reason }
            let changes = TreeChanges(old: try await objects.tip(), new: new, objects: objects)
            let allowance = Allowance(settings.pushLimits)
            do {
                try await changes.forEachPart { part in
                    let files = part.filter { !$0.isRemoved && !$0.isFolder && policy.flaw(inPath: $0.name) == nil }
                    let strange = files.count { BranchPath($0.name).map(policy.isStrange) ?? false }
                    try await allowance.take(files: part.count { !$0.isRemoved }, strangeFiles: strange)
                    return true
                }
                return nil
            } catch let error as AnnexBranchError where error.isAboutContent {
                return error.message
            }
        }
    }

    /// What keeps a commit from being merged at all.
    private func objectionToMerging(_ new: String) async throws -> String? {
        guard try await objects.tip(of: new) == new else { return "it is no commit" }
        let (reason, _) = try await MergeObjection.find(
            to: new, tip: try await objects.tip(), tuning: settings.tuning, objects)
        return reason?.description
    }

    private func closingReader(_ body: () async throws -> String?) async throws -> String? {
        do {
            let result = try await body()
            await objects.reader.close()
            return result
        } catch {
            await objects.reader.close()
            throw error
        }
    }

    private actor Allowance {
        private var limits: PushLimits

        init(_ limits: PushLimits) { self.limits = limits }

        func take(files: Int, strangeFiles: Int) throws {
            try limits.take(files: files, strangeFiles: strangeFiles)
        }
    }
}

extension AnnexBranchError {
    /// Whether what was pushed is to blame.
    var isAboutContent: Bool { code == .tooMuch || code == .brokenTree || code == .unexpectedContent }
}

extension PushCheck {
    /// Looks at everything that differs between two commits.
    fileprivate actor TreeScan {
        private let check: PushCheck
        private var limits: PushLimits
        private var objection: String?

        init(check: PushCheck) {
            self.check = check
            limits = check.settings.pushLimits
        }

        func objection(from old: String?, to new: String) async throws -> String? {
            var changes = TreeChanges(old: old, new: new, objects: check.objects)
            changes.requiresSoundTrees = true
            try await changes.forEachPart { part in try await self.accepts(part) }
            return objection
        }

        /// False when something is wrong; ``objection`` tells what.
        private func accepts(_ part: [TreeChanges.Entry]) async throws -> Bool {
            for entry in part {
                if entry.isRemoved { return refuse(entry.name, .removed) }
                if entry.isFolder { return refuse(entry.name, .tooDeep) }
                if let flaw = check.policy.flaw(inPath: entry.name, mode: entry.newMode) {
                    return refuse(entry.name, flaw)
                }
                let isStrange = BranchPath(entry.name).map(check.policy.isStrange) ?? false
                try limits.take(files: 1, strangeFiles: isStrange ? 1 : 0)
            }
            return try await acceptsContents(part)
        }

        private func refuse(_ name: [UInt8], _ flaw: PushedFilePolicy.Flaw) -> Bool {
            objection = "\(Self.quoted(name)): \(flaw)"
            return false
        }

        private func acceptsContents(_ entries: [TreeChanges.Entry]) async throws -> Bool {
            let blobs = entries.flatMap { $0.isNew || $0.oldMode == "040000" ? [$0.newID] : [$0.newID, $0.oldID] }
            let sizes = try await check.objects.information(blobs.map { Array($0.utf8) })
            var group: [TreeChanges.Entry] = []
            var bytes = 0
            for entry in entries {
                guard let info = sizes[Array(entry.newID.utf8)], info.type == "blob" else {
                    objection = "\(Self.quoted(entry.name)): its content is missing"
                    return false
                }
                let maximum = largest(entry.name)
                if info.size > maximum {
                    objection = "\(Self.quoted(entry.name)): it is larger than \(maximum) bytes"
                    return false
                }
                let old = sizes[Array(entry.oldID.utf8)]?.size ?? 0
                try limits.take(bytes: info.size.clampedSum(old))
                group.append(entry)
                bytes += info.size + min(old, check.settings.maximumFileSize)
                if bytes > TreeMerge.partBytes {
                    guard try await acceptsGroup(group) else { return false }
                    (group, bytes) = ([], 0)
                }
            }
            return try await acceptsGroup(group)
        }

        /// In bytes.
        private func largest(_ name: [UInt8]) -> Int {
            let limit = BranchPath(name).map(check.policy.maximumSize)
            return min(check.settings.maximumFileSize, limit ?? PushedFilePolicy.maximumSharedFileSize)
        }

        private func acceptsGroup(_ group: [TreeChanges.Entry]) async throws -> Bool {
            let new = try await check.objects.reader.read(group.map { Array($0.newID.utf8) })
            let changed = group.filter { $0.oldMode.hasPrefix("100") }
            let old = try await check.objects.reader.read(changed.map { Array($0.oldID.utf8) })
            var before: [[UInt8]: [UInt8]] = [:]
            for (entry, reply) in zip(changed, old) { before[entry.name] = try? reply.blob("") }
            for (entry, reply) in zip(group, new) {
                guard let path = BranchPath(entry.name), let content = try reply.blob(path.description) else {
                    return refuse(entry.name, .badPath)
                }
                if let flaw = check.policy.flaw(in: content, replacing: before[entry.name], at: path) {
                    return refuse(entry.name, flaw)
                }
            }
            return true
        }

        /// Shown on terminals, so nothing in it may be a control character.
        private static func quoted(_ name: [UInt8]) -> String {
            let text = String(decoding: name.prefix(200), as: UTF8.self)
            let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : String($0) }
            return "\"\(scalars.joined())\(name.count > 200 ? "…" : "")\""
        }
    }
}
