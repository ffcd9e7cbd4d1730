import AnnexProtocol
import FileIO

/// The decisions of an inspection: from what was read to what is the matter. Pure.
enum Judgement {
    // MARK: Identity

    /// What is the matter with a repository's identity, and a detail for each.
    ///
    /// - Parameters:
    ///   - uuid: `annex.uuid` as it is written; nil where it is not set.
    ///   - version: `annex.version` as it is written.
    ///   - others: other hosted repositories with the same UUID.
    ///   - hasBranch: whether it has a git-annex branch.
    static func identity(
        uuid: String?, version: String?, others: [RepositoryName], hasBranch: Bool = false
    ) -> [(kind: Finding.Kind, detail: String)] {
        guard let uuid else {
            if version == nil, hasBranch {
                return [
                    (
                        .noUUID,
                        "it has a git-annex branch and no UUID, so contents are not served; the next push of git-annex "
                            + "gives it one, or git annex init in its folder"
                    )
                ]
            }
            if version == nil { return [(.noUUID, "it is not an annex; only git is served")] }
            return [(.badUUID, "annex.version is set, but not annex.uuid; is the config file damaged?")]
        }
        var result: [(Finding.Kind, String)] = []
        if let parsed = RepositoryUUID(uuid), parsed.fileName != nil {
            if parsed.isCluster { result.append((.badUUID, "annex.uuid \"\(uuid)\" is that of a cluster")) }
        } else {
            result.append((.badUUID, "annex.uuid \"\(uuid)\" cannot be the UUID of a repository"))
        }
        if !others.isEmpty {
            let names = others.sorted().map { "\($0)" }.joined(separator: ", ")
            result.append(
                (
                    .sharedUUID,
                    "annex.uuid \(uuid) is also that of \(names): none can be reached by UUID, and what is known about "
                        + "one is taken for the other; give the copy a UUID of its own with git annex reinit"
                ))
        }
        switch version.map({ Int($0) }) {
        case nil: result.append((.badVersion, "annex.uuid is set, but not annex.version; set it to 10"))
        case .some(.some(8...10)): break
        case .some: result.append((.badVersion, "annex.version \"\(version ?? "")\" is not known; only reading works"))
        }
        return result
    }

    // MARK: Permissions

    /// Whether a process of this user may make and remove files in a directory.
    static func canChange(_ directory: FileStatus, user: UInt32, groups: Set<UInt32>, group: UInt32) -> Bool {
        let wanted: UInt32 = 3
        if directory.owner == user { return directory.mode >> 6 & wanted == wanted }
        if groups.contains(group) { return directory.mode >> 3 & wanted == wanted }
        return directory.mode & wanted == wanted
    }

    // MARK: Debris

    /// What is found in folders for temporary files, by how long it was not touched.
    enum Leftover: Hashable {
        case partialUpload, debris
        /// Somebody may be at it.
        case recent
    }

    /// A file or folder in `annex/tmp`: partial content is kept for whoever goes on with the upload.
    static func temporary(name: [UInt8], isFile: Bool, age: Int64) -> Leftover {
        if isFile, !name.starts(with: Array("work.".utf8)), (try? Key(fileName: name)) != nil { return .partialUpload }
        return leftover(age: age)
    }

    /// Any other temporary file or folder.
    static func leftover(age: Int64) -> Leftover { age > Limits.debris ? .debris : .recent }

    /// Whether a file in the objects of git is one that a killed git left.
    static func isGitLeftover(_ name: String) -> Bool {
        ["tmp_obj_", "tmp_pack_", "tmp_idx_", "tmp_rev_", ".tmp-", "incoming-", "tmp_objdir-"].contains {
            name.hasPrefix($0)
        }
    }

    /// In seconds.
    enum Limits {
        /// Temporary files; uploads and pushes touch theirs all the time.
        static let debris: Int64 = 86_400
        /// Lock files beside objects, and of transfers; a new one is locked at once.
        static let lock: Int64 = 600
        /// Git's lock files have no lock: only their age tells.
        static let gitLock: Int64 = 3600
        /// The journal; a running server commits within seconds.
        static let journal: Int64 = 600
        /// Objects that have just come may not be in the log yet, if it is the stock program that received them.
        static let object: Int64 = 10
    }

    // MARK: Content

    /// What is the matter where log and object store say different things.
    ///
    /// - Parameters:
    ///   - logged: whether the log says that the key is here.
    ///   - age: seconds since the object was last changed or linked.
    static func content(logged: Bool, isHere: Bool, isBusy: Bool, age: Int64?) -> Finding.Kind? {
        if logged == isHere || isBusy { return nil }
        if isHere { return age.map { $0 <= Limits.object } ?? false ? nil : .objectNotLogged }
        return .objectMissing
    }

    /// An age for people.
    static func describe(age: Int64) -> String {
        switch age {
        case ..<120: "\(max(0, age)) seconds"
        case ..<7200: "\(age / 60) minutes"
        case ..<172_800: "\(age / 3600) hours"
        default: "\(age / 86_400) days"
        }
    }
}
