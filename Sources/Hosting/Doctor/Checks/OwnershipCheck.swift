import Blocking
import FileIO
import Glibc
import SystemPackage

/// Whether folders belong to somebody else than the root folder does, so that the server cannot write there. That
/// happens where repositories were made by root or copied in. Who asks does not matter.
struct OwnershipCheck: Sendable {
    let examination: Examination
    let root: RootFolder
    /// Nil for the host's own state.
    var gitDirectory: FilePath?

    func run() async throws {
        let (root, gitDirectory) = (root, gitDirectory)
        let (folders, owner) = try await examination.pool.run { () -> ([ConfinedPath], UInt32) in
            guard let host = try Files.status(root.path) else { return ([], 0) }
            // Root may write anywhere.
            if host.owner == 0 { return ([], 0) }
            let candidates = try gitDirectory.map { try Self.folders(in: $0, below: root) } ?? Self.folders(of: root)
            let groups = Users.groups(of: host.owner)
            let foreign = try candidates.filter { path in
                guard let status = try Files.status(path), status.kind == .directory else { return false }
                return status.owner != host.owner
                    && !Judgement.canChange(status, user: host.owner, groups: groups, group: status.group)
            }
            return (foreign, host.owner)
        }
        guard let first = folders.first, let status = try? Files.status(first) else { return }
        let (theirs, ours) = (Users.name(of: status.owner), Users.name(of: owner))
        let others = folders.count == 1 ? "" : " (and \(folders.count - 1) more)"
        var place = first.path
        _ = place.removePrefix(root.path)
        await examination.found(
            .foreignOwner, "\(place)",
            "the folder\(others) belongs to \(theirs), and the root folder to \(ours), who cannot write there: "
                + "chown -R \(ours) \(first)")
    }

    private static func folders(of root: RootFolder) -> [ConfinedPath] {
        [root.state, root.workshop, root.trash, root.aliases, root.hooks].map { ConfinedPath(inParent: $0) }
    }

    /// Those above the repository, its own, and those in which git and the annex make files first.
    private static func folders(in gitDirectory: FilePath, below root: RootFolder) throws -> [ConfinedPath] {
        var result: [ConfinedPath] = []
        var parent = gitDirectory.removingLastComponent()
        while parent != root.path, parent.starts(with: root.path) {
            result.insert(ConfinedPath(inParent: parent), at: 0)
            parent = parent.removingLastComponent()
        }
        let own = ConfinedPath(gitDirectory)
        result.append(own)
        for name in ["objects", "annex", "annex/objects", "annexd"] {
            let folder = own.appending(name)
            guard try Files.status(folder)?.kind == .directory else { continue }
            result.append(folder)
            result += try Files.list(folder).map { folder.appending(bytes: $0) }
        }
        return result + (try subfolders(of: own.appending("refs")))
    }

    private static func subfolders(of folder: ConfinedPath) throws -> [ConfinedPath] {
        guard try Files.status(folder)?.kind == .directory else { return [] }
        return try [folder] + Files.list(folder).flatMap { try subfolders(of: folder.appending(bytes: $0)) }
    }
}

/// The machine's users and groups.
enum Users {
    /// The name of a user, or the number where nobody has a name for it.
    static func name(of user: UInt32) -> String {
        getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "\(user)"
    }

    /// The groups that a user's processes are in.
    static func groups(of user: UInt32) -> Set<UInt32> {
        guard let entry = getpwuid(user) else { return [] }
        var count: Int32 = 1024
        var list = [gid_t](repeating: 0, count: Int(count))
        guard getgrouplist(entry.pointee.pw_name, entry.pointee.pw_gid, &list, &count) >= 0 else {
            return [entry.pointee.pw_gid]
        }
        return Set(list.prefix(Int(count)))
    }
}
